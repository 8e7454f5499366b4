"""HTTP as values: what a service is asked and what it answers. No sockets here."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, read whole."""

    method: str
    host: str
    """Where it went (by SNI, by the proxy's target, else by its Host header): lower case, without the port."""
    path: str
    query: str
    """As it came, percent-encoded; empty when there is none."""
    headers: Mapping[str, str]
    """Names in lower case; repeated ones joined by a comma."""
    body: bytes = b""
    scheme: str = "https"

    @property
    def query_parameters(self) -> dict[str, str]:
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def form_parameters(self) -> dict[str, str]:
        """The body's fields, when it is a form."""
        if not self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return {}
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @property
    def parameters(self) -> dict[str, str]:
        return self.query_parameters | self.form_parameters

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}{self.path}" + (f"?{self.query}" if self.query else "")


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; Content-Length and Date are added where it is sent."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Exchange:
    """A request on its way through a service, with what the service found out for the record."""

    request: Request
    action: str = ""
    identity: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    code: str = ""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()).upper())


class Service(Protocol):
    """One part of the cloud."""

    name: str

    def action(self, request: Request) -> str:
        """What the record and the faults call this request."""
        ...

    def handle(self, exchange: Exchange) -> Answer: ...


def json_answer(status: int, value: object, **headers: str) -> Answer:
    """An answer as the OpenAPI gateway writes them. Header names are given with underscores."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json;charset=utf-8"} | named)


def text_answer(status: int, text: str, content_type: str = "text/plain") -> Answer:
    return Answer(status, text.encode(), {"Content-Type": content_type})
