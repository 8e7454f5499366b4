"""What the cloud remembers for the test: every call, every secret, and everything that arrived where nothing should."""

import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Call:
    """One request that reached a service, those that met a fault included."""

    service: str
    """`metadata`, `sts`, `acr`, `registry`, `auth` or `proxy`."""
    action: str
    """`AssumeRole`, `GetAuthorizationToken`, `GET /tokens`, `PUT /latest/api/token`, `CONNECT` and so on."""
    host: str
    identity: str
    """ARN of the role or user that the request proved to be; empty where nothing was proven."""
    parameters: Mapping[str, str]
    """Secrets read `***`; `OIDCToken` reads `(query)` or `(body)`, the place it came in."""
    status: int
    """HTTP status of the answer; 0 where none was sent."""
    code: str
    """The error's Code, `fault:KIND` for a fault that was switched on, empty for success."""
    time: float
    """By the cloud's clock."""


@dataclass(frozen=True, slots=True)
class Trapped:
    """A request that arrived where no program of ours should ever go, with all that came along (secrets too)."""

    method: str
    url: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: str


class Secrets:
    """Every string that must show up in no message, log, argument list or URL."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: set[str] = set()

    def keep(self, secret: str) -> str:
        """Remember the secret, and return it."""
        if secret:
            with self._lock:
                self._kept |= {secret, quote(secret, safe=""), quote_plus(secret)}
        return secret

    def keep_login(self, username: str, password: str) -> None:
        """Remember a password, and the `auth` that Docker's configuration and Basic authentication make of it."""
        self.keep(password)
        self.keep(b64encode(f"{username}:{password}".encode()).decode())

    def all(self) -> frozenset[str]:
        with self._lock:
            return frozenset(self._kept)

    def found_in(self, text: str) -> bool:
        return any(secret in text for secret in self.all())


class Calls:
    """The calls in the order in which they were answered. Reads like a sequence."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Call] = []

    def add(self, call: Call) -> None:
        with self._lock:
            self._calls.append(call)

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()

    def of(self, service: str = "", action: str = "") -> list[Call]:
        """The calls of one service and one action; an empty string stands for any."""
        return [call for call in self if service in ("", call.service) and action in ("", call.action)]

    def actions(self, service: str = "") -> list[str]:
        return [call.action for call in self.of(service)]

    def __iter__(self) -> Iterator[Call]:
        with self._lock:
            return iter(tuple(self._calls))

    def __len__(self) -> int:
        return len(self._calls)

    def __getitem__(self, index: int) -> Call:
        return self._calls[index]
