"""Writes every .pyc below a folder anew, so that equal code has equal bytes.

What marshal writes depends on the process that writes: which texts are interned in it, and how often each is used.
PyInstaller's process has a history of its own; this one, run as a program, has the same history each time.
"""

import marshal
import sys
from pathlib import Path
from types import CodeType
from typing import Any

HEADER = 16
"""Bytes before the code: magic number, flags, and time or hash of the source."""


def settled(value: Any) -> Any:
    """Return a constant or code with all its texts interned."""
    if type(value) is str:
        return sys.intern(value)
    if type(value) is tuple:
        return tuple(map(settled, value))
    if type(value) is frozenset:
        return frozenset(map(settled, value))
    if type(value) is CodeType:
        return value.replace(
            co_consts=tuple(map(settled, value.co_consts)),
            co_filename=sys.intern(value.co_filename),
            co_name=sys.intern(value.co_name),
            co_qualname=sys.intern(value.co_qualname),
        )
    return value


def main(folder: str) -> None:
    """Write the files anew, in the order of their names."""
    for path in sorted(Path(folder).rglob("*.pyc")):
        data = path.read_bytes()
        path.write_bytes(data[:HEADER] + marshal.dumps(settled(marshal.loads(data[HEADER:]))))  # noqa: S302


if __name__ == "__main__":
    main(sys.argv[1])
