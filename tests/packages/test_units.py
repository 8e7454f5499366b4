"""The units as files: one set of rules in both services, and nothing that an older systemd would take wrongly."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from provider.places import PROGRAM

UNITS = Path(__file__).parents[2] / "systemd"
SERVICES = [UNITS / f"{PROGRAM}-{name}.service" for name in ("warm", "renew")]
HARDENING = "# What it may not do."


def section(path: Path, name: str) -> dict[str, str]:
    """A section as plain values; of a key that stands there twice, the last."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[method-assign, assignment]
    parser.read_string(path.read_text())
    return dict(parser[name])


def test_both_services_have_the_same_restrictions() -> None:
    warm, renew = (path.read_text().partition(HARDENING)[2].partition("\n[Install]")[0].strip() for path in SERVICES)
    assert warm == renew != ""


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_systemd_219_is_left_with_rules_that_work(path: Path) -> None:
    service = section(path, "Service")
    # 219 knows no groups of calls: a list of allowed ones would be left empty, and the program killed at once.
    assert service["SystemCallFilter"].startswith("~")
    # 219 does not know "strict", and keeps the value before it.
    assert "ProtectSystem=full\nProtectSystem=strict\n" in path.read_text()
    # It would take the ready answers away at the end of each run, before 235 in any case.
    assert "RuntimeDirectory" not in service


def test_the_boot_does_not_wait_long() -> None:
    text = SERVICES[0].read_text()
    service = section(SERVICES[0], "Service")
    assert service["TimeoutStartSec"] == "5s"
    assert service["ExecStart"].startswith("-/usr/bin/timeout 4 ")
    assert section(SERVICES[0], "Unit")["Before"].split()[0] == "kubelet.service"
    assert "Wants=" not in text
    assert "Requires=" not in text


def test_state_is_roots_alone() -> None:
    lines = (UNITS / "tmpfiles.d" / f"{PROGRAM}.conf").read_text().splitlines()
    made = [line.split() for line in lines if not line.startswith("#")]
    assert [line[1] for line in made] == [f"/run/{PROGRAM}{below}" for below in ("", "/answers", "/identities")]
    assert {tuple(line[:1] + line[2:5]) for line in made} == {("d", "0700", "root", "root")}


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_exposure(path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze here")
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=30", "--no-pager", path], capture_output=True, text=True
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("systemd-analyze is older than 250")
    assert done.returncode == 0, done.stdout + done.stderr
