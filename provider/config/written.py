"""From a tree to what the models take: spellings, unknown and repeated keys, YAML in strings, lines.

Lists and keys are checked here, since only the tree knows lines; the models check the values.
"""

import difflib
import re
from dataclasses import dataclass, field
from typing import Any, get_args, get_origin

from pydantic import AliasChoices, BaseModel

from provider.config import document, forms, malformed
from provider.config.document import Entry, Items, Keys, Node, Scalar
from provider.config.finding import Findings
from provider.config.models import FileModel

Location = tuple[str | int, ...]
"""Where a value is, in first spellings and indices, as in pydantic's errors."""

_SHOWABLE = re.compile(r"[A-Za-z]+(?:[-_./][A-Za-z]+){0,6}")
_LONGEST_SHOWN = 40
_HIDDEN = "a key here is none that we know, and not shown, since it may be a misplaced value; remove it"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands in the file, and what its key is called there."""

    line: int
    key: str


@dataclass(slots=True)
class Written:
    """What a file says, for one model. `broken` holds the locations that cannot be read."""

    data: dict[str, Any] = field(default_factory=dict, repr=False)
    places: dict[Location, Place] = field(default_factory=dict)
    broken: set[Location] = field(default_factory=set)

    def place(self, location: Location) -> Place:
        """Return where `location` stands: its own place, or that of the nearest key around it."""
        while location and location not in self.places:
            location = location[:-1]
        return self.places.get(location, Place(0, ""))

    def has(self, *location: str | int) -> bool:
        """Tell whether something stands at `location`, right or wrong."""
        return location in self.places


def spellings(model: type[BaseModel]) -> dict[str, tuple[str, ...]]:
    """Return the spellings of each key of a model, by its field name."""
    found = {}
    for name, info in model.model_fields.items():
        alias = info.validation_alias
        found[name] = tuple(map(str, alias.choices)) if isinstance(alias, AliasChoices) else (name,)
    return found


def nested_model(model: type[BaseModel], name: str) -> tuple[type[FileModel] | None, bool]:
    """Return the model of a field's own keys, None for plain values, and whether the field is a list of it."""
    annotation = model.model_fields[name].annotation
    many = get_origin(annotation) is list
    inner = get_args(annotation)[0] if many else annotation
    if isinstance(inner, type) and issubclass(inner, FileModel):
        return inner, many
    return None, False


def showable(key: str) -> str:
    """Return a key for messages, empty where it may be a misplaced value."""
    return key if len(key) <= _LONGEST_SHOWN and _SHOWABLE.fullmatch(key) else ""


