"""From what an SDK or the wire gave to an error that says what to do. Never with an exception's own text.

The SDKs' texts quote answers, URLs and strings to sign, and with them tokens: only Code, RequestId and status are
taken.
"""

import re
from typing import Any, NamedTuple

from provider.cloud.attempts import CallFailed
from provider.cloud.causes import ABOUT_TIME, METADATA_HOST, Cause, Exchange
from provider.cloud.left_out import LeftOutError
from provider.errors import DENIED_CODE, ProviderError, Refused

METADATA_NAME = "the ECS metadata service"


class Call(NamedTuple):
    """What was asked, in the words of messages."""

    action: str
    """`GetAuthorizationToken`"""
    of: str = ""
    """What it was asked of: `instance cri-… in cn-hangzhou`, `RAM role acs:ram::…`."""
    identity: str = ""
    """Who asked: `worker RAM role KubernetesWorkerRole-…`."""
    permission: str = ""
    """The RAM action that the identity needs."""


class Hint(NamedTuple):
    """What a Code means."""

    code: str
    """A regular expression for the whole Code, compiled when it is needed."""
    text: str
    """Formatted with the fields of the Call, and `clock`."""


_KEY = "{identity} is not accepted: "

DENIED = "{identity} may not call {action} for {of}: its RAM policy must allow {permission}"
ASSUME_ROLE_DENIED = (
    "{identity} may not assume {of}: its RAM policy must allow sts:AssumeRole, and the role's trust policy must name it"
)
NOT_TRUSTED = (
    "{of} does not trust {identity}: its trust policy must name the OIDC provider, audience "
    "sts.aliyuncs.com and the ServiceAccount (oidc:sub)"
)
DENIED_BY_ACTION = {"AssumeRole": ASSUME_ROLE_DENIED, "AssumeRoleWithOIDC": NOT_TRUSTED}
"""What a denial means where it is not a matter of the identity's own policy alone."""

HINTS = (
    # The first that matches the whole Code counts.
    Hint(r"(.*Time-?stamp.*|.*RequestTime.*|SignatureNonceUsed)", "{clock}"),
    Hint(
        r"INSTANCE_?NOT_?(EXIST|FOUND)S?",
        "there is no {of} for {identity}: check instanceId and regionId; an instance of another account needs "
        "assumeRoleARN, rrsaRoleARN or customAccessKey of that account",
    ),
    Hint(
        r"USER_NOT_EXIST",
        "the account of {identity} does not use {of}: switch it on in the console (set a registry password), or name "
        "an Enterprise instance as instanceId",
    ),
    Hint(
        r"AuthenticationFail\.OIDCToken\.Expired",
        "{identity} has ended: is it still renewed? ({clock})",
    ),
    Hint(
        r"AuthenticationFail\.NoPermission",
        NOT_TRUSTED,
    ),
    Hint(
        r"AuthenticationFail\..*",
        "{of} was not given: the token of the cluster's OIDC provider is not accepted (issuer, audience, signature)",
    ),
    Hint(r"EntityNotExist\.OIDCProvider.*", "there is no such OIDC provider: check rrsaOIDCProviderRoleARN"),
    Hint(r"EntityNotExist\..*", "{of} does not exist: check the ARN"),
    Hint(r".*DurationSeconds.*", "{of} does not allow sessions that long: check expireDuration"),
    Hint(DENIED_CODE, DENIED),
    Hint(r"InvalidAccessKeyId\.Inactive", _KEY + "the key pair is disabled"),
    Hint(r"InvalidAccessKeyId(\..*)?", _KEY + "no such key pair, or the session has ended"),
    Hint(r"InvalidSecurityToken\.Expired|.*Token\.?Expired", _KEY + "the session has ended ({clock})"),
    Hint(r"InvalidSecurityToken(\..*)?", _KEY + "the session is malformed or belongs to another key"),
    Hint(r"(SignatureDoesNotMatch|IncompleteSignature|InvalidSignature)(\..*)?", _KEY + "the secret is not the key's"),
)

INSPECTED = (
    "if a proxy of yours inspects TLS, name its authority as ca-file in local.yaml or as SSL_CERT_FILE in the "
    "kubelet's environment"
)

_UNREACHED = (
    "can this node reach it? (routes, security group; behind a proxy, HTTPS_PROXY in the kubelet's environment)"
)
_INTERCEPTED = "does something in between (a proxy, a gateway) answer in its place?"
REMEDIES = {
    Cause.NAME: "check this node's DNS (/etc/resolv.conf)",
    Cause.CLOSED: _UNREACHED,
    Cause.SILENT: _UNREACHED,
    Cause.PROXY: "check HTTPS_PROXY and NO_PROXY in the kubelet's environment",
    Cause.TLS: _INTERCEPTED,
    Cause.REDIRECT: _INTERCEPTED,
    Cause.TOO_LARGE: _INTERCEPTED,
}
"""What to do about what failed on the wire. Other causes pass by themselves, and the kubelet asks again."""
METADATA_REMEDY = "is this an ECS instance, and may this node reach 100.100.100.200?"

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


