"""The kubelet that runs: this system's own, of the unit's, and since when."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from provider.node.detect.detect import detect
from provider.node.detect.found import Flags, NotUnderstood, Process
from provider.node.detect.processes import running
from provider.node.files import Tree
from tests.unit.node_unit_sets import ETC, K3S_SERVICE, KUBELET_SERVICE, RKE2_SERVICE, lay
from tests.unit.test_node_detect import no_version

NOW, UPTIME = 1_700_000_000.0, 1000.0
TICKS = os.sysconf("SC_CLK_TCK")
SET = ("--image-credential-provider-config=/a", "--image-credential-provider-bin-dir=/b")


class Proc:
    """A /proc of the test's own, in which process 1 is the system's first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "proc"
        self.folder.mkdir()
        (self.folder / "uptime").write_text(f"{UPTIME} 900.00\n")
        (folder / "root").mkdir()
        (folder / "container").mkdir()
        self.root, self.container = folder / "root", folder / "container"
        self.add(1, "/usr/lib/systemd/systemd", "/init.scope")

    def add(
        self,
        pid: int,
        executable: str,
        group: str,
        *arguments: str,
        after: float = 100.0,
        root: Path | None = None,
        namespace: str = "pid:[1]",
        name: str = "",
    ) -> None:
        """A process that was started some seconds after the boot."""
        place = self.folder / str(pid)
        (place / "ns").mkdir(parents=True)
        (place / "exe").symlink_to(executable)
        (place / "root").symlink_to(root or self.root)
        (place / "ns/pid").symlink_to(namespace)
        called = name or executable.rpartition("/")[2]
        (place / "comm").write_text(f"{called[:15]}\n")
        (place / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in (executable, *arguments)))
        (place / "cgroup").write_text(f"2:cpu:/elsewhere.service\n1:name=systemd:{group}\n0::{group}\n")
        fields = ["S", *["0"] * 18, str(int(after * TICKS)), *["0"] * 30]
        (place / "stat").write_text(f"{pid} (a ) (b) {' '.join(fields)}\n")


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


def kubelets(proc: Proc) -> list[int]:
    return [one.process.pid for one in running(str(proc.folder), ["kubelet"], lambda: NOW)]


def node(folder: Path, **files: str) -> Tree:
    return lay(folder, {f"{ETC}/kubelet.service": KUBELET_SERVICE, **files})


GROUP = "/system.slice/kubelet.service"


def test_a_process(proc: Proc, tmp_path: Path) -> None:
    proc.add(70, "/usr/bin/kubelet", GROUP, "--v=2", *SET, after=250.5)
    found = detect(node(tmp_path / "node"), proc=str(proc.folder), run=no_version, clock=lambda: NOW)
    assert found.process is not None
    assert found.process.started == pytest.approx(NOW - UPTIME + 250.5, abs=0.02)
    command_line = ("/usr/bin/kubelet", "--v=2", *SET)
    assert found.process == Process(70, found.process.started, command_line, "/usr/bin/kubelet")
    assert (found.flags, found.live) == (Flags(), Flags("/a", "/b"))
    assert "--v=2" not in repr(found)


@pytest.mark.parametrize(
    "other",
    [
        {"root": "container"},
        {"namespace": "pid:[2]"},
        {"executable": "/usr/bin/kubelet-check"},
        {"executable": "/usr/bin/runc", "name": "kubeletx"},
    ],
)
def test_who_is_no_kubelet_of_this_system(other: dict[str, str], proc: Proc) -> None:
    root = proc.container if "root" in other else proc.root
    executable, namespace = other.get("executable", "/usr/bin/kubelet"), other.get("namespace", "pid:[1]")
    proc.add(70, executable, GROUP, root=root, namespace=namespace, name=other.get("name", ""))
    assert kubelets(proc) == []


def test_who_is_one(proc: Proc) -> None:
    proc.add(73, "/usr/bin/kubelet (deleted)", GROUP, after=300)
    proc.add(71, "/opt/bin/kubelet", GROUP, after=400)
    proc.add(72, "/usr/bin/dash", GROUP, name="kubelet", after=200)
    assert kubelets(proc) == [72, 73, 71]


def test_a_process_that_ends_meanwhile(proc: Proc) -> None:
    proc.add(70, "/usr/bin/kubelet", GROUP)
    for name in ("exe", "stat", "cgroup", "comm", "root"):
        (proc.folder / "70" / name).rename(proc.folder / "70" / "gone")
        assert kubelets(proc) == []
        (proc.folder / "70" / "gone").rename(proc.folder / "70" / name)
    assert kubelets(proc) == [70]


def test_a_system_that_does_not_let_us_look(tmp_path: Path) -> None:
    assert running(str(tmp_path), ["kubelet"], lambda: NOW) == []


