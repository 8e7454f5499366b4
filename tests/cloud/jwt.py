"""JSON web tokens, RS256 and ES256, made and checked by hand; the cluster's keys."""

import functools
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

Algorithm: TypeAlias = Literal["RS256", "ES256"]


class InvalidToken(Exception):
    """The text is no token, or not one that these keys signed."""


class SigningKeys:
    """The key pairs of a cluster's ServiceAccount issuer, made when first needed."""

    @functools.cached_property
    def rsa(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @functools.cached_property
    def ec(self) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    @property
    def pem(self) -> str:
        """The private key for RS256."""
        form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return self.rsa.private_bytes(*form).decode()

    def sign(self, claims: Mapping[str, Any], algorithm: Algorithm) -> str:
        header = {"alg": algorithm, "kid": f"key-{algorithm}", "typ": "JWT"}
        signed = f"{_encode(json.dumps(header).encode())}.{_encode(json.dumps(claims).encode())}"
        if algorithm == "RS256":
            signature = self.rsa.sign(signed.encode(), padding.PKCS1v15(), SHA256())
        else:
            numbers = decode_dss_signature(self.ec.sign(signed.encode(), ec.ECDSA(SHA256())))
            signature = b"".join(number.to_bytes(32, "big") for number in numbers)
        return f"{signed}.{_encode(signature)}"

    def claims(self, token: str) -> dict[str, Any]:
        """The claims of a token signed by these keys; nothing else about them is checked. Raises InvalidToken."""
        signed, _, signature = token.rpartition(".")
        try:
            header, payload = (json.loads(_decode(part)) for part in signed.split("."))
            self._verify(header["alg"], signed.encode(), _decode(signature))
        except (ValueError, KeyError, TypeError, InvalidSignature) as error:
            raise InvalidToken from error
        if not isinstance(payload, dict):
            raise InvalidToken
        return payload

    def _verify(self, algorithm: str, signed: bytes, signature: bytes) -> None:
        if algorithm == "RS256":
            self.rsa.public_key().verify(signature, signed, padding.PKCS1v15(), SHA256())
        elif algorithm == "ES256" and len(signature) == 64:
            numbers = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
            self.ec.public_key().verify(encode_dss_signature(*numbers), signed, ec.ECDSA(SHA256()))
        else:
            raise InvalidSignature


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
