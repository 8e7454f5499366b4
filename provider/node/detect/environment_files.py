"""The variables of one EnvironmentFile, as systemd reads it, and how to add words to one of them.

The syntax is systemd's own and not a shell's: white space stays inside an unquoted value and goes at its end, quoted
parts that follow each other are joined, and a backslash keeps the next character (systemd.exec(5), EnvironmentFile=).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from provider.node.detect.words import QUOTES, WHITESPACE

LINE_ENDS = "\n\r"
COMMENTS = "#;"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What a backslash takes its meaning from inside double quotes; before others it stays.
_ESCAPED_IN_DOUBLE = '"\\`$'
# Up to systemd 253 a backslash at the end of a comment makes the next line a comment too, later ones do not.
_CONTINUED_COMMENT = re.compile(r"^[ \t]*[#;].*\\\r?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Assignment:
    """A variable's value in the file, and where words can be added to its end; `end` is -1 where none can be."""

    name: str
    value: str
    end: int
    bare: bool
    """Whether nothing at all is written behind the equals sign."""


def assignments(text: str) -> Iterator[Assignment]:
    """Yield the assignments that systemd takes from a file's text, in their order; the last of a name counts."""
    position = 0
    while position < len(text):
        if text[position] in WHITESPACE:
            position += 1
            continue
        if text[position] in COMMENTS:
            position = _comment_end(text, position)
            continue
        line_end = _first_of(text, LINE_ENDS, position)
        equals = text.find("=", position, line_end)
        if equals < 0:
            position = line_end
            continue
        name = text[position:equals].rstrip(WHITESPACE)
        assignment, position = _value(text, equals + 1, name)
        if NAME.fullmatch(name):
            yield assignment


def with_words(text: str, name: str, words: str) -> str | None:
    """Return the file's text with words at the end of a variable's value, on a line of its own where it has none.

    None where the file is written such that systemd versions do not agree on it, or the value does not end.
    """
    if _CONTINUED_COMMENT.search(text):
        return None
    found = [assignment for assignment in assignments(text) if assignment.name == name]
    if not found:
        line_end = "\r\n" if "\r\n" in text else "\n"
        gap = line_end if text and text[-1] not in LINE_ENDS else ""
        return f'{text}{gap}{name}="{words}"{line_end}'
    last = found[-1]
    if last.end < 0:
        return None
    added = f" {words}" if last.value else words
    if last.bare:
        added = f'"{added}"'
    return text[: last.end] + added + text[last.end :]


def _value(text: str, position: int, name: str) -> tuple[Assignment, int]:
    """Return the assignment whose value begins at a position, and where it ends in the text."""
    value, kept, end, quote, plain, bare = "", 0, position, "", False, True
    while position < len(text):
        character = text[position]
        following = text[position + 1 : position + 2]
        if quote:
            if character == quote:
                end, quote, kept = position, "", len(value)
            elif character == "\\" and quote == '"':
                value += _in_double_quotes(following)
                position += 1
            else:
                value += character
        elif character in LINE_ENDS:
            break
        elif character == "\\":
            value += following if following not in LINE_ENDS else ""
            position += 1
            plain, bare, kept, end = True, False, len(value), position + 1
        elif not plain and character in QUOTES:
            quote, bare = character, False
        elif character not in WHITESPACE:
            value += character
            plain, bare, kept, end = True, False, len(value), position + 1
        elif plain:
            value += character
        position += 1
    if quote:
        return Assignment(name, value, -1, bare), position
    return Assignment(name, value[:kept], min(end, len(text)), bare), position


def _in_double_quotes(following: str) -> str:
    if following in _ESCAPED_IN_DOUBLE:
        return following
    return "" if following == "\n" else "\\" + following


def _comment_end(text: str, position: int) -> int:
    """Return where a comment ends: at a line end that no backslash stands before."""
    while True:
        end = _first_of(text, LINE_ENDS, position)
        line = text[position:end]
        if end == len(text) or not (len(line) - len(line.rstrip("\\"))) % 2:
            return end
        position = end + 1


def _first_of(text: str, characters: str, position: int) -> int:
    """Return where the first of some characters is, from a position on; the text's end where there is none."""
    return next((index for index in range(position, len(text)) if text[index] in characters), len(text))
