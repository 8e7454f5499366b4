"""The managed role: a session that ACK keeps in a Secret and the agent copies to a file of ours."""

import base64
import binascii
import json
import time
from collections.abc import Callable

from provider.cloud.attempts import CallFailed
from provider.cloud.fields import Fields
from provider.errors import Refused
from provider.identity.files import read_private
from provider.identity.session import Session

WHAT = "the managed role's session (Secret addon.aliyuncsmanagedacrrole.token)"
REMEDY = "does the agent run on this node, and is that Secret in kube-system?"
IDENTITY = "managed role AliyunCSManagedAcrRole"
KEY_LENGTHS = frozenset({16, 24, 32})
BLOCK = 16
ROLE_LIMIT, CODE_LIMIT, REASON_LIMIT = 64, 100, 300
"""Characters that are told of what ACK says of a session that it has not."""


def managed_role_session(path: str, now: Callable[[], float] = time.time) -> Session:
    """Return the session in the file at `path`, which holds the Secret's value as it is.

    Raises Refused for a file that is missing, malformed, says why there is no session, or holds one that has ended.
    """
    return read_managed_role(read_private(path, WHAT, REMEDY), now())


def read_managed_role(content: bytes, now: float) -> Session:
    """Return the session in the Secret's value. Never quotes it."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise _malformed("it is no JSON object")
    if value.get("error"):
        raise _not_given(value["error"])
    keyring = value.get("keyring")
    key = keyring.encode() if isinstance(keyring, str) else b""
    if len(key) not in KEY_LENGTHS:
        raise _malformed("keyring is no AES key")
    key_id, secret, token = (
        _decrypt(value, name, key) for name in ("access.key.id", "access.key.secret", "security.token")
    )
    try:
        expiration = Fields(value, "").time("expiration")
    except CallFailed:
        raise _malformed("expiration is no time") from None
    if expiration <= now:
        ended = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expiration))
        raise Refused(
            f"the session of {IDENTITY} ended at {ended} by this node's clock: ACK renews it in its Secret and the "
            "agent copies it here; does the agent run, and is the clock right?"
        )
    return Session(key_id, secret, token, expiration, IDENTITY)


def _not_given(error: object) -> Refused:
    fields = error if isinstance(error, dict) else {}
    role = _one_line(fields.get("roleName"), ROLE_LIMIT) or "AliyunCSManagedAcrRole"
    reason = _one_line(fields.get("message"), REASON_LIMIT) or "it does not say why"
    code = _one_line(fields.get("code"), CODE_LIMIT)
    return Refused(f"ACK has no session of managed role {role}: {reason}", code=code)


def _one_line(text: object, limit: int) -> str:
    """Return a text on one line, cut to `limit` characters; empty for anything that is no text."""
    if not isinstance(text, str):
        return ""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())[:limit].rstrip()


def _decrypt(value: dict[str, object], name: str, key: bytes) -> str:
    from Crypto.Cipher import AES
    from Crypto.Util.Padding import unpad

    encoded = value.get(name)
    try:
        data = base64.b64decode(encoded if isinstance(encoded, str) else "", validate=True)
    except (binascii.Error, ValueError):
        raise _malformed(f"{name} is not base64") from None
    if len(data) < 2 * BLOCK or len(data) % BLOCK:
        raise _malformed(f"{name} is not an initialization vector and AES-CBC blocks")
    try:
        opened = unpad(AES.new(key, AES.MODE_CBC, iv=data[:BLOCK]).decrypt(data[BLOCK:]), BLOCK)
        return Fields({name: opened.decode("ascii")}, "").text(name)
    except (ValueError, CallFailed):
        raise _malformed(f"{name} does not open with the keyring") from None


def _malformed(flaw: str) -> Refused:
    return Refused(f"{WHAT} is malformed: {flaw}; {REMEDY}")
