"""Words as systemd takes them from a unit's settings, and from the value of a variable.

From systemd.service(5), systemd.syntax(7) and the behaviour of systemd 252: quotes may open anywhere in a word, C
escapes count in both kinds of quotes, one that is unknown stays as it is written.
"""

from collections.abc import Iterator
from dataclasses import dataclass

WHITESPACE = " \t\n\r"
QUOTES = "'\""

_SIMPLE = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "s": " ",
    "\\": "\\",
    '"': '"',
    "'": "'",
}
# Digits after the backslash and the letter, their base, and whether they are a byte rather than a character.
_NUMBERS = {"x": (1, 2, 16, True), "u": (1, 4, 16, False), "U": (1, 8, 16, False)}
_OCTAL = (0, 3, 8, True)


class Unbalanced(ValueError):
    """A quote that is opened is not closed."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word: its text without quotes and escapes, and where it stands in the source."""

    text: str
    start: int
    end: int
    quoted: bool
    """Whether a quote is in it."""
    closed: bool
    """Whether its last character is a closing quote."""


def split(source: str, *, escapes: bool = True, relaxed: bool = False) -> Iterator[Word]:
    """Yield the words of a text.

    `escapes`: C escapes count; otherwise a backslash keeps the next character as it is. `relaxed`: the end of the text
    closes a quote; otherwise that raises Unbalanced, once the words before have been yielded.
    """
    position = 0
    while (word := word_at(source, position, escapes=escapes, relaxed=relaxed)) is not None:
        yield word
        position = word.end


def word_at(source: str, position: int, *, escapes: bool = True, relaxed: bool = False) -> Word | None:
    """Return the first word at or after a position, None where only white space is left. Raises Unbalanced."""
    while position < len(source) and source[position] in WHITESPACE:
        position += 1
    if position == len(source):
        return None
    start, text, quote, quoted, closed = position, "", "", False, False
    while position < len(source):
        character = source[position]
        if character == "\\":
            piece, length = _escaped(source[position + 1 : position + 10], escapes)
            if not length and escapes and quote:
                raise Unbalanced
            text += piece
            position += 1 + length
            closed = False
            continue
        if not quote and character in WHITESPACE:
            break
        closed = bool(quote) and character == quote
        if closed:
            quote = ""
        elif not quote and character in QUOTES:
            quote, quoted = character, True
        else:
            text += character
        position += 1
    if quote and not relaxed:
        raise Unbalanced
    # Bytes given one by one may be one character.
    whole = text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    return Word(whole, start, position, quoted, closed)


def _escaped(following: str, escapes: bool) -> tuple[str, int]:
    """Return what a backslash before `following` means, and how many characters of it that takes."""
    if not following:
        return "\\" if escapes else "", 0
    first = following[0]
    if not escapes:
        return first, 1
    if first in _SIMPLE:
        return _SIMPLE[first], 1
    skipped, digits, base, is_byte = _NUMBERS.get(first, _OCTAL)
    number = following[skipped : skipped + digits]
    unknown = "\\" + first, 1
    if len(number) < digits or not number.isalnum() or not number.isascii():
        return unknown
    try:
        code = int(number, base)
        if not 0 < code < (0x100 if is_byte else 0x110000) or 0xD800 <= code < 0xE000:
            return unknown
    except ValueError:
        return unknown
    # A byte that is no character of its own, as the file's other bytes are held.
    return chr(code + 0xDC00 if is_byte and code > 0x7F else code), skipped + digits
