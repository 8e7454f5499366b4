"""`python -m tests.cloud --directory DIR`: the simulated cloud as a process of its own.

Prints one line of JSON when ready, then answers a line for each command on stdin; ends at the end of stdin, or SIGTERM.
"""

import argparse
import json
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn, TextIO

from tests.cloud.control import obey, ready
from tests.cloud.simulation import SimulatedCloud


def main(arguments: list[str], commands: Iterable[str], answers: TextIO) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cloud", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True, help="where the CA files go")
    for name in ("https", "metadata", "proxy"):
        parser.add_argument(f"--{name}", type=_address, default=("127.0.0.1", 0), metavar="HOST:PORT")
    parser.add_argument("--backend", type=_address, metavar="HOST:PORT", help="the registry that has the images")
    options = vars(parser.parse_args(arguments))
    with SimulatedCloud(options.pop("directory"), **options) as cloud:
        print(json.dumps(ready(cloud)), file=answers, flush=True)
        for line in commands:
            print(obey(cloud, line), file=answers, flush=True)
    return 0


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def _end(*_: object) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    sys.exit(main(sys.argv[1:], sys.stdin, sys.stdout))
