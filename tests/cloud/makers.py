"""Files that a node gets from its cluster: ServiceAccount tokens and the managed role's Secret."""

import json
import secrets
import uuid
from base64 import b64encode
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from tests.cloud.clock import Clock, iso
from tests.cloud.default_world import MANAGED_ROLE
from tests.cloud.jwt import Algorithm, SigningKeys
from tests.cloud.ledger import Secrets
from tests.cloud.principals import Sessions, letters
from tests.cloud.world import World

_STRANGER = SigningKeys()


class Makers:
    """Makes them for one world, and keeps their secrets in its ledger."""

    def __init__(self, world: World, clock: Clock, sessions: Sessions, kept: Secrets) -> None:
        self._world = world
        self._clock = clock
        self._sessions = sessions
        self._secrets = kept

    def service_account_token(
        self,
        namespace: str = "kube-system",
        name: str = "aliyun-acr-credential-helper",
        *,
        audience: str = "sts.aliyuncs.com",
        seconds: int = 3600,
        issuer: str = "",
        algorithm: Algorithm = "RS256",
        stranger: bool = False,
    ) -> str:
        """A projected token of the cluster. Negative `seconds`: expired; `stranger`: signed with another's key."""
        now = self._clock.whole()
        claims: dict[str, Any] = {
            "iss": issuer or self._world.cluster.issuer,
            "aud": [audience],
            "sub": f"system:serviceaccount:{namespace}:{name}",
            "iat": min(now, now + seconds),
            "nbf": min(now, now + seconds),
            "exp": now + seconds,
            "jti": str(uuid.uuid4()),
            "kubernetes.io": {
                "namespace": namespace,
                "serviceaccount": {"name": name, "uid": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.{namespace}"))},
            },
        }
        keys = _STRANGER if stranger else self._world.cluster.keys
        return self._secrets.keep(keys.sign(claims, algorithm))

    def managed_role_secret(
        self,
        *,
        seconds: int = 3600,
        key_bytes: int = 32,
        error: tuple[str, str] | None = None,
        role_name: str = MANAGED_ROLE,
    ) -> str:
        """The value `addon.token.config` of Secret `addon.aliyuncsmanagedacrrole.token`, as JSON.

        Negative `seconds`: a session that has ended. `key_bytes`: 16, 24 or 32. `error`: code and message of what ACK
        met when it tried to assume the role, in place of a session.
        """
        if error:
            failed = {"roleName": role_name, "code": error[0], "message": error[1]}
            return json.dumps({"error": failed, "expiration": iso(self._clock.now())})
        role = self._world.role(role_name)
        if role is None:
            raise LookupError(f"the world has no role {role_name}")
        session = self._sessions.issue(role, "ack-addon", seconds)
        keyring = self._secrets.keep(letters(key_bytes))
        plain = {
            "access.key.id": session.access_key_id,
            "access.key.secret": session.access_key_secret,
            "security.token": session.security_token,
        }
        sealed = {name: self._secrets.keep(_sealed(text, keyring)) for name, text in plain.items()}
        return json.dumps(sealed | {"expiration": iso(session.expiration), "keyring": keyring})


def _sealed(text: str, keyring: str) -> str:
    """base64 of 16 bytes of IV and the AES-CBC ciphertext, padded as PKCS#7 says."""
    vector = secrets.token_bytes(16)
    padder = PKCS7(algorithms.AES.block_size).padder()
    padded = padder.update(text.encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES(keyring.encode()), modes.CBC(vector)).encryptor()
    return b64encode(vector + encryptor.update(padded) + encryptor.finalize()).decode()
