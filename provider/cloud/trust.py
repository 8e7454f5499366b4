"""Whose certificates count: the node's own authorities, as every other program on it sees them."""

import os
import re
import ssl
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from provider.errors import ConfigurationError

DIRECTORIES = ("/etc/ssl/certs", "/etc/pki/tls/certs")
FILES = (
    "/etc/pki/tls/certs/ca-bundle.crt",  # Alibaba Cloud Linux, CentOS, Red Hat
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu
    "/etc/ssl/cert.pem",  # Alpine
)
HASHED = re.compile(r"[0-9a-f]{8}\.\d+")
STORE_SIZE = 50
"""Links in a directory that is taken for the whole store, and not for a few that somebody added to a bundle file."""


class Store(NamedTuple):
    """Where authorities are read from, and which setting named each place (empty: the distribution)."""

    files: tuple[tuple[str, str], ...] = ()
    directories: tuple[tuple[str, str], ...] = ()
    """OpenSSL reads a directory of hash links only when it meets an issuer: 0.03 ms, where a bundle file takes 20."""


def choose_store(
    cert_file: str,
    cert_dir: str,
    ca_file: str,
    *,
    hash_links: Callable[[str], int],
    is_file: Callable[[str], bool],
) -> Store:
    """Return the places that count.

    `cert_file` and `cert_dir` are SSL_CERT_FILE and SSL_CERT_DIR: either takes the place of the distribution's store.
    `ca_file` of local.yaml comes in addition to whatever else counts.
    """
    extra = ((ca_file, "ca-file in local.yaml"),) if ca_file else ()
    if cert_file:
        return Store(((cert_file, "SSL_CERT_FILE"), *extra))
    if cert_dir:
        return Store(extra, tuple((name, "SSL_CERT_DIR") for name in cert_dir.split(":") if name))
    directory = next((name for name in DIRECTORIES if hash_links(name) >= STORE_SIZE), "")
    if directory:
        return Store(extra, ((directory, ""),))
    file = next((name for name in FILES if is_file(name)), "")
    if not file and not extra:
        raise ConfigurationError(
            "no certificate authorities on this node: install ca-certificates, or name a file as SSL_CERT_FILE in the "
            "kubelet's environment or as ca-file in local.yaml"
        )
    return Store(((file, ""), *extra) if file else extra)


def ssl_context(cert_file: str, cert_dir: str, ca_file: str) -> ssl.SSLContext:
    """Return the one TLS context of the process.

    Raises ConfigurationError that names a file or directory that is missing, unreadable or holds no certificate.
    """
    store = choose_store(cert_file, cert_dir, ca_file, hash_links=count_hash_links, is_file=os.path.isfile)
    # Not create_default_context: from Python 3.13 on that refuses the certificates of many inspecting proxies.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for file, setting in store.files:
        _load_file(context, file, setting)
    for directory, setting in store.directories:
        if count_hash_links(directory):
            context.load_verify_locations(capath=directory)
        elif not _load_each(context, _names(directory, setting)):
            raise ConfigurationError(f"{_named(directory, setting)} holds no certificate in PEM format")
    return context


def count_hash_links(directory: str) -> int:
    """Return how many names of a directory are hash links, as `openssl rehash` makes them; 0 if it cannot be read."""
    try:
        return sum(1 for name in os.listdir(directory) if HASHED.fullmatch(name))
    except OSError:
        return 0


def _load_file(context: ssl.SSLContext, file: str, setting: str) -> None:
    try:
        context.load_verify_locations(cafile=file)
    except ssl.SSLError:
        raise ConfigurationError(f"{_named(file, setting)} holds no certificate in PEM format") from None
    except OSError as error:
        raise ConfigurationError(f"{_named(file, setting)} cannot be read: {error.strerror}") from None


def _load_each(context: ssl.SSLContext, files: Iterable[str]) -> int:
    loaded = 0
    for file in files:
        try:
            context.load_verify_locations(cafile=file)
        except OSError:  # ssl.SSLError is one: such a directory holds other things as well
            continue
        loaded += 1
    return loaded


def _names(directory: str, setting: str) -> list[str]:
    try:
        return sorted(str(entry) for entry in Path(directory).iterdir() if entry.is_file())
    except OSError as error:
        raise ConfigurationError(f"{_named(directory, setting)} cannot be read: {error.strerror}") from None


def _named(place: str, setting: str) -> str:
    return f"{place} ({setting})" if setting else place
