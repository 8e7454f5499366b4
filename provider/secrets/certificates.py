"""The webhook's certificate, issued in memory by the authority that the chart made, and renewed while it is shown.

The API server trusts the authority by the `caBundle` of the MutatingWebhookConfiguration. A right to patch that would
be cluster-admin in effect, so the authority stays, and the certificate beneath it is short-lived.
X.509 by asn1crypto and signatures by pycryptodome, since those two are in the bundle.
"""

import ipaddress
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from secrets import randbits

from asn1crypto import pem, x509  # type: ignore[import-untyped]
from Crypto.Hash import SHA256
from Crypto.PublicKey import ECC, RSA
from Crypto.Signature import DSS, pkcs1_15

from provider.errors import ConfigurationError
from provider.journal import Journal
from provider.key_pair import load_pair
from provider.places import PROGRAM

CERTIFICATE, KEY = "tls.crt", "tls.key"
"""The files of an authority: the keys of a Secret of type kubernetes.io/tls."""
SECONDS = 7 * 24 * 3600
"""How long a certificate is valid."""
RENEW_AFTER = SECONDS * 2 // 3
AUTHORITY_SECONDS = 90 * 24 * 3600
"""An authority that ends sooner is worth a line."""
COMPLAIN_SECONDS = 600.0

PrivateKey = RSA.RsaKey | ECC.EccKey


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority: its certificate, and the key that belongs to it."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)


def read_authority(certificate: bytes, key: bytes) -> Authority:
    """Return the authority of two PEM texts: RSA or ECDSA, PKCS#1, SEC 1 or PKCS#8, as Helm and cert-manager write it.

    Raises ConfigurationError, which quotes neither.
    """
    try:
        _, _, der = pem.unarmor(certificate)
        found = x509.Certificate.load(der, strict=True)
        is_authority, public = bool(found.ca), _public_key(found)
    except (ValueError, TypeError, KeyError, IndexError):
        raise ConfigurationError(
            f"{CERTIFICATE} of the webhook's authority is no certificate in PEM form with an RSA or ECDSA key"
        ) from None
    try:
        own = RSA.import_key(key) if isinstance(public, RSA.RsaKey) else ECC.import_key(key)
        belongs = own.has_private() and own.public_key() == public
    except (ValueError, TypeError, IndexError):
        raise ConfigurationError(
            f"{KEY} of the webhook's authority is no key in PEM form without password, or not of {CERTIFICATE}'s kind"
        ) from None
    if not belongs:
        raise ConfigurationError(f"{KEY} of the webhook's authority does not belong to {CERTIFICATE} beside it")
    if not is_authority:
        raise ConfigurationError(f"{CERTIFICATE} of the webhook's authority is a server's; expected is an authority's")
    return Authority(found, own)


def issue(authority: Authority, names: Sequence[str], now: float) -> bytes:
    """Return a server's certificate for `names` (host names and addresses), and before it its key, as PEM.

    `now`: seconds since the epoch; it ends SECONDS later. It is valid from when the authority is, as Kubernetes' own
    tools do, so that a clock here that is ahead makes no certificate that others do not accept yet.
    """
    key = ECC.generate(curve="P-256")
    certified = authority.certificate["tbs_certificate"]
    algorithm = "sha256_rsa" if isinstance(authority.key, RSA.RsaKey) else "sha256_ecdsa"
    body = x509.TbsCertificate(
        {
            "version": "v3",
            "serial_number": randbits(126) + 1,
            "signature": {"algorithm": algorithm},
            "issuer": certified["subject"],
            "validity": {"not_before": certified["validity"]["not_before"], "not_after": _time(now + SECONDS)},
            "subject": x509.Name.build({"common_name": PROGRAM}),
            "subject_public_key_info": x509.PublicKeyInfo.load(key.public_key().export_key(format="DER")),
            "extensions": _extensions(authority.certificate, names),
        }
    )
    made = x509.Certificate(
        {
            "tbs_certificate": body,
            "signature_algorithm": {"algorithm": algorithm},
            "signature_value": _sign(authority.key, body.dump()),
        }
    )
    return key.export_key(format="PEM").encode() + b"\n" + bytes(pem.armor("CERTIFICATE", made.dump()))


