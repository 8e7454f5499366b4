"""The kubelet's own `config.json` with our entries in it, for nodes whose kubelet has no flags for a provider. Pure.

The kubelet reads `auths` of this file in its root directory every five minutes, and nothing else of it. What other
people have in the file stays: their keys, their order, their indentation.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from provider.node.files import NodeError

NAME = "config.json"
CHOSEN = "node/docker-config.json"
"""Below DATA: says that tokens are delivered so, where, and which hosts are ours. Holds no secret."""

BEFORE = "node/docker-config.before"
"""Below DATA: what that file was before us, if there was one."""

VERSION = 1
AUTHS, HELPERS = "auths", "credHelpers"
WHOLE_HOST = ("", "/", "/v1/", "/v2/")
"""The paths of a key that stand for the host as a whole, to the kubelet."""

Entries = Mapping[str, tuple[str, str]]
"""User name and password by host."""


class NotADockerConfig(NodeError):
    """The file is none that the kubelet reads either; it is left alone."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is remembered between two renewals."""

    path: str
    """Of the kubelet's `config.json`, as the node sees it."""
    mode: int | None
    """What that file had before us; None where there was none: then it goes when the last entry does."""
    hosts: Mapping[str, int]
    """Our entries: when the token of each ends, in seconds since the epoch."""

    def dump(self) -> bytes:
        """Return the file's content."""
        fields = {"version": VERSION, "path": self.path, "mode": self.mode, "hosts": dict(self.hosts)}
        return json.dumps(fields, indent=2).encode() + b"\n"


def parse_chosen(content: bytes, name: str) -> Chosen:
    """Return what a file says. Raises NodeError, which names the file."""
    try:
        fields = json.loads(content)
        match fields:
            case {"version": 1, "path": str(path), "mode": mode, "hosts": dict(hosts)} if (
                mode is None or type(mode) is int
            ) and all(type(end) is int for end in hosts.values()):
                return Chosen(path, mode, hosts)
    except (ValueError, RecursionError):
        pass
    raise NodeError(f"{name}: is damaged, or of another version: `install --delivery docker-config` writes it anew")


def check(content: bytes) -> None:
    """Raise NotADockerConfig for a file that the kubelet does not read either, so that we must not touch it."""
    _parse(content)


def with_entries(content: bytes | None, entries: Entries, ours: Collection[str]) -> bytes:
    """Return the file with exactly these entries of ours. `ours`: the hosts whose entries were made by us before.

    A host that somebody else has is left alone (`taken`). What needs no change is returned as it is. `None`: there is
    no file. Raises NotADockerConfig.
    """
    document = _parse(content)
    before = json.dumps(document)
    foreign = taken(content, entries, ours)
    wanted = {host: credentials for host, credentials in entries.items() if host not in foreign}
    key = _key(document, AUTHS)
    auths = document.setdefault(key, {}) if wanted else document.get(key, {})
    for host in _mine(auths, ours):
        if host not in wanted:
            del auths[host]
    for host, (username, password) in wanted.items():
        # Plain fields: the kubelet takes them as it takes `auth`, which is the two in base64.
        auths[host] = {"username": username, "password": password}
    if content is not None and json.dumps(document) == before:
        return content
    return _render(document, content)


def without_entries(content: bytes | None, ours: Collection[str], before: bytes | None = None) -> bytes | None:
    """Return the file without our entries; None if there is nothing else in it.

    `before` is what was there before us: it comes back byte for byte where it says the same as what is left.
    Raises NotADockerConfig.
    """
    if content is None:
        return None
    document = _parse(content)
    key = _key(document, AUTHS)
    auths = document.get(key, {})
    removed = _mine(auths, ours)
    for host in removed:
        del auths[host]
    if before is not None:
        found = _parse(before)
        if _meaning(found) == _meaning(document):
            return before
    if document in ({}, {key: {}}):
        return None
    return _render(document, content) if removed else content


def taken(content: bytes | None, hosts: Collection[str], ours: Collection[str]) -> tuple[str, ...]:
    """Return those of the hosts that somebody else has an entry or a credential helper for, sorted."""
    document = _parse(content)
    auths = document.get(_key(document, AUTHS), {})
    foreign = {_host(key) for key in auths.keys() - _mine(auths, ours)}
    foreign |= {_host(key) for key in document.get(_key(document, HELPERS), {})}
    return tuple(sorted(foreign.intersection(hosts)))


def own_entries(content: bytes | None, ours: Collection[str]) -> dict[str, tuple[str, str]]:
    """Return our entries as they are in the file."""
    document = _parse(content)
    auths = document.get(_key(document, AUTHS), {})
    return {host: (auths[host]["username"], auths[host]["password"]) for host in _mine(auths, ours)}


def _mine(auths: Mapping[str, Any], ours: Collection[str]) -> list[str]:
    """Return the hosts whose entries are of the form that we write: what `docker login` writes since is not ours."""
    return [
        host
        for host in ours
        if isinstance(entry := auths.get(host), dict)
        and entry.keys() == {"username", "password"}
        and all(isinstance(value, str) for value in entry.values())
    ]


def _parse(content: bytes | None) -> dict[str, Any]:
    if content is None:
        return {}
    try:
        document = json.loads(content.decode())
    except (ValueError, RecursionError):
        raise NotADockerConfig(f"the kubelet's {NAME} is not JSON: repair it, or take it away") from None
    if not isinstance(document, dict):
        raise NotADockerConfig(f"the kubelet's {NAME} is not a JSON object: repair it, or take it away")
    for name in (AUTHS, HELPERS):
        if not isinstance(document.get(_key(document, name), {}), dict):
            raise NotADockerConfig(f"{name} of the kubelet's {NAME} is not a JSON object: repair it, or take it away")
    return document


def _key(document: Mapping[str, Any], name: str) -> str:
    """Return how the document spells a key: the kubelet's JSON takes any letter case."""
    return next((key for key in document if key.lower() == name.lower()), name)


def _host(key: str) -> str:
    """Return the host that a key of `auths` stands for as a whole; empty if it is for a path of it."""
    try:
        parts = urlsplit(key if re.match(r"https?://", key) else f"https://{key}")
    except ValueError:
        return ""
    return parts.netloc.lower() if parts.path in WHOLE_HOST else ""


def _meaning(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document without an empty `auths`, which says what none says."""
    key = _key(document, AUTHS)
    return {name: value for name, value in document.items() if name != key or value}


def _render(document: Mapping[str, Any], like: bytes | None) -> bytes:
    """Return the document, in the style of the file that it replaces."""
    text = "\n" if like is None else like.decode()
    found = re.search(r"\n([ \t]+)\S", text)
    indent: str | None = found[1] if found else "\t" if like is None else None
    tight = indent is None and not re.search(r'":\s', text)
    separators = (",", ":") if tight else (", ", ": ") if indent is None else (",", ": ")
    ending = text[len(text.rstrip()) :]
    try:
        rendered = json.dumps(document, indent=indent, separators=separators, ensure_ascii=text.isascii()).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which only an escape can hold
        rendered = json.dumps(document, indent=indent, separators=separators).encode()
    return rendered + ending.encode()