def known_code(value: object) -> str:
    """Return a Code of the cloud's, empty for anything else."""
    return value if isinstance(value, str) and value != "None" and _CODE.fullmatch(value) else ""


def known_request_id(value: object) -> str:
    """Return a RequestId, empty for anything else."""
    return value if isinstance(value, str) and value != "None" and _REQUEST_ID.fullmatch(value) else ""


def explain(error: Exception, exchange: Exchange | None, call: Call, clock_offset: float | None) -> Exception:
    """Return the error to raise for what an SDK raised; `exchange` is the call's last one on the wire.

    Without any exchange the error is a bug, of ours or of the SDK's, and returned as it is.
    """
    inner = getattr(error, "inner_exception", error)
    if isinstance(inner, LeftOutError | ProviderError):
        return inner
    if exchange is None:
        return error
    status: Any = getattr(error, "status_code", None)
    if isinstance(status, int) and not isinstance(status, bool):
        retry_after: Any = getattr(error, "retry_after", None)
        return refused(
            call,
            exchange,
            clock_offset,
            status=status,
            code=known_code(getattr(error, "code", None)),
            request_id=known_request_id(getattr(error, "request_id", None)),
            wait_seconds=retry_after / 1000 if isinstance(retry_after, int) else 0.0,
        )
    if exchange.cause is not None:
        return unanswered(exchange, clock_offset)
    if exchange.status >= 400:
        return refused(call, exchange, clock_offset, status=exchange.status)
    return CallFailed(f"{_who(exchange)} {Cause.GARBLED.value} ({call.action})", Cause.GARBLED)


def refused(
    call: Call,
    exchange: Exchange | None,
    clock_offset: float | None,
    *,
    status: int,
    code: str = "",
    request_id: str = "",
    wait_seconds: float = 0.0,
) -> ProviderError:
    """Return the error for an answer that says no: worth another try if it is throttling or the cloud's own failure."""
    who = _who(exchange)
    if status == 429 or code.startswith("Throttling"):
        message = f"{who} {Cause.THROTTLED.value} ({call.action})"
        return CallFailed(message, Cause.THROTTLED, code=code, request_id=request_id, wait_seconds=wait_seconds)
    if status >= 500 or code in ("ServiceUnavailable", "InternalError"):
        message = f"{who} {Cause.SERVER.value} to {call.action} (HTTP {status})"
        return CallFailed(message, Cause.SERVER, code=code, request_id=request_id)
    if not code:
        # Every refusal of the cloud's has a Code.
        message = f"{who} refused {call.action} with HTTP {status} and no Code: is something else in between?"
        return Refused(message, request_id=request_id)
    text = next((hint.text for hint in HINTS if re.fullmatch(hint.code, code, re.IGNORECASE)), "")
    if text == DENIED:
        text = DENIED_BY_ACTION.get(call.action, DENIED)
    message = (text or "{action} for {of} was refused to {identity}").format(
        action=call.action,
        of=call.of or who,
        identity=call.identity or "this node",
        permission=call.permission or f"the action {call.action}",
        clock=clock_sentence(clock_offset),
    )
    return Refused(message, code=code, request_id=request_id)


def unanswered(exchange: Exchange, clock_offset: float | None) -> CallFailed:
    """Return the error for an exchange that failed on the wire."""
    cause = exchange.cause or Cause.DROPPED
    detail = f" ({exchange.detail})" if exchange.detail else ""
    remedy = REMEDIES.get(cause, "")
    if exchange.host == METADATA_HOST and cause in REMEDIES:
        remedy = METADATA_REMEDY
    if cause is Cause.CERTIFICATE:
        about_time = any(text in exchange.detail for text in ABOUT_TIME)
        remedy = clock_sentence(clock_offset) if about_time else INSPECTED
    return CallFailed(f"{_who(exchange)} {cause.value}{detail}", cause, remedy=remedy)


def clock_sentence(offset: float | None) -> str:
    """Return what is known of this node's clock; `offset` is the seconds by which the cloud's is ahead."""
    if offset is None:
        return "this node's clock may be wrong: compare it with another's (chronyc tracking)"
    if abs(offset) < 60:
        return f"this node's clock is right (within {max(1, round(abs(offset)))} s of the cloud's)"
    direction = "behind" if offset > 0 else "ahead of"
    minutes = round(abs(offset) / 60)
    return (
        f"this node's clock is {minutes} minute{'s' if minutes > 1 else ''} {direction} the cloud's: set it right "
        "(chronyd or ntpd)"
    )


def _who(exchange: Exchange | None) -> str:
    if exchange is None:
        return "the cloud"
    return METADATA_NAME if exchange.host == METADATA_HOST else exchange.host
