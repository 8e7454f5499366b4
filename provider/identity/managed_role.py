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

WHAT = "the managed role's session (Secret addon.token of ACK)"
REMEDY = "does the agent run on this node, and does the Secret addon.aliyuncsmanagedacrrole.token exist in kube-system?"
IDENTITY = "managed role AliyunCSManagedAcrRole"
KEY_LENGTHS = frozenset({16, 24, 32})
BLOCK = 16
REASON_LIMIT = 300


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
    texts = [fields.get(name) for name in ("roleName", "code", "message")]
    role, code, message = (text if isinstance(text, str) and text.isprintable() else "" for text in texts)
    reason = message[:REASON_LIMIT] or "it does not say why"
    return Refused(f"ACK has no session of managed role {role or 'AliyunCSManagedAcrRole'}: {reason}", code=code[:100])


def _decrypt(value: dict[str, object], name: str, key: bytes) -> str:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    encoded = value.get(name)
    try:
        data = base64.b64decode(encoded if isinstance(encoded, str) else "", validate=True)
    except (binascii.Error, ValueError):
        raise _malformed(f"{name} is not base64") from None
    if len(data) < 2 * BLOCK or len(data) % BLOCK:
        raise _malformed(f"{name} is not an initialization vector and AES-CBC blocks")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(data[:BLOCK])).decryptor()
    padded = decryptor.update(data[BLOCK:]) + decryptor.finalize()
    count = padded[-1]
    if not 1 <= count <= BLOCK or padded[-count:] != bytes([count]) * count:
        raise _malformed(f"{name} does not open with the keyring")
    try:
        return Fields({name: padded[:-count].decode("ascii")}, "").text(name)
    except (UnicodeDecodeError, CallFailed):
        raise _malformed(f"{name} does not open with the keyring") from None


def _malformed(flaw: str) -> Refused:
    return Refused(f"{WHAT} is malformed: {flaw}; {REMEDY}")
