"""The fields of a provider file and what may stand in each, by the kubelet's decoder."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from provider.node.kubelet_version import Version
from provider.node.provider_file.durations import nanoseconds
from provider.node.provider_file.versions import CONFIG_GROUP, STRICT, TOKENS_KNOWN


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping with these fields; others are unknown."""

    fields: Mapping[str, "Kind"]


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    of: "Kind"


Kind = Fields | Items | Literal["text", "boolean", "duration"]

_VARIABLE = Fields({"name": "text", "value": "text"})
_TOKENS = Fields(
    {
        "serviceAccountTokenAudience": "text",
        "cacheType": "text",
        "requireServiceAccount": "boolean",
        "requiredServiceAccountAnnotationKeys": Items("text"),
        "optionalServiceAccountAnnotationKeys": Items("text"),
    }
)
_PROVIDER: dict[str, Kind] = {
    "name": "text",
    "apiVersion": "text",
    "matchImages": Items("text"),
    "defaultCacheDuration": "duration",
    "args": Items("text"),
    "env": Items(_VARIABLE),
}
_WANTED = {
    "text": "text; write it in quotes",
    "boolean": "true or false",
    "duration": 'a duration in quotes, such as "12h" or "0s"',
}


def config_fields(api_version: str, version: Version) -> Fields:
    """Return the fields of a provider file of an apiVersion."""
    provider = dict(_PROVIDER)
    if api_version == f"{CONFIG_GROUP}/v1" and version >= TOKENS_KNOWN:
        provider["tokenAttributes"] = _TOKENS
    return Fields({"kind": "text", "apiVersion": "text", "providers": Items(Fields(provider))})


def shape_problems(value: Any, kind: Kind, version: Version, where: str = "") -> Iterator[str]:
    """Yield what the decoder refuses in a value, with the field. A null is as if the field were not there."""
    lead = f"{where}: " if where else ""
    match kind:
        case _ if value is None:
            return
        case Fields():
            if not isinstance(value, dict):
                yield f"{lead}is no mapping of fields"
                return
            for name, inner in value.items():
                place = f"{where}.{name}" if where else str(name)
                if name in kind.fields:
                    yield from shape_problems(inner, kind.fields[name], version, place)
                elif version >= STRICT:
                    yield _unknown(str(name), kind, where, version)
        case Items():
            if not isinstance(value, list):
                yield f"{lead}is no list"
                return
            for number, item in enumerate(value):
                yield from shape_problems(item, kind.of, version, f"{where}[{number}]")
        case _:
            fits = isinstance(value, bool if kind == "boolean" else str)
            if not fits or (kind == "duration" and nanoseconds(value) is None):
                yield f"{lead}must be {_WANTED[kind]}"


def _unknown(name: str, kind: Fields, where: str, version: Version) -> str:
    lead = f"{where}: " if where else ""
    near = next((known for known in kind.fields if known.lower() == name.lower()), None)
    way = f"write {near}" if near else f"remove it (known: {', '.join(kind.fields)})"
    return f"{lead}field {name!r} is unknown to kubelet {version}, which starts with none such; {way}"
