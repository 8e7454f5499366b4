import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from provider.cloud.trust import Store, choose_store, count_hash_links, ssl_context
from provider.errors import ConfigurationError

DEBIAN = "/etc/ssl/certs/ca-certificates.crt"
RED_HAT = "/etc/pki/tls/certs/ca-bundle.crt"
CA_FILE = ("/etc/own.pem", "ca-file in local.yaml")

STORES = [
    # name, SSL_CERT_FILE, SSL_CERT_DIR, ca-file, hash links of /etc/ssl/certs, files that exist, what counts
    ("hashed directory before bundle", "", "", "", 140, {DEBIAN}, Store((), (("/etc/ssl/certs", ""),))),
    ("a few links are no store", "", "", "", 3, {DEBIAN}, Store(((DEBIAN, ""),))),
    ("Red Hat", "", "", "", 0, {RED_HAT}, Store(((RED_HAT, ""),))),
    ("SSL_CERT_FILE wins", "/own", "/dir", "", 140, {DEBIAN}, Store((("/own", "SSL_CERT_FILE"),))),
    ("SSL_CERT_DIR", "", "/a:/b", "", 140, set(), Store((), (("/a", "SSL_CERT_DIR"), ("/b", "SSL_CERT_DIR")))),
    ("ca-file in addition", "", "", CA_FILE[0], 140, set(), Store((CA_FILE,), (("/etc/ssl/certs", ""),))),
    ("ca-file with a bundle", "", "", CA_FILE[0], 0, {DEBIAN}, Store(((DEBIAN, ""), CA_FILE))),
    ("ca-file and SSL_CERT_FILE", "/own", "", CA_FILE[0], 0, {DEBIAN}, Store((("/own", "SSL_CERT_FILE"), CA_FILE))),
    ("ca-file alone", "", "", CA_FILE[0], 0, set(), Store((CA_FILE,))),
]


@pytest.mark.parametrize(
    ("cert_file", "cert_dir", "ca_file", "links", "files", "expected"),
    [row[1:] for row in STORES],
    ids=[row[0] for row in STORES],
)
def test_which_store_counts(
    cert_file: str, cert_dir: str, ca_file: str, links: int, files: set[str], expected: Store
) -> None:
    def hash_links(directory: str) -> int:
        return links if directory == "/etc/ssl/certs" else 0

    store = choose_store(cert_file, cert_dir, ca_file, hash_links=hash_links, is_file=files.__contains__)
    assert store == expected


def test_a_node_without_authorities_is_told_what_to_do() -> None:
    with pytest.raises(ConfigurationError, match="install ca-certificates"):
        choose_store("", "", "", hash_links=lambda _: 0, is_file=lambda _: False)


def write_authority(path: Path) -> str:
    trustme.CA(organization_name=path.stem).cert_pem.write_to_path(path)
    return str(path)


def names(context: ssl.SSLContext) -> set[str]:
    certificates: list[dict[str, Any]] = list(context.get_ca_certs())
    return {dict(pair for (pair,) in each["subject"])["organizationName"] for each in certificates}


def test_files_and_ca_file_are_both_loaded(tmp_path: Path) -> None:
    first, second = write_authority(tmp_path / "first.pem"), write_authority(tmp_path / "second.pem")
    context = ssl_context(first, "", second)
    assert names(context) == {"first", "second"}
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_directory_without_hash_links_is_read_file_by_file(tmp_path: Path) -> None:
    write_authority(tmp_path / "first.pem")
    write_authority(tmp_path / "second.crt")
    (tmp_path / "README").write_text("nothing here")
    assert count_hash_links(str(tmp_path)) == 0
    assert names(ssl_context("", str(tmp_path), "")) == {"first", "second"}


def test_hash_links_are_counted(tmp_path: Path) -> None:
    for name in ("a1b2c3d4.0", "a1b2c3d4.1", "a1b2c3d4.r0", "ca.pem"):
        (tmp_path / name).touch()
    assert count_hash_links(str(tmp_path)) == 2
    assert count_hash_links(str(tmp_path / "absent")) == 0


@pytest.mark.parametrize("setting", ["SSL_CERT_FILE", "SSL_CERT_DIR", "ca-file"])
@pytest.mark.parametrize("kind", ["missing", "empty"])
def test_a_wrong_place_is_named_with_its_setting(tmp_path: Path, setting: str, kind: str) -> None:
    place = tmp_path / "place"
    if kind == "empty":
        place.mkdir() if setting == "SSL_CERT_DIR" else place.write_text("no certificate")
    given = {"SSL_CERT_FILE": "", "SSL_CERT_DIR": "", "ca-file": ""} | {setting: str(place)}
    with pytest.raises(ConfigurationError, match=f"{place} .*{setting}"):
        ssl_context(*given.values())
