"""The path of the dynamic loader that a frozen program names, rewritten in place.

The bundle brings its own C library, so the program names the bundle's own loader, and the kernel takes nothing but an
absolute path. The build leaves room behind that path; whoever installs elsewhere writes another one, without any tool.
"""

import struct
from typing import NamedTuple

from provider.errors import ProviderError

ROOM = 256
"""Bytes that the build keeps for the path, its NUL included."""

_IDENTIFICATION = b"\x7fELF\x02\x01"  # 64 bits, little-endian: all that the program is built for
_TABLE = struct.Struct("<32xQ14xHH")  # e_phoff, e_phentsize, e_phnum
_ENTRY = struct.Struct("<I4xQ16xQ")  # p_type, p_offset, p_filesz
_INTERPRETER = 3


class Unsuitable(ProviderError):
    """The file is no program of ours, or the path does not fit into it."""


class _Place(NamedTuple):
    start: int
    room: int


def interpreter_of(program: bytes) -> str:
    """Return the path of the loader that an ELF program names. Raises Unsuitable."""
    place = _place_in(program)
    return program[place.start : place.start + place.room].partition(b"\0")[0].decode(errors="replace")


def with_interpreter(program: bytes, path: str) -> bytes:
    """Return the program with another path of its loader; nothing else changes, not even the size.

    The kernel takes the path up to its first NUL and wants the last byte of the room to be one. Raises Unsuitable.
    """
    place = _place_in(program)
    encoded = path.encode()
    if not path.startswith("/") or b"\0" in encoded:
        raise Unsuitable("the path of a program's loader must be absolute")
    if len(encoded) >= place.room:
        raise Unsuitable(f"the path of the loader is longer than the {place.room - 1} bytes that there is room for")
    return program[: place.start] + encoded.ljust(place.room, b"\0") + program[place.start + place.room :]


def _place_in(program: bytes) -> _Place:
    if not program.startswith(_IDENTIFICATION):
        raise Unsuitable("not a 64-bit little-endian ELF program")
    try:
        offset, size, count = _TABLE.unpack_from(program)
        entries = [_ENTRY.unpack_from(program, offset + size * index) for index in range(count)]
    except struct.error:
        raise Unsuitable("the ELF program is cut short") from None
    places = [_Place(start, room) for kind, start, room in entries if kind == _INTERPRETER]
    if len(places) != 1 or not places[0].room or sum(places[0]) > len(program) or program[sum(places[0]) - 1]:
        raise Unsuitable("the ELF program names no loader")
    return places[0]
