"""The webhook's certificate, held against OpenSSL: in handshakes, and by `openssl verify`."""

import os
import shutil
import ssl
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from provider.errors import ConfigurationError
from provider.secrets.certificates import SECONDS, issue, read_authority
from tests.unit.webhook_authorities import (
    PKCS8,
    TRADITIONAL,
    Key,
    certificate,
    handshake,
    key_text,
    rsa_key,
    trusting,
)

NAME = "aliyun-acr-credential-provider-webhook.kube-system.svc"
NOW = 1_800_000_000


@pytest.fixture(scope="module")
def rsa() -> Key:
    return rsa_key()


def pem_of(authority: bytes, key: bytes, *names: str, now: float = NOW) -> bytes:
    return issue(read_authority(authority, key), names or (NAME,), now)


def shown_by(pem: bytes, authority: bytes, name: str, folder: Path) -> x509.Certificate:
    file = folder / "pair.pem"
    file.write_bytes(pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return x509.load_der_x509_certificate(handshake(server, trusting(authority), name))


@pytest.mark.parametrize(
    ("key", "form"),
    [
        pytest.param(None, TRADITIONAL, id="RSA in PKCS#1, as Helm's genCA"),
        pytest.param(None, PKCS8, id="RSA in PKCS#8"),
        pytest.param(ec.SECP256R1(), TRADITIONAL, id="ECDSA in SEC 1, as Helm's genPrivateKey"),
        pytest.param(ec.SECP256R1(), PKCS8, id="ECDSA in PKCS#8"),
        pytest.param(ec.SECP384R1(), TRADITIONAL, id="P-384"),
    ],
)
def test_a_client_that_trusts_the_authority_accepts_what_it_issued(
    key: ec.EllipticCurve | None, form: PrivateFormat, rsa: Key, tmp_path: Path
) -> None:
    own = ec.generate_private_key(key) if key else rsa
    authority = certificate(own)
    leaf = shown_by(
        pem_of(authority, key_text(own, form), now=datetime.now(UTC).timestamp()), authority, NAME, tmp_path
    )
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"unable to get local issuer|self-signed|signature failure"):
        shown_by(pem_of(authority, key_text(own, form)), certificate(rsa_key()), NAME, tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shown_by(pem_of(authority, key_text(own, form)), authority, "other.kube-system.svc", tmp_path)


def test_the_certificate_says_what_it_is_for(rsa: Key) -> None:
    authority = certificate(rsa)
    issuer, leaf = (
        x509.load_pem_x509_certificate(pem)
        for pem in (authority, pem_of(authority, key_text(rsa), NAME, "127.0.0.1", "::1"))
    )
    extensions = leaf.extensions
    assert leaf.version is x509.Version.v3
    assert leaf.issuer == issuer.subject
    assert leaf.subject.rfc4514_string() == "CN=aliyun-acr-credential-provider"
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [NAME]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert extensions.get_extension_for_class(x509.BasicConstraints).critical
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert not usage.key_cert_sign
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [x509.OID_SERVER_AUTH]
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == own
    assert leaf.not_valid_before_utc == issuer.not_valid_before_utc
    assert leaf.not_valid_after_utc.timestamp() == NOW + SECONDS


def test_no_two_certificates_have_one_number_or_one_key(rsa: Key) -> None:
    authority = certificate(rsa)
    one, other = (x509.load_pem_x509_certificate(pem_of(authority, key_text(rsa))) for _ in range(2))
    assert one.serial_number != other.serial_number
    assert one.public_key() != other.public_key()


def test_an_authority_without_identifier_and_a_year_after_2049_do(rsa: Key) -> None:
    authority = certificate(rsa, identifier=False)
    leaf = x509.load_pem_x509_certificate(pem_of(authority, key_text(rsa), now=2_600_000_000))
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(authority))
    assert leaf.not_valid_after_utc.year == 2052


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not there")
def test_openssl_verify_has_nothing_to_say(rsa: Key, tmp_path: Path) -> None:
    authority, leaf = tmp_path / "authority.pem", tmp_path / "leaf.pem"
    authority.write_bytes(certificate(rsa))
    leaf.write_bytes(pem_of(authority.read_bytes(), key_text(rsa), now=datetime.now(UTC).timestamp()))
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", NAME, "-CAfile"]
    environment = {"PATH": os.defpath}
    done = subprocess.run([*command, authority, leaf], capture_output=True, text=True, timeout=30, env=environment)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("authority", "key", "expected"),
    [
        (b"", b"", r"tls\.crt .* is no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"", r"tls\.crt .* is no certificate"),
        (None, b"", r"tls\.key .* is no key"),
        (None, b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", r"tls\.key .* is no key"),
    ],
)
def test_what_is_no_authority_is_named(authority: bytes | None, key: bytes, expected: str, rsa: Key) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        read_authority(certificate(rsa) if authority is None else authority, key)


def test_a_key_with_a_password_is_refused_without_asking_for_one(rsa: Key) -> None:
    locked = rsa.private_bytes(Encoding.PEM, PKCS8, BestAvailableEncryption(b"word"))
    with pytest.raises(ConfigurationError, match="without password"):
        read_authority(certificate(rsa), locked)


def test_the_certificate_in_place_of_the_key_is_refused(rsa: Key) -> None:
    with pytest.raises(ConfigurationError, match=r"tls\.key .* does not belong"):
        read_authority(certificate(rsa), certificate(rsa))


def test_a_key_of_another_authority_is_refused(rsa: Key) -> None:
    with pytest.raises(ConfigurationError, match="does not belong"):
        read_authority(certificate(rsa), key_text(rsa_key()))
    with pytest.raises(ConfigurationError, match="kind"):
        read_authority(certificate(rsa), key_text(ec.generate_private_key(ec.SECP256R1())))


def test_a_servers_certificate_is_no_authority(rsa: Key) -> None:
    with pytest.raises(ConfigurationError, match="is a server's"):
        read_authority(certificate(rsa, is_authority=False), key_text(rsa))


def test_a_kind_of_key_that_is_not_known_is_named(rsa: Key) -> None:
    own = ed25519.Ed25519PrivateKey.generate()
    name = x509.load_pem_x509_certificate(certificate(rsa)).subject
    made = x509.CertificateBuilder(
        name, name, own.public_key(), 1, datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
    ).sign(own, None)
    with pytest.raises(ConfigurationError, match="RSA or ECDSA"):
        read_authority(made.public_bytes(Encoding.PEM), key_text(rsa))


def test_no_key_is_shown(rsa: Key) -> None:
    authority = read_authority(certificate(rsa), key_text(rsa))
    assert "key" not in repr(authority)
