"""`install` and `uninstall` with `--dry-run --json`: what the roll-out decides by."""

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from provider.commands import install, uninstall
from provider.commands.node_common import foreseen
from provider.commands.uninstall import has_our_flags
from provider.node.bundle.contents import LIBRARIES
from provider.node.detect.found import Flags, Found
from provider.node.files import Folder, Link
from provider.node.machine import open_machine
from provider.node.plan import OWN_FILE
from provider.node.record import NODE, PENDING
from provider.version import VERSION
from tests.unit.fake_bundle import make
from tests.unit.tiny_program import program

if os.geteuid():
    pytest.skip("only root can give files to an owner", allow_module_level=True)

OURS = Flags(OWN_FILE, "/opt")
UNIT = "[Service]\nExecStart=/usr/bin/kubelet --config=/etc/kubelet.yaml $KUBELET_EXTRA_ARGS\n"
Command = Callable[..., str]
PROGRAMS = {"install": install.run, "uninstall": uninstall.run}


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a node command on an image's tree; returns its stdout."""
    root = tmp_path / "root"
    for folder in ("var/lib", "opt", "etc/tmpfiles.d", "etc/systemd/system", "usr/bin"):
        (root / folder).mkdir(parents=True)
    (root / "etc/systemd/system/kubelet.service").write_text(UNIT)
    (root / "usr/bin/kubelet").write_bytes(program("Kubernetes v1.34.4\n"))
    (root / "usr/bin/kubelet").chmod(0o755)
    bundle = make(tmp_path / "unpacked", VERSION)
    monkeypatch.setattr(sys, "_MEIPASS", f"{bundle.folder}/{LIBRARIES}", raising=False)

    def run(name: str, *arguments: str) -> str:
        stdout = io.StringIO()
        assert PROGRAMS[name](["--root", str(root), *arguments], io.StringIO(), stdout, io.StringIO()) == 0
        return stdout.getvalue()

    return run


def change(text: str) -> str:
    """What tells apart what the kubelet would read."""
    found = json.loads(text)["change"]
    assert isinstance(found, str)
    return found


def test_what_a_kubelet_would_read_is_told_apart(command: Command) -> None:
    flags = change(command("install", "--dry-run", "--json"))
    assert len(flags) == 16 and change(command("install", "--delivery=docker-config", "--dry-run", "--json")) != flags
    command("install", "--restart=never")
    assert change(command("install", "--dry-run", "--json")) == flags, "the same in each try"


def told(text: str) -> tuple[bool, bool, bool, bool]:
    """Whether there are changes, whether of the program, whether a restart now, whether one is pending."""
    fields = json.loads(text)
    assert fields.keys() == {"changes", "program", "restart", "pending", "change"}
    return bool(fields["changes"]), fields["program"], fields["restart"], fields["pending"]


def test_before_and_after(command: Command, tmp_path: Path) -> None:
    assert told(command("install", "--dry-run", "--json")) == (True, True, False, True), (
        "the kubelet of an image never runs"
    )
    assert not list((tmp_path / "root/opt").iterdir()), "nothing was changed"
    assert told(command("uninstall", "--dry-run", "--json")) == (False, False, False, False)
    command("install", "--restart=never")
    assert told(command("install", "--dry-run", "--json")) == (False, False, False, True)
    assert told(command("uninstall", "--dry-run", "--json")) == (True, False, False, False)


@pytest.mark.parametrize("name", ["install", "uninstall"])
def test_it_goes_with_a_dry_run_alone(command: Command, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command(name, "--json")
    assert "--json goes with --dry-run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("runs", "pending", "may", "unsettled", "restart"),
    [
        (True, True, True, False, True),
        (True, False, True, False, False),
        (False, True, True, False, False),
        (True, True, False, False, False),
        (True, False, True, True, True),
        (True, False, False, True, False),
    ],
)
def test_when_a_kubelet_would_be_restarted(
    tmp_path: Path, runs: bool, pending: bool, may: bool, unsettled: bool, restart: bool
) -> None:
    (tmp_path / "etc").mkdir()
    machine = open_machine(str(tmp_path), lambda line: None)
    if unsettled:
        (tmp_path / NODE[1:]).parent.mkdir(parents=True)
        machine.tree.put(NODE, Folder(0o700))
        machine.tree.put(PENDING, Link("generations/1"))
    fields = json.loads(foreseen(machine, 2, runs=runs, pending=pending, restart=may))
    assert fields == {"changes": 2, "program": False, "restart": restart, "pending": pending, "change": ""}


@pytest.mark.parametrize(("live", "has"), [(None, False), (Flags(), False), (Flags("/a"), False), (OURS, True)])
def test_a_kubelet_that_runs_may_have_flags_that_are_taken_away(live: Flags | None, has: bool) -> None:
    found = Found("ack", "kubelet.service", "/usr/bin/kubelet", None, None, Flags(), live, "", "", "", ())
    assert has_our_flags(found) is has and not has_our_flags(None)
