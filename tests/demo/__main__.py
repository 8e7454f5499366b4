"""`python -m tests.demo`: the plugin at work against a simulated cloud, for somebody who sees it for the first time.

Needs no root and no network, ends by itself, and leaves nothing behind. Exit status 0: all that it showed was true.
"""

import compileall
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import NoReturn, TextIO

from tests.cloud import SimulatedCloud
from tests.demo.narrator import Narrator, Untrue
from tests.demo.story import Story
from tests.integration.node import ROOT, Node


def main(out: TextIO, *, coloured: bool) -> int:
    """Tell the story on `out` and return the exit status."""
    # As an installed program is: else the first request's time would be that of compiling it.
    compileall.compile_dir(ROOT / "provider", quiet=2)
    with (
        tempfile.TemporaryDirectory(prefix="acr-demo-") as directory,
        SimulatedCloud(Path(directory) / "cloud") as cloud,
    ):
        return show(cloud, Path(directory) / "node", out, coloured=coloured)


def show(cloud: SimulatedCloud, directory: Path, out: TextIO, *, coloured: bool) -> int:
    """Tell the story in this cloud, with the node's files in a new directory."""
    directory.mkdir()
    narrator = Narrator(out, cloud.secrets, coloured=coloured)
    try:
        Story(Node(cloud, directory), narrator).tell()
    except Untrue as error:
        narrator.failure(str(error))
        return 1
    return 0


def _end(*_: object) -> NoReturn:
    raise SystemExit(128 + signal.SIGTERM)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    try:
        sys.exit(main(sys.stdout, coloured=sys.stdout.isatty() and "NO_COLOR" not in os.environ))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or its buffer complains at the exit
        sys.exit(1)
