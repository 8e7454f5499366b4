"""The settings of one unit file, in systemd's syntax, each with its place in the file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from provider.node.detect.words import WHITESPACE

SECTION = "Service"
COMMENTS = ("#", ";")
# systemd takes two different line ends that follow each other as one.
_LINE_END = re.compile(r"\r\n|\n\r|[\n\r\0]")
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Setting:
    """An assignment in section Service: `value` with continued lines joined, as systemd joins them."""

    name: str
    value: str
    path: str
    """The file, without symbolic links."""
    places: tuple[int, ...] = field(repr=False)
    """For each character of `value`, where it is in the file's text."""


def decoded(content: bytes) -> str:
    """Return a file's text; bytes that are not UTF-8 survive the way there and back."""
    return content.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    """Return the bytes of a text that `decoded` gave."""
    return text.encode("utf-8", "surrogateescape")


def settings(text: str, path: str) -> Iterator[Setting]:
    """Yield the assignments of section Service in a unit file's text; what is no such line is passed over."""
    section = ""
    for line, places in _joined_lines(text):
        start, end = _stripped(line, 0, len(line))
        if start == end or line[start] in COMMENTS:
            continue
        if line[start] == "[":
            section = line[start + 1 : end - 1] if line[end - 1] == "]" else section
            continue
        equals = line.find("=", start, end)
        if section != SECTION or equals < 0:
            continue
        name_start, name_end = _stripped(line, start, equals)
        value_start, value_end = _stripped(line, equals + 1, end)
        yield Setting(
            line[name_start:name_end], line[value_start:value_end], path, tuple(places[value_start:value_end])
        )


def _stripped(line: str, start: int, end: int) -> tuple[int, int]:
    """Return a slice without the white space around it."""
    while start < end and line[start] in WHITESPACE:
        start += 1
    while start < end and line[end - 1] in WHITESPACE:
        end -= 1
    return start, end


def _joined_lines(text: str) -> Iterator[tuple[str, list[int]]]:
    """Yield lines with the lines that continue them, and where each character is in the text."""
    joined, places = "", list[int]()
    for line, offset in _lines(text):
        if line.lstrip(WHITESPACE).startswith(COMMENTS):
            continue
        joined += line
        places += range(offset, offset + len(line))
        backslashes = len(joined) - len(joined.rstrip("\\"))
        if backslashes % 2:
            joined = joined[:-1] + " "
            continue
        yield joined, places
        joined, places = "", []
    if joined:
        yield joined, places


def _lines(text: str) -> Iterator[tuple[str, int]]:
    position = len(_BYTE_ORDER_MARK) if text.startswith(_BYTE_ORDER_MARK) else 0
    for match in _LINE_END.finditer(text, position):
        yield text[position : match.start()], position
        position = match.end()
    yield text[position:], position
