"""YAML as the tree of what is written where, by the rules that kubelets' own parser shares with ours (libyaml's).

Only the first document counts: kubelets do not look at what follows.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from provider.config.malformed import translate
from provider.node.provider_file.stricter import Refusal, refusal

MAXIMUM_DEPTH = 50
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NOT_ALLOWED = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_SAME = re.compile("^%|\ufeff" if LOADER is not yaml.SafeLoader else "^%|\ufeff|^ *\t", re.MULTILINE)
"""Where parsers differ: unknown directives, byte order marks within the text; without libyaml, tabs before text."""
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value as text. `start` and `end` count characters from the beginning; `column` from that of the line."""

    text: str = field(repr=False)
    plain: bool
    start: int
    end: int
    line: int
    column: int


@dataclass(slots=True)
class Collection:
    """A list (`pairs` false) or a mapping, whose keys and values take turns in `items`."""

    pairs: bool
    flow: bool
    start: int
    line: int
    column: int
    end: int = -1
    """In block style: where the next thing begins, behind comments and blank lines. -1: not closed yet."""
    items: list["Node"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Alias:
    """`*name`: what the anchor of that name marks."""

    node: "Scalar | Collection"
    start: int
    end: int
    line: int


Node = Scalar | Collection | Alias


def compose(text: str) -> Node | None:
    """Return the first document of a YAML text without byte order mark; None where there is none.

    Raises Refusal with the line.
    """
    wrong = _NOT_ALLOWED.search(text)
    if wrong:
        line = text.count("\n", 0, wrong.start()) + 1
        raise Refusal(f"line {line}: holds a control character, which YAML does not allow; remove it")
    wrong = _NOT_SAME.search(text)
    if wrong:
        raise refusal("yaml", f"line {text.count(chr(10), 0, wrong.start()) + 1}")
    anchors: dict[str, Scalar | Collection] = {}
    open_: list[Collection] = []
    root: Node | None = None
    for event in _first_document(text):
        match event:
            case yaml.CollectionEndEvent():
                open_.pop().end = _end(event)
                continue
            case yaml.AliasEvent():
                node: Node = _alias(event, anchors)
            case yaml.ScalarEvent():
                node = anchors[event.anchor or ""] = _scalar(event)
                if open_ and open_[-1].flow and node.plain:
                    _same_to_all(node, text)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                node = anchors[event.anchor or ""] = _collection(event)
            case _:
                continue
        if open_:
            open_[-1].items.append(node)
        else:
            root = node
        if isinstance(node, Collection):
            open_.append(node)
            if len(open_) > MAXIMUM_DEPTH:
                raise refusal("depth", f"line {node.line}")
    return root


def _first_document(text: str) -> Iterator[Any]:
    loader: Any = LOADER(text)
    try:
        while True:
            event = loader.get_event()
            yield event
            if isinstance(event, yaml.DocumentEndEvent | yaml.StreamEndEvent):
                return
    except yaml.YAMLError as error:
        mistake = translate(text, error, lambda line: line + 1)
        raise Refusal(f"line {mistake.line}: {mistake.message}") from None
    finally:
        loader.dispose()


def _end(event: Any) -> int:
    index: int = event.end_mark.index
    return index


def _alias(event: Any, anchors: dict[str, Scalar | Collection]) -> Alias:
    line = event.start_mark.line + 1
    node = anchors.get(event.anchor)
    if node is None:
        raise Refusal(f"line {line}: *{event.anchor} stands for an anchor that is not there; write &{event.anchor}")
    if isinstance(node, Collection) and node.end < 0:
        raise Refusal(f"line {line}: *{event.anchor} stands within what it stands for")
    return Alias(node, event.start_mark.index, event.end_mark.index, line)


def _scalar(event: Any) -> Scalar:
    mark = event.start_mark
    _no_tag(event)
    if _SURROGATE.search(event.value):
        raise Refusal(f"line {mark.line + 1}: an escape in this text is no character")
    return Scalar(event.value, event.implicit[0], mark.index, event.end_mark.index, mark.line + 1, mark.column)


def _same_to_all(node: Scalar, text: str) -> None:
    """Raise Refusal for plain text between brackets where parsers differ."""
    if "?" in node.text or re.match(r":[\[\]{},]", text[node.end : node.end + 2]):
        raise refusal("yaml", f"line {node.line}")


def _collection(event: Any) -> Collection:
    mark = event.start_mark
    _no_tag(event)
    pairs = isinstance(event, yaml.MappingStartEvent)
    return Collection(pairs, bool(event.flow_style), mark.index, mark.line + 1, mark.column)


def _no_tag(event: Any) -> None:
    if event.tag is not None:
        raise refusal("tag", f"line {event.start_mark.line + 1}")
