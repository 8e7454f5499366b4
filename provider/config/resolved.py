"""What follows from the configuration as JSON values, so that a request need not read YAML again.

Strict both ways: what `parse` does not know to the last field is as if it were not there. A key pair is never copied to
another place, so a configuration that has one has no such form. Imports neither pydantic nor YAML, and does no I/O.
"""

from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

from provider.config.values import Configuration, Local

VERSION = 1
"""Changes when a value comes to mean something else; a new field is noticed without it."""


def dump(configuration: Configuration, local: Local, unknown: tuple[str, ...]) -> dict[str, Any] | None:
    """Return JSON values for `parse`; None where a key pair is inside. `unknown` holds one text a finding."""
    if any(instance.access_key is not None for instance in configuration.instances):
        return None
    return {
        "version": VERSION,
        "configuration": _plain(configuration),
        "local": _plain(local),
        "unknown": list(unknown),
    }


def parse(value: object) -> tuple[Configuration, Local, tuple[str, ...]] | None:
    """Return what was given to `dump`; None for anything else."""
    if not isinstance(value, dict) or value.keys() != {"version", "configuration", "local", "unknown"}:
        return None
    try:
        _restore(value["version"], Literal[VERSION])
        configuration = _restore(value["configuration"], Configuration)
        local = _restore(value["local"], Local)
        unknown = _restore(value["unknown"], tuple[str, ...])
    except _Foreign:
        return None
    return configuration, local, unknown


class _Foreign(Exception):
    """A value that `dump` has not written."""


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _restore(value: Any, kind: Any) -> Any:
    """Return `value` as `kind`: a dataclass, a tuple of one kind, a choice, or a plain type."""
    if isinstance(kind, type) and is_dataclass(kind):
        return _restore_fields(value, kind)
    origin = get_origin(kind)
    if origin is Literal and any(type(value) is type(choice) and value == choice for choice in get_args(kind)):
        return value
    if origin is tuple and type(value) is list:
        return tuple(_restore(item, get_args(kind)[0]) for item in value)
    if origin is UnionType:
        if value is None:
            return None
        return _restore(value, next(choice for choice in get_args(kind) if choice is not NoneType))
    if kind in (str, int, bool) and type(value) is kind:
        return value
    raise _Foreign


def _restore_fields(value: Any, kind: Any) -> Any:
    known = {field.name: field for field in fields(kind)}
    if type(value) is not dict or value.keys() != known.keys():
        raise _Foreign
    return kind(**{name: _restore(value[name], field.type) for name, field in known.items()})
