"""Why a call got no usable answer: the few causes that decide what is tried next and what the reader is told."""

import re
import ssl
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

METADATA_HOST = "100.100.100.200"


class Cause(Enum):
    """What kept the answer away. The value completes the sentence `HOST …`."""

    NAME = "cannot be resolved by this node's DNS"
    CLOSED = "cannot be connected to"
    SILENT = "did not answer in time"
    DROPPED = "broke the connection off"
    CERTIFICATE = "has a certificate that this node does not accept"
    TLS = "does not speak TLS as expected"
    PROXY = "cannot be reached through the proxy"
    REDIRECT = "answered with a redirect, which is not followed"
    TOO_LARGE = "sent an answer of more than 1 MiB"
    PLAIN = "may not be asked without TLS"
    SERVER = "answered with a failure of its own"
    GARBLED = "sent an answer that cannot be understood"
    THROTTLED = "has too many requests to answer at once"
    OUT_OF_TIME = "could not be asked any more, since the time was up"


class Exchange(NamedTuple):
    """One request on the wire and what came of it. No query, no header, no body: those hold secrets."""

    method: str
    host: str
    path: str
    status: int = 0
    """Of the answer; 0 when there was none."""
    cause: Cause | None = None
    detail: str = ""
    """More on the cause, in our own words."""


CERTIFICATE_DETAILS = {
    # X509_V_ERR_* of OpenSSL's x509_vfy.h
    9: "it is not valid yet",
    10: "it has expired",
    18: "it is signed by itself, not by an authority that this node trusts",
    19: "its authority is not one that this node trusts",
    20: "its authority is not one that this node trusts",
    21: "its authority is not one that this node trusts",
    62: "it was made for another host name",
    64: "it was made for another address",
}
ABOUT_TIME = (CERTIFICATE_DETAILS[9], CERTIFICATE_DETAILS[10])
"""What a node's wrong clock makes of a good certificate."""

_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})\b")

_BY_NAME = (
    # The first kind of exception that is found anywhere in the chain decides. Names: urllib3's and requests'.
    ("NameResolutionError", Cause.NAME),
    ("NewConnectionError", Cause.CLOSED),
    ("ConnectTimeoutError", Cause.SILENT),
    ("ReadTimeoutError", Cause.SILENT),
    ("TimeoutError", Cause.SILENT),
    ("ConnectTimeout", Cause.SILENT),
    ("ReadTimeout", Cause.SILENT),
    ("SSLError", Cause.TLS),
)


_NOT_CONNECTED = {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError"}


def classify(error: BaseException) -> tuple[Cause, str]:
    """Return the cause behind an exception of requests, and more on it. Never quotes the exception."""
    chain = list(_chain(error))
    for each in chain:
        if isinstance(each, ssl.SSLCertVerificationError):
            return Cause.CERTIFICATE, CERTIFICATE_DETAILS.get(each.verify_code, f"OpenSSL's error {each.verify_code}")
        if isinstance(each, OSError) and (tunnel := _TUNNEL.search(str(each))):
            return Cause.PROXY, f"the proxy refused with HTTP {tunnel[1]}"
    names = {kind.__name__ for each in chain for kind in type(each).__mro__}
    if "ProxyError" in names and names & _NOT_CONNECTED:
        # urllib3 blames the proxy for a connection that the host behind it broke off, too.
        return Cause.PROXY, "the proxy itself does not answer"
    cause = next((cause for name, cause in _BY_NAME if name in names), Cause.DROPPED)
    return cause, ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop(0)
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]
