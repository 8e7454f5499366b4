"""Certificate authorities as charts and tools make them, and TLS handshakes without a network."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
TRADITIONAL, PKCS8 = PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8


def rsa_key() -> Key:
    return rsa.generate_private_key(65537, 2048)


def certificate(key: Key, *, is_authority: bool = True, identifier: bool = True, days: int = 3650) -> bytes:
    """A root as Helm's genCA makes it, from an hour ago on; `days`: until when."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "aliyun-acr-credential-provider-ca")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.KeyUsage(True, False, True, False, False, True, False, False, False), critical=True)
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
    )
    if identifier:
        made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return made.sign(key, SHA256()).public_bytes(Encoding.PEM)


def key_text(key: Key, form: PrivateFormat = TRADITIONAL) -> bytes:
    return key.private_bytes(Encoding.PEM, form, NoEncryption())


def write_authority(folder: Path, key: Key, days: int = 3650) -> Path:
    """Write tls.crt and tls.key, and return the first, which clients trust."""
    (folder / "tls.crt").write_bytes(certificate(key, days=days))
    (folder / "tls.key").write_bytes(key_text(key))
    return folder / "tls.crt"


def trusting(authority: bytes) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.decode())


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> bytes:
    """Return the server's certificate as DER after a TLS handshake of both. Raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    waiting = list(ends)
    for _ in range(20):
        for end in tuple(waiting):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(end)
        if not waiting:
            break
    else:
        raise AssertionError("the handshake does not end")
    shown = ends[0].getpeercert(binary_form=True)
    assert shown
    return shown
