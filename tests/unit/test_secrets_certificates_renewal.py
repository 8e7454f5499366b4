"""When the webhook shows another certificate: seen by who opens a connection to a server that goes on."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from provider.errors import ConfigurationError
from provider.journal import Journal
from provider.secrets.certificates import RENEW_AFTER, SECONDS, ServerCertificate
from tests.unit.webhook_authorities import Key, handshake, rsa_key, trusting, write_authority

NAME = "webhook.kube-system.svc"
HOUR = 3600.0


class Lines(Journal):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def _write(self, line: str, level: str) -> None:
        self.lines.append(f"{level}: {line}")


class Shown:
    """A server, and what its clients see at `now`."""

    def __init__(self, folder: Path, key: Key, now: float, days: int = 3650) -> None:
        self.authority = write_authority(folder, key, days)
        self.now, self.journal = now, Lines()
        self.certificate = ServerCertificate(folder, [NAME], self.journal, lambda: self.now)

    def serial(self) -> int:
        return self.leaf().serial_number

    def leaf(self) -> x509.Certificate:
        client = trusting(self.authority.read_bytes())
        return x509.load_der_x509_certificate(handshake(self.certificate.context, client, NAME))


@pytest.fixture(scope="module")
def key() -> Key:
    return rsa_key()


@pytest.fixture
def shown(tmp_path: Path, key: Key) -> Shown:
    # By the clock of the machine, which the client goes by.
    import time

    return Shown(tmp_path, key, time.time())


def test_a_certificate_is_shown_as_long_as_it_is_good(shown: Shown) -> None:
    first = shown.serial()
    shown.now += RENEW_AFTER - 1
    assert shown.serial() == first


@pytest.mark.parametrize(
    "jump",
    [
        pytest.param(RENEW_AFTER, id="a third of its time is left"),
        pytest.param(SECONDS * 300, id="the clock jumps by years, or the machine slept"),
        pytest.param(-HOUR, id="the clock goes back"),
    ],
)
def test_another_one_is_shown_once(shown: Shown, jump: float) -> None:
    first = shown.serial()
    shown.now += jump
    second = shown.leaf()
    assert second.serial_number != first
    assert second.not_valid_after_utc.timestamp() == int(shown.now + SECONDS)
    assert shown.serial() == second.serial_number


def test_a_new_authority_counts_at_once(shown: Shown, tmp_path: Path) -> None:
    first = shown.serial()
    write_authority(tmp_path, rsa_key())
    assert shown.serial() != first


def remove(folder: Path) -> None:
    (folder / "tls.key").unlink()


def mix(folder: Path) -> None:
    """As between two writes, where only one file is new."""
    write_authority(folder / "other", rsa_key())
    (folder / "tls.key").write_bytes((folder / "other" / "tls.key").read_bytes())


@pytest.mark.parametrize("damage", [remove, mix])
def test_without_a_good_authority_the_certificate_stays(
    shown: Shown, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    (tmp_path / "other").mkdir()
    first, before = shown.serial(), len(shown.journal.lines)
    damage(tmp_path)
    shown.now += RENEW_AFTER
    assert [shown.serial(), shown.serial()] == [first, first]
    [line] = shown.journal.lines[before:]
    assert (
        line.startswith("warning: the webhook goes on with the certificate that it has: tls.key") or "tls.key" in line
    )


def test_what_ends_soon_is_said(tmp_path: Path, key: Key) -> None:
    import time

    journal = Shown(tmp_path, key, time.time(), days=80).journal
    assert "upgrade the chart" in journal.lines[-1]


def test_a_folder_without_authority_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"tls\.crt, tls\.key\) cannot be read in .*: No such file"):
        ServerCertificate(tmp_path, [NAME], Journal())
