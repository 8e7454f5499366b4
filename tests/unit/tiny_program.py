"""A program for this machine that prints one text and ends: no script, which detection takes for somebody's wrapper."""

import platform
import struct

_BASE = 0x400000
_HEADERS = 64 + 56


def _x86_64(place: int, length: int) -> bytes:
    # write(1, text, length); exit(0)
    write = b"\xb8\x01\0\0\0\xbf\x01\0\0\0\x48\xbe" + struct.pack("<Q", place) + b"\xba" + struct.pack("<I", length)
    return write + b"\x0f\x05\xb8\x3c\0\0\0\x31\xff\x0f\x05"


def _aarch64(place: int, length: int) -> bytes:
    def move(register: int, value: int, half: int = 0, *, keep: bool = False) -> int:
        return (0xF2800000 if keep else 0xD2800000) | half << 21 | (value & 0xFFFF) << 5 | register

    call = 0xD4000001
    write = [move(0, 1), move(1, place), move(1, place >> 16, 1, keep=True), move(2, length), move(8, 64), call]
    return struct.pack("<9I", *write, move(0, 0), move(8, 93), call)


_MACHINES = {"x86_64": (62, _x86_64), "aarch64": (183, _aarch64)}


def program(text: str) -> bytes:
    """Return an executable that prints the text, whatever its arguments are."""
    machine, code_for = _MACHINES[platform.machine()]
    message = text.encode()
    size = len(code_for(0, 0))
    code = code_for(_BASE + _HEADERS + size, len(message))
    start = _BASE + _HEADERS
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, machine, 1, start, 64, 0, 0, 64, 56, 1, 64, 0, 0
    )
    total = _HEADERS + len(code) + len(message)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, total, total, 0x1000)
    return header + segment + code + message
