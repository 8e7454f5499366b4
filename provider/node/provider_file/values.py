"""The values that a kubelet sees in a provider file: how its decoder reads YAML and JSON.

A file whose first character is a brace is JSON, any other YAML, whatever its name says. YAML is of the old kind, where
`yes` and `on` are booleans; nothing is turned into text for a field that wants text. A repeated key is an error to
kubelets from 1.32 on; before, the last one counts, and `<<` is as if its keys stood in its place.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from provider.node.provider_file.nodes import Alias, Collection, Node, Scalar, compose
from provider.node.provider_file.stricter import Refusal, refusal

MAXIMUM_BYTES = 256 << 10
MAXIMUM_VALUES = 20_000

_WORDS = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys((sign + word for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")), float("inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_LEAST, _MOST = -(1 << 63), 1 << 64


@dataclass(slots=True)
class Document:
    """What is in a file. `repeated`: the keys that are there more than once, with where."""

    value: Any = field(repr=False)
    is_json: bool
    repeated: list[str]


def is_json(text: str) -> bool:
    """Tell whether a kubelet reads a text as JSON."""
    return text.lstrip().startswith("{")


def text_of(content: bytes) -> str:
    """Return a file's text, its byte order mark kept. Raises Refusal."""
    if len(content) > MAXIMUM_BYTES:
        raise refusal("size")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise refusal("encoding") from None


def read(content: bytes) -> Document:
    """Return the value of a file. Raises Refusal for what no kubelet reads, and for what is not judged here."""
    text = text_of(content)
    if is_json(text):
        return _read_json(text)
    # The parser takes a byte order mark for what it is at the very beginning alone.
    root = compose(text.removeprefix("\ufeff"))
    if root is None:
        return Document(None, False, [])
    reader = _Reader()
    return Document(reader.value(root), False, reader.repeated)


def _read_json(text: str) -> Document:
    repeated: list[str] = []

    def keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            repeated.extend(repr(name) for name in found if names.count(name) > 1)
        return found

    def no_number(name: str) -> Any:
        raise ValueError(name)

    try:
        # Half of a pair of escapes is the replacement character to Go.
        value = json.loads(text, object_pairs_hook=keys, parse_constant=no_number)
    except json.JSONDecodeError as error:
        raise Refusal(
            f"line {error.lineno}: this is not JSON, and a file that begins with {{ is read as JSON; "
            "see that quotes, commas and brackets are right"
        ) from None
    except ValueError:
        raise Refusal("holds a number that JSON does not have") from None
    except RecursionError:
        raise refusal("depth") from None
    return Document(value, True, repeated)


class _Reader:
    """Turns nodes of YAML into values."""

    def __init__(self) -> None:
        self.repeated: list[str] = []
        self.values = 0

    def value(self, node: Node) -> Any:
        self.values += 1
        if self.values > MAXIMUM_VALUES:
            raise refusal("aliases", f"line {node.line}")
        match node:
            case Alias():
                return self.value(node.node)
            case Scalar():
                return _plain(node) if node.plain else node.text
            case Collection(pairs=False):
                return [self.value(item) for item in node.items]
        found: dict[tuple[type, Any], Any] = {}
        self.fill(node, found)
        return _text_keys(found, node.line)

    def fill(self, node: Collection, found: dict[tuple[type, Any], Any]) -> None:
        """Put a mapping's keys and values into `found`, where others may be already."""
        for key_node, value_node in zip(node.items[::2], node.items[1::2], strict=True):
            if isinstance(key_node, Scalar) and key_node.plain and key_node.text == "<<":
                self.merge(value_node, found)
                continue
            key = self.value(key_node)
            if isinstance(key, list | dict):
                raise Refusal(f"line {key_node.line}: a list or a mapping is no key")
            value = self.value(value_node)
            if (type(key), key) in found:
                self.repeated.append(f"line {key_node.line}: {key!r}")
            found[type(key), key] = value

    def merge(self, node: Node, found: dict[tuple[type, Any], Any]) -> None:
        """Do what `<<` says: the keys of a mapping, or of several, of which the first counts most."""
        sources = list(reversed(node.items)) if isinstance(node, Collection) and not node.pairs else [node]
        for source in sources:
            mapping = source.node if isinstance(source, Alias) else source
            if not isinstance(mapping, Collection) or not mapping.pairs:
                raise Refusal(f"line {node.line}: << takes a mapping, or a list of mappings")
            self.fill(mapping, found)


def _text_keys(found: dict[tuple[type, Any], Any], line: int) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for (_, key), value in found.items():
        if key is None or (type(key) is int and not _LEAST <= key < -_LEAST):
            raise Refusal(f"line {line}: a key of this mapping is empty or too large a number; write it in quotes")
        text = ("true" if key else "false") if isinstance(key, bool) else str(key)
        if text in result:
            raise refusal("keys", f"line {line}")
        result[text] = value
    return result


def _plain(node: Scalar) -> Any:
    text = node.text
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    digits = text.replace("_", "")
    if _INTEGER.fullmatch(digits) and text[0] != ".":
        number = _integer(digits)
        if _LEAST <= number < -_LEAST or (digits[0].isdigit() and number < _MOST):
            return number
    if _FLOAT.fullmatch(digits):
        number_ = float(digits)
        # What is too large for a number stays text.
        return text if number_ in (float("inf"), float("-inf")) else number_
    return text


def _integer(digits: str) -> int:
    sign, rest = ("-", digits[1:]) if digits[0] == "-" else ("", digits.lstrip("+"))
    octal = len(rest) > 1 and rest[0] == "0" and rest[1].isdigit()
    try:
        return int(sign + ("0o" + rest[1:] if octal else rest), 0)
    except ValueError:  # more digits than Python turns into a number
        return _MOST
