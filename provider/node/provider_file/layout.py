"""Where a provider's lines or brackets begin and end in a file, and how its neighbours are indented.

A change replaces one span of the text and leaves every other character as it is. Offsets count characters.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from provider.node.provider_file.entry import quoted
from provider.node.provider_file.nodes import Collection, Node
from provider.node.provider_file.source import Source

_DASH = re.compile(r"( *)-(?=[ \t\r\n]|$)")
_COMMENT = re.compile(r"( *)#")


class Span(NamedTuple):
    """A part of a text, from `start` up to before `end`."""

    start: int
    end: int

    def replaced(self, text: str, new: str) -> str:
        """Return the text with `new` in the place of this part."""
        return text[: self.start] + new + text[self.end :]


class Style(NamedTuple):
    """How an item in block style is written; see entry.block_lines."""

    dash: str
    gap: int
    nested: int


def line_start(text: str, offset: int) -> int:
    """Return where the line of an offset begins."""
    return text.rfind("\n", 0, offset) + 1


def line_end(text: str, offset: int) -> int:
    """Return where the line of an offset ends: at its line feed, or at the end of the text."""
    end = text.find("\n", offset)
    return len(text) if end < 0 else end


def newline(text: str) -> str:
    """Return what ends the lines of a text."""
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def item_lines(source: Source, number: int) -> Span:
    """Return the lines of an item in block style: from its dash's to its last value's, without the last line feed."""
    text, item = source.text, source.providers.items[number]
    end = _last_end(item)
    if end and text[end - 1] == "\n":  # a block of text ends where the line behind it begins
        end -= 1
    return Span(_dash_line(text, item), line_end(text, end))


def behind_last(source: Source) -> int:
    """Return where a new item in block style goes: behind the last one and the comments that are indented below it."""
    text = source.text
    end = item_lines(source, len(source.providers.items) - 1).end
    column = len(style(source, -1).dash)
    place = look = min(end + 1, len(text))
    while look < len(text):
        comment = _COMMENT.match(text, look)
        blank = not text[look : line_end(text, look)].strip()
        if not blank and not (comment and len(comment[1]) > column):
            break
        look = min(line_end(text, look) + 1, len(text))
        if not blank:
            place = look
    return place


def style(source: Source, number: int) -> Style:
    """Return how an item in block style is written, as far as it tells; else as is usual."""
    text, item = source.text, source.providers.items[number]
    match = _DASH.match(text, _dash_line(text, item))
    dash = match[1] if match else ""
    column = item.start - line_start(text, item.start)
    gap = column - len(dash)
    nested = len(dash) - source.root.column
    for node in item.items if isinstance(item, Collection) else ():
        if isinstance(node, Collection) and not node.pairs and not node.flow and node.items:
            match = _DASH.match(text, _dash_line(text, node.items[0]))
            nested = len(match[1]) - column if match else nested
            break
    return Style(dash, gap if 2 <= gap <= 8 else 2, nested if 0 <= nested <= 8 else 2)


def flow_item(source: Source, fields: Mapping[str, Any], number: int) -> str:
    """Return the fields as one item between brackets, on lines of their own where the item `number` is."""
    text = source.text
    example = source.providers.items[number] if source.providers.items else None
    if not isinstance(example, Collection) or not example.items or "\n" not in text[example.start : example.end]:
        return quoted(fields)
    before = text[line_start(text, example.start) : example.start]
    first = text[line_start(text, example.items[0].start) : example.items[0].start]
    lead = before[: len(before) - len(before.lstrip())]
    unit = first.removeprefix(lead)
    if not unit or unit.strip():
        return quoted(fields)
    return f"{newline(text)}{lead}".join(quoted(fields, unit).split("\n"))


def flow_gap(source: Source) -> str:
    """Return what goes between two items between brackets."""
    text, last = source.text, source.providers.items[-1]
    before = text[line_start(text, last.start) : last.start]
    return f",{newline(text)}{before}" if not before.strip() else ", "


def _last_end(node: Node) -> int:
    while isinstance(node, Collection) and not node.flow and node.items:
        node = node.items[-1]
    return node.end


def _dash_line(text: str, item: Node) -> int:
    """Return where the line begins on which an item's dash is: the item's own, or one above it."""
    for start in _lines_up(text, item.start):
        match = _DASH.match(text, start)
        if match and match.end() <= item.start:
            return start
    return line_start(text, item.start)


def _lines_up(text: str, offset: int) -> Iterator[int]:
    start = line_start(text, offset)
    yield start
    while start > 0:
        start = line_start(text, start - 1)
        yield start
