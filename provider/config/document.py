"""A YAML text as a tree that knows the line of every key and value.

Built from the parser's events, without recursion: values stay the text that was written (`on`, `0900` and `1:30` are
no booleans or numbers here), keys may come twice, aliases are refused, and depth and size are bounded. Messages are our
own: the parser's quote its input, and a key pair may stand there.
"""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from provider.config import malformed
from provider.config.malformed import Mistake

MAXIMUM_BYTES = 1 << 20
"""A ConfigMap cannot be larger."""
MAXIMUM_DEPTH = 20
MAXIMUM_NODES = 50_000

LineOf = Callable[[int], int]
"""From a line of the text, counted from 0, to the line of the file, counted from 1."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = ("", "~", "null", "Null", "NULL")
_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "null", "bool", "int", "float", "seq", "map")) | {"!"}
_NOT_ALLOWED = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value, as the text that was written. `first_line` is set for literal blocks: the line of their text."""

    line: int
    text: str = field(repr=False)
    plain: bool = False
    first_line: int = 0

    @property
    def empty(self) -> bool:
        """Whether nothing is said: null, or no text."""
        return not self.text.strip() or (self.plain and self.text in _NULL)

    def line_of(self, line: int) -> int:
        """Return the line of the file for a line of this text: exact in literal blocks, else where the text begins."""
        return self.first_line + line if self.first_line else self.line


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    line: int
    nodes: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One key with its value."""

    key: str
    line: int
    value: "Node"


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys with values, in the order written; a key may be there twice."""

    line: int
    entries: tuple[Entry, ...]


Node = Scalar | Items | Keys


@dataclass(frozen=True, slots=True)
class Parsed:
    """The tree, None where there is none, and what is wrong."""

    node: Node | None
    mistakes: tuple[Mistake, ...] = ()


def parse_bytes(data: bytes) -> Parsed:
    """Return the tree of a file's content."""
    if len(data) > MAXIMUM_BYTES:
        return _failed(0, "the file is larger than 1 MiB, which no ConfigMap can be")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _failed(0, "the file is UTF-16; save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
    else:
        return parse(text, lambda line: line + 1)
    return _failed(line, "this is not UTF-8; save the file as UTF-8")


def parse(text: str, line_of: LineOf) -> Parsed:
    """Return the tree of a YAML text. Never raises: what is wrong is in `mistakes`."""
    forbidden = _NOT_ALLOWED.search(text)
    if forbidden:
        return _failed(line_of(text.count("\n", 0, forbidden.start())), "a control character stands here; remove it")
    parsed = _parse_once(text, line_of)
    if parsed.node is not None or not parsed.mistakes:
        return parsed
    known, repaired = malformed.known_shapes(text, line_of)
    if not known:
        return parsed
    rest = _parse_once(repaired, line_of)
    return Parsed(rest.node, (*known, *rest.mistakes))


def _failed(line: int, message: str) -> Parsed:
    return Parsed(None, (Mistake(line, message),))


def _parse_once(text: str, line_of: LineOf) -> Parsed:
    try:
        return _Builder(line_of).build(yaml.parse(text, Loader=_LOADER))
    except _Unusable as unusable:
        mistake = unusable.mistake
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        mistake = malformed.translate(text, error, line_of)
    return Parsed(None, (mistake,))  # outside of `except`: no parser's exception stays attached to what is raised later


class _Unusable(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.mistake = Mistake(line, message)


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    line: int
    is_mapping: bool
    children: list[Node] = field(default_factory=list)

    def close(self) -> Node:
        if not self.is_mapping:
            return Items(self.line, tuple(self.children))
        pairs = zip(self.children[::2], self.children[1::2], strict=True)
        return Keys(self.line, tuple(_entry(key, value) for key, value in pairs))


def _entry(key: Node, value: Node) -> Entry:
    if not isinstance(key, Scalar):
        raise _Unusable(key.line, "a key must be one word, not a list or keys of its own")
    return Entry(key.text, key.line, value)


def _first(event: Any) -> int:
    return int(event.start_mark.line)


class _Builder:
    def __init__(self, line_of: LineOf) -> None:
        self._line_of = line_of
        self._open: list[_Open] = []
        self._documents: list[Node] = []
        self._count = 0

    def build(self, events: Any) -> Parsed:
        for event in events:
            self._take(event)
        written = [node for node in self._documents if not (isinstance(node, Scalar) and node.empty)]
        if len(written) > 1:
            raise _Unusable(written[1].line, "a second YAML document begins here; keep one, without `---` in between")
        return Parsed(written[0] if written else None)

    def _take(self, event: Any) -> None:
        match event:
            case yaml.ScalarEvent() | yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self._start(event, self._line_of(_first(event)))
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._put(self._open.pop().close())
            case yaml.AliasEvent():
                line = self._line_of(_first(event))
                raise _Unusable(
                    line, "an alias (`*name`) stands here; write the value out, or quote it if it is a text"
                )

    def _start(self, event: Any, line: int) -> None:
        self._count += 1
        if self._count > MAXIMUM_NODES:
            raise _Unusable(line, f"more than {MAXIMUM_NODES} values; this is no configuration")
        if event.tag is not None and event.tag not in _TAGS:
            raise _Unusable(line, "a YAML tag (`!name`) stands here; remove it, or quote the text")
        if isinstance(event, yaml.ScalarEvent):
            literal = event.style == "|"
            first_line = self._line_of(_first(event) + 1) if literal else 0
            self._put(Scalar(line, event.value, plain=not event.style, first_line=first_line))
            return
        if len(self._open) >= MAXIMUM_DEPTH:
            raise _Unusable(line, f"nested deeper than {MAXIMUM_DEPTH} levels; this is no configuration")
        self._open.append(_Open(line, isinstance(event, yaml.MappingStartEvent)))

    def _put(self, node: Node) -> None:
        (self._open[-1].children if self._open else self._documents).append(node)
