"""The ways in which a node names an authority of its own."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.integration.node import Node


def by_file(node: Node, authority: Path) -> None:
    node.environment["SSL_CERT_FILE"] = str(authority)


def by_hashed_directory(node: Node, authority: Path) -> None:
    """A directory of links, as `openssl rehash` makes them; OpenSSL itself says what the name is."""
    directory = node.directory / "hashed"
    directory.mkdir(exist_ok=True)
    asked = ["openssl", "x509", "-noout", "-subject_hash", "-in", str(authority)]
    name = subprocess.run(asked, capture_output=True, check=True, text=True, timeout=20).stdout.strip()
    (directory / f"{name}.0").unlink(missing_ok=True)
    (directory / f"{name}.0").symlink_to(authority)
    node.environment["SSL_CERT_DIR"] = str(directory)


def by_plain_directory(node: Node, authority: Path) -> None:
    directory = node.directory / "plain"
    directory.mkdir(exist_ok=True)
    (directory / "company.crt").write_bytes(authority.read_bytes())
    (directory / "README").write_text("not a certificate")
    node.environment["SSL_CERT_DIR"] = str(directory)


def by_local_file(node: Node, authority: Path) -> None:
    earlier = node.local_file.read_text() if node.local_file.exists() else ""
    node.local(f"{earlier}ca-file: {authority}\n")


WAYS: dict[str, Callable[[Node, Path], None]] = {
    "SSL_CERT_FILE": by_file,
    "SSL_CERT_DIR, hashed": by_hashed_directory,
    "SSL_CERT_DIR, not hashed": by_plain_directory,
    "ca-file in local.yaml": by_local_file,
}