class Reader:
    """Reads one tree; what is wrong goes to `findings`."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._written = Written()

    def read(self, node: Node | None, model: type[FileModel]) -> Written:
        """Return what the tree says for `model`."""
        if isinstance(node, Keys):
            self._written.data = self._keys(node, model, (), "")
        elif node is not None:
            self._findings.add(node.line, "", "this is no configuration; expected are keys with values, key: value")
        return self._written

    def _keys(self, node: Keys, model: type[FileModel], location: Location, parent: str) -> dict[str, Any]:
        fields = {spelling: name for name, known in spellings(model).items() for spelling in known}
        first = {name: known[0] for name, known in spellings(model).items()}
        seen: dict[str, Place] = {}
        data: dict[str, Any] = {}
        for entry in node.entries:
            shown = _join(parent, showable(entry.key))
            name = fields.get(entry.key)
            if name is None:
                self._no_key(entry, model, tuple(fields), shown)
                continue
            if name in seen:
                self._findings.add(entry.line, shown, f"is given twice: as {seen[name].key} on line {seen[name].line}")
                continue
            seen[name] = Place(entry.line, shown)
            value = self._value(entry, model, name, (*location, first[name]), shown)
            if value is not None:
                data[first[name]] = value
        return data

    def _no_key(self, entry: Entry, model: type[FileModel], known: tuple[str, ...], shown: str) -> None:
        if entry.key.startswith("//"):
            self._findings.add(entry.line, "", malformed.NO_COMMENT)
        elif entry.key in model.elsewhere:
            self._findings.add(entry.line, shown, model.elsewhere[entry.key])
        elif entry.key == "<<":
            self._findings.add(entry.line, "", "a merge key (`<<`) stands here; write the keys out")
        else:
            message = (
                _unknown(entry.key, known) if showable(entry.key) and not self._findings.full("unknown") else _HIDDEN
            )
            self._findings.add(entry.line, shown, message, "unknown")

    def _value(self, entry: Entry, model: type[FileModel], name: str, location: Location, shown: str) -> Any:
        inner, many = nested_model(model, name)
        node = entry.value
        if isinstance(node, Scalar) and node.empty:
            return None
        self._written.places[location] = Place(_line(entry), shown)
        if inner is None:
            return self._plain(node, location)
        parsed = self._unfold(node, location, shown)
        if parsed is None:
            return None
        return self._list(parsed, inner, location) if many else self._group(parsed, inner, location)

    def _plain(self, node: Node, location: Location) -> str | list[str] | None:
        texts = node.nodes if isinstance(node, Items) else (node,)
        for text in texts:
            if not isinstance(text, Scalar):
                self._wrong(location, text.line, "must be a plain value, not keys or lists of their own")
                return None
            if text.plain and malformed.has_comment(text.text):
                self._wrong(location, text.line, malformed.NO_COMMENT)
                return None
        values = [text.text for text in texts if isinstance(text, Scalar) and not text.empty]
        if isinstance(node, Scalar):
            return values[0]
        return values or None

    def _unfold(self, node: Node, location: Location, shown: str) -> Node | None:
        """Return the tree of a YAML text in a string, or the tree that is there already."""
        if not isinstance(node, Scalar):
            return node
        parsed = document.parse(node.text, node.line_of)
        for mistake in parsed.mistakes:
            self._findings.add(mistake.line, _join(shown, mistake.key), mistake.message)
        inner = parsed.node
        if inner is None and parsed.mistakes:
            self._written.broken.add(location)
        return None if isinstance(inner, Scalar) and inner.empty else inner

    def _list(self, node: Node, model: type[FileModel], location: Location) -> list[dict[str, Any]] | None:
        place = self._written.places[location]
        if not isinstance(node, Items):
            self._wrong(location, node.line, "must be a list; right form: each instance begins with `- `")
            return None
        items = []
        for number, item in enumerate(node.nodes):
            own = (*location, number)
            key = f"{place.key}[{number}]"
            self._written.places[own] = Place(item.line, key)
            if isinstance(item, Keys):
                items.append(self._keys(item, model, own, key))
                continue
            items.append({})
            self._wrong(own, item.line, "must be keys with values; right form: - instanceId: cri-…")
        return items

    def _group(self, node: Node, model: type[FileModel], location: Location) -> dict[str, Any] | None:
        place = self._written.places[location]
        if isinstance(node, Keys):
            return self._keys(node, model, location, place.key)
        if isinstance(node, Scalar) and "enable" in model.model_fields and _is_switch(node.text):
            self._written.places[(*location, "enable")] = place
            return {"enable": node.text}
        self._wrong(location, node.line, "must be keys with values; right form: enable: true")
        return None

    def _wrong(self, location: Location, line: int, message: str) -> None:
        self._findings.add(line, self._written.places[location].key, message)
        self._written.broken.add(location)


def _line(entry: Entry) -> int:
    """Return the line of the value where it is one value on a line of its own, else that of its key."""
    return entry.value.line if isinstance(entry.value, Scalar) and not entry.value.first_line else entry.line


def _join(parent: str, key: str) -> str:
    return f"{parent}.{key}" if parent and key else parent or key


def _is_switch(text: str) -> bool:
    try:
        forms.switch(text)
    except forms.WrongForm:
        return False
    return True


def _unknown(key: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(key, known, 1)
    return f"is no key that we know; the nearest is {close[0]}" if close else "is no key that we know; remove it"
