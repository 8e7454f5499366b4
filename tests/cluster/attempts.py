"""Requests as they go over the wire, of a user whose rights are in question."""

import base64
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from provider.key_pair import load_pair

APPLY, JSON_PATCH, MERGE_PATCH, JSON = (
    f"application/{kind}" for kind in ("apply-patch+yaml", "json-patch+json", "merge-patch+json", "json")
)
FORBIDDEN, CONFLICT = 403, 409
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
PATH = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/[^/]+)(?:/namespaces/(?P<space>[^/]+)(?=/))?"
    r"/(?P<resource>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<subresource>[^/]+))?"
)


@dataclass(frozen=True)
class Attempt:
    """One request. `what`: what it would be good for, for whoever reads that it went otherwise than it should."""

    what: str
    method: str
    path: str
    body: Any = None
    content: str = JSON

    @property
    def right(self) -> tuple[str, str, str]:
        """What it needs, as roles write it: API group, resource and verb."""
        parts = urlsplit(self.path)
        found = PATH.fullmatch(parts.path)
        assert found is not None, self.path
        query = parse_qs(parts.query)
        reading = "watch" if "watch" in query else "get" if found["name"] else "list"
        resource = "/".join(filter(None, (found["resource"], found["subresource"])))
        return found["group"] or "", resource, VERBS.get(self.method, reading)


class User:
    """Who a kubeconfig is of."""

    def __init__(self, kubeconfig: Path) -> None:
        found = json.loads(kubeconfig.read_text())
        cluster, user = found["clusters"][0]["cluster"], found["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        trust = ssl.create_default_context(cadata=authority)
        headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        if "client-key-data" in user:
            load_pair(trust, b"".join(base64.b64decode(user[f"client-{part}-data"]) for part in ("certificate", "key")))
        self._client = httpx2.Client(base_url=cluster["server"], headers=headers, verify=trust, timeout=30)

    def __enter__(self) -> "User":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def ask(self, attempt: Attempt) -> tuple[int, str]:
        """Return the status and, where it is an error, what the API server says."""
        content = None if attempt.body is None else json.dumps(attempt.body)
        answer = self._client.request(
            attempt.method, attempt.path, content=content, headers={"Content-Type": attempt.content}
        )
        return answer.status_code, "" if answer.is_success else str(answer.json().get("message", ""))


def dry(attempt: Attempt) -> Attempt:
    """Return the same request as one that changes nothing."""
    return replace(attempt, path=f"{attempt.path}{'&' if '?' in attempt.path else '?'}dryRun=All")


def create(what: str, path: str, body: Mapping[str, Any]) -> Attempt:
    return Attempt(what, "POST", path, body)


def apply(what: str, path: str, body: Mapping[str, Any]) -> Attempt:
    return Attempt(what, "PATCH", f"{path}?fieldManager=test&force=true", body, APPLY)


def patch(what: str, path: str, *operations: Mapping[str, Any]) -> Attempt:
    return Attempt(what, "PATCH", path, list(operations), JSON_PATCH)


def get(what: str, path: str) -> Attempt:
    return Attempt(what, "GET", path)


def delete(what: str, path: str) -> Attempt:
    return Attempt(what, "DELETE", path)
