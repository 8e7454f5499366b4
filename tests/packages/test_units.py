"""The units as files: which rules each has, and nothing that an older systemd would take wrongly."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from provider.node.bundle.contents import HOME
from provider.node.bundle.units import TIMERS
from provider.node.record import DATA
from provider.node.undo import TIMER
from provider.places import PROGRAM

UNITS = Path(__file__).parents[2] / "systemd"
WARM, RENEW, REPAIR, ROLLBACK = (
    UNITS / f"{PROGRAM}-{name}.service" for name in ("warm", "renew", "repair", "rollback")
)
SERVICES = (WARM, RENEW, REPAIR, ROLLBACK)
HARDENING = "# What it may not do."
KUBELETS = "kubelet.service k3s.service k3s-agent.service rke2-server.service rke2-agent.service"
each = pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)


def section(path: Path, name: str) -> dict[str, str]:
    """A section as plain values; of a key that stands there twice, the last."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[method-assign, assignment]
    parser.read_string(path.read_text())
    return dict(parser[name])


def values(path: Path, key: str) -> list[str]:
    """All values of a key, in order."""
    return [line.partition("=")[2] for line in path.read_text().splitlines() if line.startswith(f"{key}=")]


def test_there_are_no_others() -> None:
    found = {path.name for path in UNITS.iterdir() if path.is_file()}
    assert found == {path.name for path in SERVICES} | {*TIMERS, TIMER}


def test_what_asks_the_cloud_has_the_same_restrictions() -> None:
    warm, renew = (
        path.read_text().partition(HARDENING)[2].partition("\n[Install]")[0].strip() for path in (WARM, RENEW)
    )
    assert warm == renew != ""


@each
def test_systemd_219_is_left_with_rules_that_work(path: Path) -> None:
    text = path.read_text()
    # 219 knows no groups of calls: a list of allowed ones would be left empty, and the program killed at once. The
    # first line says which of both it is, for all lines.
    assert values(path, "SystemCallFilter")[0].startswith("~")
    # 219 does not know "strict", and keeps the value before it.
    assert ("ProtectSystem=strict" in text) == ("ProtectSystem=full\nProtectSystem=strict\n" in text)
    # It would take the ready answers away at the end of each run, before 235 in any case.
    assert "RuntimeDirectory" not in text


@each
def test_everything_is_found_under_one_name(path: Path) -> None:
    assert section(path, "Service")["SyslogIdentifier"] == PROGRAM
    assert section(path, "Service")["Type"] == "oneshot"


@each
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


def test_the_boot_does_not_wait_long() -> None:
    service = section(WARM, "Service")
    assert service["TimeoutStartSec"] == "5s"
    assert service["ExecStart"].startswith("-/usr/bin/timeout 4 ")
    assert section(WARM, "Unit")["Before"] == section(ROLLBACK, "Unit")["Before"] == KUBELETS


@each
def test_nothing_else_is_pulled_in_or_needed(path: Path) -> None:
    text = path.read_text()
    assert not [key for key in ("Wants", "Requires", "BindsTo", "Conflicts") if f"{key}=" in text]


@pytest.mark.parametrize("path", [REPAIR, ROLLBACK], ids=lambda path: path.stem)
def test_who_puts_files_right_may_write_them_with_their_owners(path: Path) -> None:
    text = path.read_text()
    assert not [key for key in ("ProtectSystem", "ReadOnlyPaths", "ReadWritePaths", "InaccessiblePaths") if key in text]
    # A denied chown would fail even where it changes nothing.
    assert values(path, "SystemCallFilter")[1:] == ["@chown"]
    assert {"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER"} <= set(values(path, "CapabilityBoundingSet")[0].split())


def test_repair_runs_on_nodes_with_an_install_alone_and_sees_the_kubelet() -> None:
    # Also where an install was cut short.
    assert values(REPAIR, "ConditionPathExists") == [f"|{DATA}/node/installed", f"|{DATA}/node/pending"]
    assert section(REPAIR, "Unit")["ConditionFileIsExecutable"] == f"{HOME}/current/{PROGRAM}"
    assert "CAP_SYS_PTRACE" in values(REPAIR, "CapabilityBoundingSet")[0]
    assert "ProtectProc" not in REPAIR.read_text()


def test_rollback_needs_nothing_but_a_shell_and_its_script() -> None:
    script = f"{DATA}/node/pending/undo.sh"
    assert section(ROLLBACK, "Service")["ExecStart"] == f"/bin/sh {script}"
    assert section(ROLLBACK, "Unit")["ConditionPathExists"] == script
    assert section(ROLLBACK, "Install")["WantedBy"] == "multi-user.target"
    text = ROLLBACK.read_text()
    assert HOME not in text
    # Each needs something that a node in trouble may not have: room in /tmp, a namespace of the network, a file; the
    # last takes /dev/null away where /dev/kmsg is a link to it.
    settings = ("PrivateTmp", "PrivateDevices", "PrivateNetwork", "DynamicUser", "EnvironmentFile", "StateDirectory",
                "ProtectKernelLogs")  # fmt: skip
    assert not [setting for setting in settings if f"\n{setting}=" in text]


def test_the_timer_that_undoes_counts_from_its_own_start_alone() -> None:
    path = UNITS / TIMER
    assert values(path, "OnActiveSec")[0] == "90"
    assert values(path, "AccuracySec") == ["1s"]
    keys = {line.partition("=")[0] for line in path.read_text().splitlines() if "=" in line and line[0] != "#"}
    # What counts from the last run of the service would fire at once.
    assert keys == {"Description", "OnActiveSec", "AccuracySec"}


@pytest.mark.parametrize("name", TIMERS)
def test_timers_go_by_the_calendar(name: str) -> None:
    keys = section(UNITS / name, "Timer")
    assert keys.keys() == {"OnCalendar", "AccuracySec"}
    assert section(UNITS / name, "Install")["WantedBy"] == "timers.target"


def test_renewal_and_repair_do_not_run_together() -> None:
    minutes = {section(UNITS / name, "Timer")["OnCalendar"] for name in TIMERS}
    assert minutes == {"*:0/5", "*:2/5"}


def test_state_is_roots_alone() -> None:
    lines = (UNITS / "tmpfiles.d" / f"{PROGRAM}.conf").read_text().splitlines()
    made = [line.split() for line in lines if not line.startswith("#")]
    folders = ("", "/answers", "/identities", "/report")
    assert [line[1] for line in made] == [f"/run/{PROGRAM}{below}" for below in folders]
    assert {tuple(line[:1] + line[2:5]) for line in made} == {("d", "0700", "root", "root")}
