"""A program of the host, run from another mount namespace, with a stand-in for the program."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from provider.agent.host import NAME, PARENTS, Host
from provider.agent.host_process import Company, run_inside
from provider.node.bundle.contents import LIBRARIES, LINKS, SUMS, checksums
from provider.node.files import NodeError
from provider.places import PROGRAM
from tests.systems.system import wait_for
from tests.unit.fake_bundle import LOADER, make
from tests.unit.silent_cluster import KUBECONFIG

if os.geteuid():
    pytest.skip("only root can enter a mount namespace", allow_module_level=True)

STAND_IN = """\
#!/bin/sh
# In the place of the loader: its first argument is the program.
shift
case $1 in
    version) exec cat /var/lib/version ;;
    install)
        told='{"changes": 1, "program": false, "restart": false, "pending": false, "change": ""}'
        case $* in *--dry-run*) echo "$told"; exit 0 ;; esac
        trap 'echo "aliyun-acr-credential-provider: ended by SIGTERM" >&2; exit 1' TERM
        echo held >&2
        while :; do sleep 0.05; done ;;
    where) echo "$0"; pwd; cat /host-name; exit 3 ;;
    say) echo one >&2; printf 'two\\nthr' >&2; printf 'ee' >&2; exit 1 ;;
    hold) trap 'echo putting back >&2; exit 1' TERM; echo held >&2; while :; do sleep 0.05; done ;;
    stay) trap '' TERM; echo stays >&2; while :; do sleep 0.05; done ;;
    leave) sleep 60 & echo left >&2; exit 0 ;;
