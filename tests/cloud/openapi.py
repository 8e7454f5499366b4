"""What STS and ACR have in common: the gateway that checks signature, time, nonce and session before any action."""

import threading
from collections.abc import Callable

from tests.cloud.clock import Clock, parse_iso
from tests.cloud.principals import Caller, IssuedSession, Sessions
from tests.cloud.signatures import acs3_matches, parse_authorization, rpc_matches
from tests.cloud.wire import Answer, Exchange, Request, json_answer
from tests.cloud.world import World

ALLOWED_SKEW = 900
"""Seconds that a request's timestamp may be off the cloud's clock."""

SECRET_PARAMETERS = frozenset({"SecurityToken", "Signature", "OIDCToken", "SignatureNonce", "AccessKeyId"})


class Refusal(Exception):
    """An error answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message


NO_PERMISSION = (403, "NoPermission", "You are not authorized to do this action. You should be authorized by RAM.")


class Gateway:
    """Proves who calls. One for all services, since they share keys, sessions and nonces."""

    def __init__(self, world: World, clock: Clock, sessions: Sessions) -> None:
        self.world = world
        self.clock = clock
        self.sessions = sessions
        self._lock = threading.Lock()
        self._nonces: dict[str, float] = {}

    def answer(self, exchange: Exchange, action: Callable[[Exchange], Answer]) -> Answer:
        """Run an action; its Refusal becomes an error as the gateway writes them."""
        exchange.parameters = recorded(exchange.request)
        try:
            return action(exchange)
        except Refusal as refusal:
            exchange.code = refusal.code
            error = {
                "RequestId": exchange.request_id,
                "HostId": exchange.request.host,
                "Code": refusal.code,
                "Message": refusal.message,
                "Recommend": f"https://api.aliyun.com/troubleshoot?q={refusal.code}",
            }
            return json_answer(refusal.status, error, x_acs_request_id=exchange.request_id)

    def authenticate(self, exchange: Exchange) -> Caller:
        """The caller that the signature proves. Raises Refusal."""
        request = exchange.request
        authorization = parse_authorization(request.headers.get("authorization", ""))
        parameters = request.parameters
        if authorization:
            key_id = authorization.access_key_id
            token = request.headers.get("x-acs-security-token", "")
            stamp, nonce = (request.headers.get(f"x-acs-{name}", "") for name in ("date", "signature-nonce"))
        else:
            key_id, token = parameters.get("AccessKeyId", ""), parameters.get("SecurityToken", "")
            stamp, nonce = parameters.get("Timestamp", ""), parameters.get("SignatureNonce", "")
            method = (parameters.get("SignatureMethod"), parameters.get("SignatureVersion"))
            if not key_id or method != ("HMAC-SHA1", "1.0"):
                raise Refusal(400, "MissingParameter", "AccessKeyId is mandatory for this action.")
        caller, secret = self._key(key_id)
        self._fresh(stamp)
        matches = acs3_matches(request, authorization, secret) if authorization else rpc_matches(request, secret)
        if not matches:
            raise Refusal(400, "SignatureDoesNotMatch", "Specified signature does not match our calculation.")
        self._first_use(nonce)
        if caller.session:
            self._valid(caller.session, token)
        exchange.identity = caller.arn
        return caller

    def require(self, caller: Caller, action: str, resource: str) -> None:
        """Raise NoPermission unless the caller may."""
        if not caller.may(self.world, action, resource):
            raise Refusal(*NO_PERMISSION)

    def _key(self, key_id: str) -> tuple[Caller, str]:
        session = self.sessions.find(key_id)
        if session:
            return Caller(session.role_arn, session), session.access_key_secret
        user = self.world.user(key_id)
        if user is None:
            raise Refusal(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        return Caller(user.arn), user.access_key_secret

    def _fresh(self, stamp: str) -> None:
        sent = parse_iso(stamp)
        if sent is None:
            raise Refusal(400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.")
        if abs(sent - self.clock.now()) > ALLOWED_SKEW:
            raise Refusal(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")

    def _first_use(self, nonce: str) -> None:
        with self._lock:
            if not nonce or nonce in self._nonces:
                raise Refusal(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
            self._nonces[nonce] = self.clock.now()

    def _valid(self, session: IssuedSession, token: str) -> None:
        if not token:
            raise Refusal(400, "MissingSecurityToken", "SecurityToken is mandatory for this action.")
        if token != session.security_token:
            raise Refusal(400, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed.")
        if session.expiration <= self.clock.now():
            raise Refusal(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")


def action_of(request: Request) -> str:
    """The action's name: header x-acs-action, else parameter Action."""
    return request.headers.get("x-acs-action") or request.parameters.get("Action", "")


def version_of(request: Request) -> str:
    return request.headers.get("x-acs-version") or request.parameters.get("Version", "")


def recorded(request: Request) -> dict[str, str]:
    """The request's own parameters, with no secret among them."""
    in_query = request.query_parameters
    shown = {name: value for name, value in request.parameters.items() if name not in SECRET_PARAMETERS}
    if "OIDCToken" in request.parameters:
        shown["OIDCToken"] = "(query)" if "OIDCToken" in in_query else "(body)"
    if "SecurityToken" in request.parameters:
        shown["SecurityToken"] = "(query)" if "SecurityToken" in in_query else "(body)"
    return shown


def whole_number(text: str, code: str) -> int:
    """The value of a numeric parameter. Raises Refusal."""
    if not text.isdecimal():
        raise Refusal(400, code, f"The parameter value {code.rpartition('.')[2]} is invalid.")
    return int(text)
