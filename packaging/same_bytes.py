"""Writes every .pyc below a folder anew, so that equal code has equal bytes.

What marshal writes depends on how often objects are referenced in the process that writes, and PyInstaller's process has
a history: a warm cache, a second analysis. Run as a program of its own, this one has the same history each time.
usage: same_bytes.py FOLDER
"""

import marshal
import sys
from pathlib import Path

HEADER = 16
"""Bytes before the code: magic number, flags, and time or hash of the source."""


def main(folder: str) -> None:
    """Write the files anew, in the order of their names."""
    for path in sorted(Path(folder).rglob("*.pyc")):
        data = path.read_bytes()
        path.write_bytes(data[:HEADER] + marshal.dumps(marshal.loads(data[HEADER:])))  # noqa: S302


if __name__ == "__main__":
    main(sys.argv[1])
