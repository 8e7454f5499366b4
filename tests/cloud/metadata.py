"""The ECS metadata service: the node's place and the session of its RAM role."""

import threading
import time
from dataclasses import dataclass

from tests.cloud.clock import Clock, iso
from tests.cloud.ledger import Secrets
from tests.cloud.principals import IssuedSession, Sessions, letters
from tests.cloud.sts import credentials
from tests.cloud.wire import Answer, Exchange, Request, json_answer, text_answer
from tests.cloud.world import World

ROOT = "/latest/meta-data/"
TOKEN_PATH = "/latest/api/token"
TTL_HEADER = "x-aliyun-ecs-metadata-token-ttl-seconds"
TOKEN_HEADER = "x-aliyun-ecs-metadata-token"
RENEWAL_SECONDS = 1800
"""The service renews a session that ends sooner (half of it, where it is short)."""


@dataclass(frozen=True, slots=True)
class _Given:
    role_name: str
    session: IssuedSession
    since: int


class Metadata:
    """The service of the one node in the world."""

    name = "metadata"

    def __init__(self, world: World, clock: Clock, sessions: Sessions, kept: Secrets) -> None:
        self._world = world
        self._clock = clock
        self._sessions = sessions
        self._secrets = kept
        self._lock = threading.Lock()
        self._tokens: dict[str, float] = {}
        self._given: _Given | None = None

    def action(self, request: Request) -> str:
        return f"{request.method} {request.path}"

    def handle(self, exchange: Exchange) -> Answer:
        request, node = exchange.request, self._world.node
        exchange.parameters = {"token": _token_use(request)}
        if request.path == TOKEN_PATH:
            answer = _missing() if node.mode == "old" else self._issue_token(request)
        elif request.method != "GET":
            answer = text_answer(405, "405 - Method Not Allowed")
        elif not self._admits(request):
            answer = text_answer(403, "403 - Forbidden")
        else:
            answer = self._read(request.path)
        exchange.code = "" if answer.status == 200 else str(answer.status)
        return answer

    def forget(self) -> None:
        """Forget the role's session, so that the next request gets a new one."""
        with self._lock:
            self._given = None

    def _issue_token(self, request: Request) -> Answer:
        seconds = request.headers.get(TTL_HEADER, "")
        if request.method != "PUT":
            return text_answer(405, "405 - Method Not Allowed")
        if not seconds.isdecimal() or not 1 <= int(seconds) <= 21600:
            return text_answer(400, "400 - Bad Request")
        token = self._secrets.keep(f"{letters(54)}==")
        with self._lock:
            self._tokens[token] = time.monotonic() + int(seconds)
        return text_answer(200, token)

    def _admits(self, request: Request) -> bool:
        given = request.headers.get(TOKEN_HEADER, "")
        if self._world.node.mode == "old" or (self._world.node.mode == "open" and not given):
            return True
        with self._lock:
            return self._tokens.get(given, 0.0) > time.monotonic()

    def _read(self, path: str) -> Answer:
        node = self._world.node
        values = {
            "region-id": node.region,
            "zone-id": node.zone,
            "owner-account-id": node.account,
            "instance-id": node.instance_id,
        }
        name = path.removeprefix(ROOT) if path.startswith(ROOT) else ""
        if name in values:
            return text_answer(200, values[name])
        credentials_path = "ram/security-credentials"
        if node.role_name and name.rstrip("/") == credentials_path:
            return text_answer(200, node.role_name)
        if node.role_name and name == f"{credentials_path}/{node.role_name}":
            return self._credentials()
        return _missing()

    def _credentials(self) -> Answer:
        code = self._world.node.credentials_code
        if code != "Success":
            return json_answer(200, {"Code": code})
        given = self._session()
        return json_answer(200, credentials(given.session) | {"LastUpdated": iso(given.since), "Code": "Success"})

    def _session(self) -> _Given:
        node, now = self._world.node, self._clock.whole()
        margin = min(RENEWAL_SECONDS, node.session_seconds // 2)
        with self._lock:
            given = self._given
            if given is None or given.role_name != node.role_name or given.session.expiration - now < margin:
                role = self._world.role(node.role_name)
                if role is None:
                    raise LookupError(f"the world has no role {node.role_name}")
                given = _Given(role.name, self._sessions.issue(role, node.instance_id, node.session_seconds), now)
                self._given = given
            return given


def _missing() -> Answer:
    return text_answer(404, "<html><head><title>404 - Not Found</title></head></html>", "text/html")


def _token_use(request: Request) -> str:
    return "asked" if request.path == TOKEN_PATH else "given" if TOKEN_HEADER in request.headers else "none"
