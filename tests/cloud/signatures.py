"""The two signatures of Alibaba Cloud's OpenAPI, computed from their documentation.

ACS3-HMAC-SHA256 stands in the Authorization header; the classic RPC signature, HMAC-SHA1, among the parameters.
"""

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote

from tests.cloud.wire import Request

ALGORITHM = "ACS3-HMAC-SHA256"
ALWAYS_SIGNED = frozenset({"host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce"})


@dataclass(frozen=True, slots=True)
class Authorization:
    """The parts of an Authorization header of ACS3-HMAC-SHA256."""

    access_key_id: str
    signed_headers: tuple[str, ...]
    signature: str


def parse_authorization(value: str) -> Authorization | None:
    found = re.fullmatch(rf"{ALGORITHM}\s+Credential=([^,]+),\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]+)", value)
    return Authorization(found[1], tuple(found[2].split(";")), found[3]) if found else None


def acs3_signature(request: Request, signed_headers: tuple[str, ...], secret: str) -> str:
    """The signature that a request with these headers must carry, in hexadecimal digits."""
    query = sorted(parse_qsl(request.query, keep_blank_values=True))
    canonical = "\n".join(
        (
            request.method,
            request.path or "/",
            "&".join(f"{_percent(name)}={_percent(value)}" for name, value in query),
            "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in signed_headers),
            ";".join(signed_headers),
            hashlib.sha256(request.body).hexdigest(),
        )
    )
    to_sign = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()


def acs3_matches(request: Request, authorization: Authorization, secret: str) -> bool:
    """Whether the signature is right and covers the body and every header that counts."""
    must = {name for name in request.headers if name.startswith("x-acs-") or name == "content-type"} | ALWAYS_SIGNED
    ordered = tuple(sorted(authorization.signed_headers))
    return (
        must <= set(ordered)
        and authorization.signed_headers == ordered
        and request.headers.get("x-acs-content-sha256") == hashlib.sha256(request.body).hexdigest()
        and hmac.compare_digest(acs3_signature(request, ordered, secret), authorization.signature)
    )


def rpc_signature(method: str, parameters: Mapping[str, str], secret: str) -> str:
    """HMAC-SHA1 over method and parameters, base64. A space is `%20` here: `+` is a common mistake of clients."""
    canonical = "&".join(
        f"{_percent(name)}={_percent(value)}" for name, value in sorted(parameters.items()) if name != "Signature"
    )
    to_sign = f"{method}&{_percent('/')}&{_percent(canonical)}"
    return b64encode(hmac.new(f"{secret}&".encode(), to_sign.encode(), hashlib.sha1).digest()).decode()


def rpc_matches(request: Request, secret: str) -> bool:
    parameters = request.parameters
    expected = rpc_signature(request.method, parameters, secret)
    return hmac.compare_digest(expected, parameters.get("Signature", ""))


def _percent(text: str) -> str:
    return quote(text, safe="~")
