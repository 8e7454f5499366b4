"""What an install left: what it chose, and what stood at each path before and after.

`DATA/node/installed/record.json`, written with each change of the node and read by everything that looks at it later.
The content of files is not in it: `copy` names a file beside the record.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from provider.node.files import File, Folder, Link, NodeError, State, Tree
from provider.node.provider_file.entry import TokenAttributes, token_attributes_from, token_fields
from provider.places import DEFAULTS

DATA = DEFAULTS["--data-dir"]
NODE = f"{DATA}/node"
INSTALLED = f"{NODE}/installed"
"""A link to the generation that counts."""
PENDING = f"{NODE}/pending"
"""A link to the generation whose change has not been committed; absent otherwise."""
NAME = "record.json"

VERSION = 1

Delivery = Literal["flags", "docker-config"]
Mode = Literal["joined-file", "joined-directory", "set", ""]
"""Whether the kubelet had a provider configuration already; empty for `docker-config`, which needs none."""


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A regular file, by its content's SHA-256 (hexadecimal); `copy` is empty where the content was not kept."""

    sha256: str
    mode: int
    uid: int
    gid: int
    copy: str = ""


KeptState = KeptFile | Link | Folder | None


@dataclass(frozen=True, slots=True)
class Kept:
    """What was at a path before the first install, and what the last one left there."""

    path: str
    before: KeptState
    after: KeptState


@dataclass(frozen=True, slots=True)
class Record:
    """One install. Paths are absolute and as the node sees them; `placed` is seconds since the epoch."""

    program: str
    """The version installed."""
    prefix: str
    delivery: Delivery
    mode: Mode
    provider_file: str
    """Where our entry is; empty for `docker-config`, as `bin_dir` is."""
    bin_dir: str
    unit: str
    kubelet_version: str
    placed: float
    domains: tuple[str, ...] = ()
    """What our entry has in matchImages beside ACR's own names."""
    token_attributes: TokenAttributes | None = None
    """What our entry asks of a kubelet that knows them."""
    changes: tuple[Kept, ...] = ()

    def dump(self) -> bytes:
        """Return the file's content."""
        fields = {
            "version": VERSION,
            "program": self.program,
            "prefix": self.prefix,
            "delivery": self.delivery,
            "mode": self.mode,
            "provider_file": self.provider_file,
            "bin_dir": self.bin_dir,
            "unit": self.unit,
            "kubelet_version": self.kubelet_version,
            "placed": self.placed,
            "domains": list(self.domains),
            "token_attributes": token_fields(self.token_attributes) if self.token_attributes is not None else None,
            "changes": written_changes(self.changes),
        }
        return json.dumps(fields, indent=2).encode() + b"\n"

    def kept(self, path: str) -> Kept | None:
        """Return what is recorded of a path."""
        return next((kept for kept in self.changes if kept.path == path), None)


def read(tree: Tree, folder: str = INSTALLED) -> Record | None:
    """Return the record of a generation's folder, by default of what is installed; None where there is none.

    Raises NodeError for a file that is no such record: torn, or another program's.
    """
    path = f"{folder}/{NAME}"
    text = tree.text(path)
    return None if text is None else parse(text.encode(), path)


def parse(content: bytes, path: str) -> Record:
    """Return the record that a file holds. Raises NodeError, which names `path`."""
    try:
        fields = json.loads(content)
        if fields["version"] != VERSION:
            written = fields["version"]
            raise NodeError(f"{path}: is of version {written!r}: use the program that wrote it, or a newer one")
        return _record(fields)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise NodeError(f"{path}: is no record of an install (torn, or not ours); `install` writes a new one") from None


def written_changes(changes: Iterable[Kept]) -> list[dict[str, Any]]:
    """Return changes as JSON has them."""
    return [{"path": kept.path, "before": _written(kept.before), "after": _written(kept.after)} for kept in changes]


def read_changes(value: Any) -> tuple[Kept, ...]:
    """Return the changes that JSON has. Raises KeyError, TypeError or ValueError for what is none."""
    return tuple(Kept(_text(change["path"]), _state(change["before"]), _state(change["after"])) for change in value)


def kept_state(state: State, copy: str = "") -> KeptState:
    """Return what is to be recorded of what is at a path; `copy` names the file that has a regular file's content."""
    if isinstance(state, File):
        return KeptFile(hashlib.sha256(state.content).hexdigest(), state.mode, state.uid, state.gid, copy)
    return state


def is_same(state: State, kept: KeptState) -> bool:
    """Tell whether what is at a path is what was recorded, content, mode and owner."""
    found = kept_state(state)
    if isinstance(found, KeptFile) and isinstance(kept, KeptFile):
        return (found.sha256, found.mode, found.uid, found.gid) == (kept.sha256, kept.mode, kept.uid, kept.gid)
    return found == kept


def _record(fields: Mapping[str, Any]) -> Record:
    return Record(
        program=_text(fields["program"]),
        prefix=_text(fields["prefix"]),
        delivery=_one_of(fields["delivery"], get_args(Delivery)),
        mode=_one_of(fields["mode"], get_args(Mode)),
        provider_file=_text(fields["provider_file"]),
        bin_dir=_text(fields["bin_dir"]),
        unit=_text(fields["unit"]),
        kubelet_version=_text(fields["kubelet_version"]),
        placed=float(fields["placed"]),
        domains=tuple(_text(domain) for domain in fields["domains"]),
        token_attributes=_token_attributes(fields.get("token_attributes")),
        changes=read_changes(fields["changes"]),
    )


def _token_attributes(value: object) -> TokenAttributes | None:
    if not isinstance(value, Mapping | None):
        raise TypeError
    return None if value is None else token_attributes_from(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _one_of(value: Any, choices: tuple[Any, ...]) -> Any:
    if value not in choices:
        raise ValueError
    return value


_READERS: dict[str, Callable[[Mapping[str, Any]], KeptState]] = {
    "file": lambda fields: KeptFile(
        _text(fields["sha256"]),
        _number(fields["mode"]),
        _number(fields["uid"]),
        _number(fields["gid"]),
        _text(fields["copy"]),
    ),
    "link": lambda fields: Link(_text(fields["target"])),
    "folder": lambda fields: Folder(_number(fields["mode"]), _number(fields["uid"]), _number(fields["gid"])),
}


def _state(fields: Mapping[str, Any] | None) -> KeptState:
    return None if fields is None else _READERS[fields["kind"]](fields)


def _written(state: KeptState) -> dict[str, Any] | None:
    match state:
        case KeptFile():
            owner = {"mode": state.mode, "uid": state.uid, "gid": state.gid}
            return {"kind": "file", "sha256": state.sha256, **owner, "copy": state.copy}
        case Link():
            return {"kind": "link", "target": state.target}
        case Folder():
            return {"kind": "folder", "mode": state.mode, "uid": state.uid, "gid": state.gid}
    return None
