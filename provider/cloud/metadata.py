"""The ECS metadata service of this node: its region, its account, and the session of its RAM role."""

import re
from collections.abc import Callable
from typing import TypeVar

from provider.cloud import sdk
from provider.cloud.attempts import Attempt, CallFailed
from provider.cloud.calls import Calls
from provider.cloud.causes import METADATA_HOST, Cause
from provider.cloud.facts import NOTHING_KNOWN, NodeFacts
from provider.cloud.failures import METADATA_NAME, Call, clock_sentence
from provider.cloud.left_out import LeftOutError
from provider.cloud.transport import Transport
from provider.errors import Refused
from provider.identity.session import Session

T = TypeVar("T")

URL = f"http://{METADATA_HOST}/latest/"
TOKEN_SECONDS = 300
"""How long the service keeps a token of ours: longer than a run."""
CONNECT_SECONDS = 1.0
READ_SECONDS = 3.0
SESSION_ENDED = "No cached value was found."
"""The SDK's words for a session that has already ended by the node's clock."""
NO_TOKEN_MODE = frozenset({404, 405, 501})
"""What a service that has no token mode answers to the request for a token."""

REGION = "region-id"
ROLE = "ram/security-credentials/"

_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")
_WORD = re.compile(r"[A-Za-z0-9.@_-]{1,128}")


class _Missing(Refused):
    pass


class Metadata:
    """Asks the metadata service, in token mode first. What was asked once is kept for the run.

    `facts` is what an earlier run kept; where the service refuses what follows from it, it is asked anew.
    """

    def __init__(self, transport: Transport, calls: Calls, facts: NodeFacts = NOTHING_KNOWN) -> None:
        self._transport = transport
        self._calls = calls
        self._token: str | None = None
        self._token_mode = facts.token_mode
        self._known = {path: word for path, word in ((REGION, facts.region), (ROLE, facts.role)) if word}
        self._role_was_known = bool(facts.role)

    def facts(self) -> NodeFacts:
        """Return what is known by now."""
        return NodeFacts(self._known.get(REGION, ""), self._known.get(ROLE, ""), self._token_mode)

    def region(self) -> str:
        """Return the node's region as the service tells it."""
        return self._word(REGION)

    def account(self) -> str:
        """Return the id of the account that owns the node."""
        return self._word("owner-account-id")

    def role(self) -> str:
        """Return the name of the node's RAM role. Raises Refused where it has none."""
        try:
            return self._word(ROLE)
        except _Missing:
            raise Refused(
                "no RAM role on this node: attach the cluster's worker RAM role to the ECS instance, or set token-mode "
                "to managedRole, or use RRSA"
            ) from None

    def worker_role_session(self) -> Session:
        """Return the session of the node's RAM role."""
        try:
            return self._session(self.role())
        except Refused:
            if not self._role_was_known:
                raise
            self._role_was_known = False
            del self._known[ROLE]
            return self._session(self.role())

    def _session(self, role: str) -> Session:
        identity = f"worker RAM role {role}"
        call = Call("the credentials of the RAM role", identity=identity)

        def perform(attempt: Attempt) -> Session:
            provider = sdk.metadata_provider(self._transport, role, attempt, token_mode=self._token_mode)
            try:
                found = provider.get_credentials()
            except Exception as error:
                raise self._no_session(error, role) from None
            words = (found.get_access_key_id(), found.get_access_key_secret(), found.get_security_token())
            if not all(isinstance(word, str) and _TOKEN.fullmatch(word) for word in words):
                raise CallFailed(f"{METADATA_NAME} gave no usable credentials for role {role}", Cause.GARBLED)
            return Session(*words, expiration=float(found.get_expiration()), identity=identity)

        return self._ask(call, perform)

    def _no_session(self, error: Exception, role: str) -> Exception:
        last = self._transport.last
        if last is None or last.cause is not None or isinstance(error, LeftOutError):
            return error
        if last.status != 200:
            return self._refused(last.status, f"the credentials of role {role}")
        if str(error) == SESSION_ENDED:
            return Refused(
                f"the session of worker RAM role {role} has ended by this node's clock; "
                f"{clock_sentence(self._transport.clock_offset)}"
            )
        return CallFailed(f"{METADATA_NAME} has no credentials of role {role} ready", Cause.GARBLED)

    def _word(self, path: str) -> str:
        if path not in self._known:
            body = self._ask(Call(path), lambda attempt: self._get(path, attempt))
            word = body.decode("ascii", "replace").strip()
            if not _WORD.fullmatch(word):
                raise CallFailed(f"{METADATA_NAME} gave no usable {path}", Cause.GARBLED)
            self._known[path] = word
        return self._known[path]

    def _get(self, path: str, attempt: Attempt) -> bytes:
        if self._token is None:
            self._token = self._new_token(attempt)
            self._token_mode = bool(self._token)
        headers = {"X-aliyun-ecs-metadata-token": self._token} if self._token else {}
        answer = self._send("GET", f"meta-data/{path}", headers, attempt)
        if answer[0] != 200:
            raise self._refused(answer[0], path)
        return answer[1]

    def _new_token(self, attempt: Attempt) -> str:
        """Return a token; empty where the service has no token mode."""
        headers = {"X-aliyun-ecs-metadata-token-ttl-seconds": str(TOKEN_SECONDS)}
        status, body = self._send("PUT", "api/token", headers, attempt)
        if status in NO_TOKEN_MODE:
            return ""
        if status != 200:
            raise self._refused(status, "a token")
        token = body.decode("ascii", "replace").strip()
        if not _TOKEN.fullmatch(token):
            raise CallFailed(f"{METADATA_NAME} gave no usable token", Cause.GARBLED)
        return token

    def _send(self, method: str, path: str, headers: dict[str, str], attempt: Attempt) -> tuple[int, bytes]:
        answer = self._transport.request(
            method,
            URL + path,
            headers,
            connect_seconds=attempt.connect_seconds,
            read_seconds=attempt.read_seconds,
        )
        return answer.status, answer.body

    def _refused(self, status: int, what: str) -> Exception:
        if status == 429 or status >= 500:
            cause = Cause.THROTTLED if status == 429 else Cause.SERVER
            return CallFailed(f"{METADATA_NAME} {cause.value} (HTTP {status})", cause)
        if status == 404:
            return _Missing(f"{METADATA_NAME} has no {what}")
        return Refused(f"{METADATA_NAME} did not give {what} (HTTP {status}): is access to it switched off?")

    def _ask(self, call: Call, perform: Callable[[Attempt], T]) -> T:
        def short(attempt: Attempt) -> T:
            return perform(Attempt(attempt.endpoint, CONNECT_SECONDS, READ_SECONDS))

        return self._calls.at(METADATA_HOST, call, short)