def test_the_units_own_process_before_others(proc: Proc, tmp_path: Path) -> None:
    proc.add(70, "/usr/bin/kubelet", "/user.slice/user-0.slice/user@0.service/app.slice/a.service", after=1)
    proc.add(71, "/usr/bin/kubelet", "/system.slice/ssh.service", after=2)
    proc.add(72, "/usr/bin/kubelet", f"{GROUP}/kubelet", after=3)
    proc.add(73, "/usr/bin/kubelet", GROUP, after=4)
    units = [one.unit for one in running(str(proc.folder), ["kubelet"], lambda: NOW)]
    assert units == ["", "ssh.service", "kubelet.service", "kubelet.service"]
    found = detect(node(tmp_path / "node"), proc=str(proc.folder), run=no_version)
    assert found.process is not None
    assert (found.unit, found.process.pid) == ("kubelet.service", 72)


def test_a_kubelet_that_moved_to_another_group(proc: Proc, tmp_path: Path) -> None:
    proc.add(70, "/usr/bin/kubelet", "/kubelet")
    found = detect(node(tmp_path / "node"), proc=str(proc.folder), run=no_version)
    assert found.process is not None
    assert found.process.pid == 70


def test_a_kubelet_of_another_service_is_not_the_units(proc: Proc, tmp_path: Path) -> None:
    proc.add(70, "/usr/bin/kubelet", "/system.slice/ssh.service")
    found = detect(node(tmp_path / "node"), proc=str(proc.folder), run=no_version)
    assert (found.unit, found.process) == ("kubelet.service", None)


def test_of_two_units_the_one_that_runs(proc: Proc, tmp_path: Path) -> None:
    proc.add(70, "/opt/kubelet", "/system.slice/own.service")
    tree = node(tmp_path / "node", **{f"{ETC}/own.service": "[Service]\nExecStart=/opt/kubelet --own\n"})
    found = detect(tree, proc=str(proc.folder), run=no_version)
    assert (found.unit, found.command_line) == ("own.service", ("/opt/kubelet", "--own"))


def test_a_kubelet_that_no_unit_starts(proc: Proc, tmp_path: Path) -> None:
    proc.add(70, "/usr/bin/kubelet", "/system.slice/ssh.service")
    tree = lay(tmp_path / "node", {f"{ETC}/ssh.service": "[Service]\nExecStart=/usr/sbin/sshd -D\n"})
    with pytest.raises(NotUnderstood, match="kubelet runs as process 70, but there is no unit"):
        detect(tree, proc=str(proc.folder), run=no_version)


def test_a_script_that_starts_the_kubelet(proc: Proc, tmp_path: Path) -> None:
    """The unit does not tell the flags, the process does."""
    proc.add(70, "/opt/kubelet", GROUP, "--healthz-port=10300", "--root-dir=/data", *SET)
    tree = lay(tmp_path / "node", {f"{ETC}/kubelet.service": "[Service]\nExecStart=/opt/start.sh\n"})
    asked: list[str] = []

    def run(command: object) -> str:
        asked.append(str(command))
        return "Kubernetes v1.34.4"

    found = detect(tree, proc=str(proc.folder), run=run)
    assert (found.executable, found.flags, found.live) == ("/opt/start.sh", Flags("/a", "/b"), Flags("/a", "/b"))
    assert (found.health_url, found.root_dir) == ("http://127.0.0.1:10300/healthz", "/data")
    assert asked == [str([f"{tmp_path}/node/opt/kubelet", "--version"])]


def test_k3s(proc: Proc, tmp_path: Path) -> None:
    proc.add(60, "/var/lib/rancher/k3s/data/0/bin/containerd", "/system.slice/k3s.service")
    proc.add(61, "/var/lib/rancher/k3s/data/0/bin/k3s", "/system.slice/k3s.service", "server", name="k3s-server")
    unit = K3S_SERVICE.format(unit="k3s.service", duty="server", arguments="")
    found = detect(lay(tmp_path / "node", {f"{ETC}/k3s.service": unit}), proc=str(proc.folder), run=no_version)
    assert found.process is not None
    assert (found.process.pid, found.live) == (61, None)


def test_rke2_has_a_kubelet_of_its_own(proc: Proc, tmp_path: Path) -> None:
    proc.add(60, "/usr/local/bin/rke2", "/system.slice/rke2-agent.service", "agent")
    proc.add(61, "/var/lib/rancher/rke2/bin/kubelet", "/system.slice/rke2-agent.service", *SET)
    files = {f"{ETC}/rke2-{duty}.service": RKE2_SERVICE.format(duty=duty) for duty in ("agent", "server")}
    found = detect(lay(tmp_path / "node", files), proc=str(proc.folder), run=no_version)
    assert found.process is not None
    assert (found.unit, found.process.pid, found.live) == ("rke2-agent.service", 61, Flags("/a", "/b"))


def test_this_machines_own_processes(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can look into the processes of others")
    program = tmp_path / "kubelet"
    shutil.copyfile("/bin/sleep", program)
    program.chmod(0o755)
    before = time.time()
    with subprocess.Popen([program, "60"]) as process:
        try:
            found = [one.process for one in running("/proc", ["kubelet"], time.time) if one.process.pid == process.pid]
            after = time.time()
        finally:
            process.kill()
    assert [(one.command_line, one.executable) for one in found] == [((str(program), "60"), str(program))]
    assert before - 0.03 <= found[0].started <= after + 0.03