class ServerCertificate:
    """Shows, in each TLS handshake, a certificate that the authority's files and the clock say is good."""

    def __init__(
        self, folder: Path, names: Sequence[str], journal: Journal, clock: Callable[[], float] = time.time
    ) -> None:
        """`folder` holds the authority (CERTIFICATE, KEY). Raises ConfigurationError where it holds none."""
        self._folder, self._names, self._journal, self._clock = folder, tuple(names), journal, clock
        self._issued, self._complained = 0.0, -COMPLAIN_SECONDS
        self._read: tuple[bytes, bytes] = (b"", b"")
        self._current = self._renew(self._files(), clock())
        self.context = _context()
        """What a server listens with."""
        # Renewing here rather than by a timer: a clock that jumps and an authority that is replaced count at once.
        self.context.sni_callback = self._hello

    def _hello(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        now = self._clock()
        try:
            files = self._files()
            if files != self._read or not 0 <= now - self._issued < RENEW_AFTER:
                self._current = self._renew(files, now)
        except (ConfigurationError, OSError) as error:
            self._complain(f"the webhook goes on with the certificate that it has: {error}")
        connection.context = self._current

    def _files(self) -> tuple[bytes, bytes]:
        try:
            certificate, key = ((self._folder / name).read_bytes() for name in (CERTIFICATE, KEY))
        except OSError as error:
            raise ConfigurationError(
                f"the webhook's authority ({CERTIFICATE}, {KEY}) cannot be read in {self._folder}: {error.strerror}"
            ) from None
        return certificate, key

    def _renew(self, files: tuple[bytes, bytes], now: float) -> ssl.SSLContext:
        authority = read_authority(*files)
        context = _context()
        load_pair(context, issue(authority, self._names, now))
        self._read, self._issued = files, now
        end = authority.certificate["tbs_certificate"]["validity"]["not_after"].native
        self._journal(f"the webhook has a new certificate, until {_moment(now + SECONDS):%F}", "info")
        if end.timestamp() < now + AUTHORITY_SECONDS:
            advice = "delete its Secret and upgrade the chart, which makes another"
            self._journal(f"the webhook's authority ends on {end:%F}: {advice}")
        return context

    def _complain(self, line: str) -> None:
        now = time.monotonic()
        if now - self._complained >= COMPLAIN_SECONDS:
            self._complained = now
            self._journal(line)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _public_key(certificate: x509.Certificate) -> PrivateKey:
    der = certificate.public_key.dump()
    match certificate.public_key.algorithm:
        case "rsa":
            return RSA.import_key(der)
        case "ec":
            return ECC.import_key(der)
    raise ValueError


def _extensions(issuer: x509.Certificate, names: Sequence[str]) -> list[dict[str, object]]:
    extensions: list[dict[str, object]] = [
        {"extn_id": "basic_constraints", "critical": True, "extn_value": {"ca": False}},
        {"extn_id": "key_usage", "critical": True, "extn_value": {"digital_signature"}},
        {"extn_id": "extended_key_usage", "critical": False, "extn_value": ["server_auth"]},
        {"extn_id": "subject_alt_name", "critical": False, "extn_value": [_general_name(name) for name in names]},
    ]
    if issuer.key_identifier:
        identifier = {"key_identifier": issuer.key_identifier}
        extensions.append({"extn_id": "authority_key_identifier", "critical": False, "extn_value": identifier})
    return extensions


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.GeneralName("ip_address", str(ipaddress.ip_address(name)))
    except ValueError:
        return x509.GeneralName("dns_name", name)


def _moment(epoch: float) -> datetime:
    return datetime.fromtimestamp(int(epoch), UTC)


def _time(epoch: float) -> x509.Time:
    moment = _moment(epoch)
    # RFC 5280, 4.1.2.5: UTCTime through the year 2049.
    return x509.Time({"utc_time" if moment.year < 2050 else "general_time": moment})


def _sign(key: PrivateKey, data: bytes) -> bytes:
    digest = SHA256.new(data)
    if isinstance(key, RSA.RsaKey):
        return pkcs1_15.new(key).sign(digest)
    return DSS.new(key, "fips-186-3", encoding="der").sign(digest)
