"""A provider file's text with the places of its providers."""

import codecs
import json
from dataclasses import dataclass, field
from typing import Any

from provider.errors import ProviderError
from provider.node.provider_file import json_nodes, nodes
from provider.node.provider_file.nodes import Collection, Node, Scalar
from provider.node.provider_file.stricter import Refusal
from provider.node.provider_file.values import is_json, read, text_of
from provider.places import PROGRAM

_MARK = codecs.BOM_UTF8.decode()


@dataclass(frozen=True, slots=True)
class Source:
    """A file that could be read. `text` is without the byte order mark, `mark`."""

    name: str
    mark: str
    text: str = field(repr=False)
    value: dict[str, Any] = field(repr=False)
    root: Collection = field(repr=False)
    providers: Collection = field(repr=False)

    @classmethod
    def of(cls, content: bytes, name: str) -> "Source":
        """Read a file. Raises ProviderError where it has no list of providers that could be changed."""
        try:
            whole = text_of(content)
            value = read(content).value
            text = whole.removeprefix(_MARK)
            root = json_nodes.compose(text) if is_json(whole) else nodes.compose(text)
        except Refusal as refused:
            raise ProviderError(f"{name}: {refused}") from None
        providers = _value_of("providers", root, text)
        if not isinstance(value, dict) or not isinstance(root, Collection) or not isinstance(providers, Collection):
            raise ProviderError(f"{name}: has no list `providers:` written out in it; write it so")
        if providers.pairs or len(providers.items) != len(value["providers"]):
            raise ProviderError(f"{name}: providers: is no list; write one")
        return cls(name, whole[: len(whole) - len(text)], text, value, root, providers)

    @property
    def ours(self) -> int | None:
        """Which of the providers is our entry, counted from 0."""
        items = self.value["providers"]
        names = [item.get("name") if isinstance(item, dict) else None for item in items]
        return names.index(PROGRAM) if PROGRAM in names else None

    @property
    def our_fields(self) -> dict[str, Any] | None:
        """Return our entry as it is in the file."""
        ours = self.ours
        return None if ours is None else self.value["providers"][ours]

    def rest(self) -> dict[str, Any]:
        """Return everything but our entry."""
        ours = self.ours
        others = [item for number, item in enumerate(self.value["providers"]) if number != ours]
        return {**self.value, "providers": others}

    def encoded(self, text: str) -> bytes:
        """Return a text as the content of this file."""
        return (self.mark + text).encode()


def _value_of(key: str, root: Node | None, text: str) -> Node | None:
    """Return the node of a key's value where the key is there once."""
    if not isinstance(root, Collection) or not root.pairs:
        return None
    found = [
        value
        for name, value in zip(root.items[::2], root.items[1::2], strict=True)
        if isinstance(name, Scalar) and (_json_text(name) if text[name.start] == '"' else name.text) == key
    ]
    return found[0] if len(found) == 1 else None


def _json_text(name: Scalar) -> str:
    try:
        return str(json.loads(name.text))
    except ValueError:
        return name.text
