"""The tokens that the compatibility Secrets hold, as the child leaves them in a file, and what follows from them. Pure.

Times are seconds since the epoch by the clock of this machine.
"""

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from provider.secrets.desired import NO_LOGINS, Content

VERSION = 1
_TEXTS = ("key", "target", "username", "password", "source")
_NUMBERS = ("threshold", "written", "renew", "end")


@dataclass(frozen=True, slots=True)
class Token:
    """One token, and the hosts it is for."""

    key: str
    """Whom it was asked of, and as whom: a hash that changes with the configuration and never with a renewal."""
    target: str
    """What people call whom it was asked of."""
    hosts: tuple[str, ...]
    username: str = field(repr=False)
    password: str = field(repr=False)
    source: str
    """For people: the target and the identity."""
    threshold: int
    """`expiring-threshold` when it was asked for, in seconds; `renew` follows from it."""
    written: int
    renew: int
    end: int

    def is_fresh(self, now: float, ahead: float = 0) -> bool:
        """Tell whether it is not to be renewed within `ahead` seconds."""
        return self.written <= now < self.renew - ahead

    def is_valid(self, now: float) -> bool:
        """Tell whether a registry still takes it."""
        return now < self.end


def dump(tokens: Iterable[Token]) -> bytes:
    """Return the content of the file."""
    return json.dumps({"version": VERSION, "tokens": [asdict(token) for token in tokens]}).encode() + b"\n"


def parse(data: bytes | None) -> tuple[Token, ...]:
    """Return what a file says; nothing where it is damaged, of another version or not there."""
    try:
        fields = json.loads(data or b"{}")
        if not isinstance(fields, dict) or fields.get("version") != VERSION:
            return ()
        return tuple(_token(each) for each in fields["tokens"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return ()


def content_of(tokens: Iterable[Token], now: float) -> Content:
    """Return what the Secrets are to hold: the tokens that are valid now, which may be none.

    A host that several tokens are for has the first of them.
    """
    by_host: dict[str, Token] = {}
    for token in tokens:
        if token.is_valid(now):
            for host in token.hosts:
                by_host.setdefault(host, token)
    held = by_host.values()
    key = hashed(sorted((host, token.key) for host, token in by_host.items()))
    if not held:
        return Content(NO_LOGINS, key, renew=0, end=0)
    return Content(
        docker_config=docker_config(by_host),
        key=key,
        renew=min(token.renew for token in held),
        end=min(token.end for token in held),
    )


def docker_config(by_host: dict[str, Token]) -> bytes:
    """Return the value of `.dockerconfigjson`, as `kubectl create secret docker-registry` writes it.

    Some readers know `auth` alone, others user name and password alone.
    """
    auths = {}
    for host in sorted(by_host):
        token = by_host[host]
        pair = base64.b64encode(f"{token.username}:{token.password}".encode()).decode()
        auths[host] = {"username": token.username, "password": token.password, "auth": pair}
    return json.dumps({"auths": auths}, separators=(",", ":")).encode()


def hashed(value: object) -> str:
    """Return a short text that changes with a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def _token(fields: dict[str, Any]) -> Token:
    for name in _TEXTS:
        if type(fields[name]) is not str:
            raise TypeError(name)
    for name in _NUMBERS:
        if type(fields[name]) is not int:
            raise TypeError(name)
    hosts = fields["hosts"]
    if type(hosts) is not list or any(type(host) is not str for host in hosts):
        raise TypeError("hosts")
    return Token(**{**fields, "hosts": tuple(hosts)})
