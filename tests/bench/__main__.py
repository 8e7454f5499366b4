"""`python -m tests.bench`: how fast and how small the plugin is, cold and warm, beside the bare interpreter.

PROGRAM=PATH in the environment measures a frozen program instead of this source tree, PEER=COMMAND another credential
helper beside it, which is given the kubelet's request on standard input. The cloud is simulated, and answers at once.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import chdir
from pathlib import Path
from typing import TextIO

from tests.bench.measure import Bench
from tests.bench.process import Stuck
from tests.bench.report import as_json, as_text
from tests.bench.subjects import Programs, Wrong
from tests.cloud import SimulatedCloud
from tests.integration.node import ROOT, Node


def main(arguments: Sequence[str], environ: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """Measure and print; the exit status is 1 where a run did not do what it is measured for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=_positive, default=25, help="of each kind (default: %(default)s)")
    parser.add_argument("--at-once", type=int, default=50, metavar="N", help="on a cold node; 0: not (default: 50)")
    parser.add_argument("--json", action="store_true", help="as JSON, in seconds and bytes")
    options = parser.parse_args(arguments)
    if not options.json:
        print("Measuring; it takes less than a minute.\n", file=stderr, flush=True)
    try:
        with (
            chdir(ROOT),
            tempfile.TemporaryDirectory(prefix="acr-bench-") as directory,
            SimulatedCloud(Path(directory) / "cloud") as cloud,
        ):
            (Path(directory) / "node").mkdir()
            node = Node(cloud, Path(directory) / "node")
            measured = Bench(cloud, node, Programs.of(node, environ)).measure(options.runs, options.at_once)
    except (Wrong, Stuck) as error:
        print(f"bench: {error}", file=stderr)
        return 1
    stdout.write(json.dumps(as_json(measured), indent=2) + "\n" if options.json else as_text(measured))
    return 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("one run at least")
    return number


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:], os.environ, sys.stdout, sys.stderr))
    except KeyboardInterrupt:
        sys.exit(130)