esac
"""
SILENT = Company(lambda line: None, lambda: False, lambda: None)


@dataclass
class Machine:
    """A mount namespace with files of its own, and a folder that stands in for its /proc."""

    proc: Path
    root: Path
    process: subprocess.Popen[bytes]

    def folder(self, parent: str = PARENTS[0]) -> Path:
        return self.root / parent[1:] / NAME


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    script = """
    mount -t tmpfs none /mnt && mkdir /mnt/lib /mnt/opt /mnt/run && echo 1.0 >/mnt/lib/version
    for folder in /var/lib /opt /run; do mount --bind "/mnt/${folder##*/}" "$folder"; done
    echo ready; exec sleep 600
    """
    command = ["unshare", "--mount", "--propagation=private", "sh", "-euc", script]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "1").symlink_to(f"/proc/{process.pid}")
    yield Machine(proc, Path(f"/proc/{process.pid}/root"), process)
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = Path(make(tmp_path / "image").folder)
    loader = folder / LIBRARIES / LOADER
    loader.write_text(STAND_IN)
    return folder


@pytest.fixture
def host(machine: Machine, bundle: Path) -> Iterator[Host]:
    made = Host(str(machine.proc), str(bundle))
    made.prepare()
    yield made
    made.clean()


def test_the_program_is_there_as_it_is_in_the_image_and_goes(host: Host, machine: Machine, bundle: Path) -> None:
    place = machine.folder() / "bundle"
    there = {str(path.relative_to(place)) for path in place.rglob("*") if not path.is_dir()}
    assert there == {*checksums(str(bundle)), *LINKS}
    assert (place / PROGRAM).read_bytes() == (bundle / PROGRAM).read_bytes()
    assert machine.folder().stat().st_mode & 0o777 == 0o700 and not Path(PARENTS[0], NAME).exists()
    host.clean()
    assert not machine.folder().exists()


def test_it_sees_the_hosts_files_and_its_output_comes_back(host: Host) -> None:
    said: list[str] = []
    done = host.run(["where"], 10, Company(said.append, lambda: False, lambda: None))
    loader = f"{PARENTS[0]}/{NAME}/bundle/{LIBRARIES}/{LOADER}"
    assert done.status == 3 and done.stdout == f"{loader}\n/\n" and "host-name" in said[0]


def test_lines_come_as_they_are_said_and_the_last_ones_are_kept(host: Host) -> None:
    said: list[str] = []
    ticks: list[float] = []
    done = host.run(["say"], 10, Company(said.append, lambda: False, lambda: ticks.append(0)))
    assert (done.status, said, list(done.last)) == (1, ["one", "two", "three"], ["one", "two", "three"]) and ticks


def test_a_signal_is_passed_on_and_waited_for(host: Host) -> None:
    said: list[str] = []
    ended = threading.Event()

    def say(line: str) -> None:
        said.append(line)
        ended.set()

    done = host.run(["hold"], 60, Company(say, ended.is_set, lambda: None))
    assert (done.status, said) == (1, ["held", "putting back"])


def test_what_takes_too_long_is_told_to_end(host: Host) -> None:
    began = time.monotonic()
    assert host.run(["hold"], 0.3, SILENT).status == 1 and time.monotonic() - began < 10


def test_what_does_not_end_then_is_killed(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provider.agent.host_process.GRACE_SECONDS", 0.5)
    assert host.run(["stay"], 0.3, SILENT).status == -signal.SIGKILL


def test_who_holds_the_pipes_open_is_not_waited_for(host: Host) -> None:
    began = time.monotonic()
    assert host.run(["leave"], 30, SILENT).status == 0 and time.monotonic() - began < 10


def test_another_place_where_the_first_one_runs_no_programs(machine: Machine, bundle: Path) -> None:
    enter = ["nsenter", f"--target={machine.process.pid}", "--mount"]
    subprocess.run([*enter, "mount", "-o", "remount,bind,noexec", "/var/lib"], check=True)
    host = Host(str(machine.proc), str(bundle))
    host.prepare()
    assert machine.folder("/opt").exists() and not machine.folder("/var/lib").exists()
    host.clean()
    for folder in ("/opt", "/run"):
        subprocess.run([*enter, "mount", "-o", "remount,bind,ro", folder], check=True)
    with pytest.raises(NodeError, match=r"does not run on this host: /var/lib: .*; /opt: .*Read-only file system"):
        host.prepare()
    assert not machine.folder("/var/lib").exists()


def test_what_a_killed_run_left_goes(machine: Machine, bundle: Path) -> None:
    program = (
        "import os, sys; from provider.agent.host import Host\n"
        "Host(sys.argv[1], sys.argv[2]).prepare(); print('ready', flush=True); os.pause() if 0 else input()"
    )
    command = [sys.executable, "-c", program, str(machine.proc), str(bundle)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        with pytest.raises(NodeError, match="another container of ours is at work"):
            Host(str(machine.proc), str(bundle)).prepare()
        assert (machine.folder() / "bundle" / SUMS).exists()
        process.kill()
    (machine.folder() / "more").write_text("left")
    host = Host(str(machine.proc), str(bundle))
    host.prepare()
    assert not (machine.folder() / "more").exists()
    host.clean()


def test_a_link_in_the_way_leads_nowhere(machine: Machine, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "file").write_text("theirs")
    machine.folder().symlink_to(tmp_path / "theirs")
    host = Host(str(machine.proc), str(bundle))
    host.prepare()
    assert not machine.folder().is_symlink()
    host.clean()
    assert (tmp_path / "theirs" / "file").read_text() == "theirs"


def test_a_bundle_that_is_not_whole_is_not_laid_there(machine: Machine, bundle: Path) -> None:
    (bundle / SUMS).unlink()
    with pytest.raises(NodeError, match="not whole"):
        Host(str(machine.proc), str(bundle)).prepare()
    assert not machine.folder().exists()


@pytest.mark.parametrize(("target", "why"), [("/proc/self", "this container's own"), ("/nowhere", "No such file")])
def test_a_proc_that_is_not_the_hosts_is_said(tmp_path: Path, bundle: Path, target: str, why: str) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/1").symlink_to(target)
    with pytest.raises(NodeError, match=f"--host-proc .*{why}.*privileged"):
        Host(str(tmp_path / "proc"), str(bundle)).prepare()


def test_a_container_without_rights_says_so(machine: Machine) -> None:
    script = (
        "import sys; from provider.agent.host_process import *\n"
        "from provider.node.files import NodeError\n"
        "company = Company(print, lambda: False, lambda: None)\n"
        "try: run_inside(sys.argv[1], ['/bin/true'], 5, company)\n"
        "except NodeError as error: print(error)\n"
    )
    namespace = f"{machine.proc}/1/ns/mnt"
    command = ["setpriv", "--bounding-set=-sys_admin", sys.executable, "-c", script, namespace]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "the container must be privileged" in done.stdout, done.stderr


def test_a_program_that_is_not_there_is_named(machine: Machine) -> None:
    with pytest.raises(NodeError, match="/nowhere/program: cannot be started on the host"):
        run_inside(f"{machine.proc}/1/ns/mnt", ["/nowhere/program"], 5, SILENT)


def test_a_gpu_is_seen(tmp_path: Path) -> None:
    host = Host(str(tmp_path), "")
    assert not host.has_gpu
    (tmp_path / "driver/nvidia").mkdir(parents=True)
    (tmp_path / "driver/nvidia/version").write_text("NVRM version")
    assert host.has_gpu


def test_the_whole_duty_passes_sigterm_on_and_leaves_nothing(machine: Machine, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    program = (
        "import sys; sys._MEIPASS = sys.argv.pop(1)\n"
        "from provider.commands import program; sys.exit(program.main(sys.argv[1:]))"
    )
    options = ["--node=node", f"--kubeconfig={tmp_path}/kubeconfig", f"--host-proc={machine.proc}"]
    command = [sys.executable, "-c", program, str(bundle / LIBRARIES), "agent", "place", *options]
    # The first process of its container, which takes no signal that it does not ask for.
    command = ["unshare", "--pid", "--fork", "--kill-child", *command]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(2)]
        assert lines[-1] == "held\n", lines
        assert machine.folder().exists()
        [child] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGTERM)
        said = process.stderr.read()
    assert process.returncode == 1 and "ended by SIGTERM" in said and "the node is as it was" in said
    assert not machine.folder().exists()


def test_nobody_is_left(machine: Machine, host: Host) -> None:
    host.run(["say"], 10, SILENT)
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    wait_for(lambda: str(machine.process.pid) in children, 5, "the machine to be the child that is left")
    assert len(children) == 1
