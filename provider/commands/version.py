"""`version`: which version this is."""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TextIO

from provider.kubelet import API_VERSIONS
from provider.places import PROGRAM
from provider.version import VERSION


def run(arguments: Sequence[str], stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Print the version."""
    made = argparse.ArgumentParser(f"{PROGRAM} version", description="Print the version.", allow_abbrev=False)
    made.add_argument("--json", action="store_true", help="as JSON, with the protocol's versions")
    if made.parse_args(list(arguments)).json:
        python = ".".join(str(part) for part in sys.version_info[:3])
        stdout.write(json.dumps({"version": VERSION, "python": python, "apiVersions": API_VERSIONS}, indent=2) + "\n")
    else:
        stdout.write(f"{PROGRAM} {VERSION}\n")
    return 0
