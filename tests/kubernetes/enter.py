"""Runs a command where kubelets can be tried: `python -m tests.kubernetes.enter COMMAND [...]`.

In mount, network, process and other namespaces that end with the command, everything that is mounted is read-only,
control groups too; /run, /var/lib and /var/log are empty, and the folder that KUBELETS names can be written. A real
containerd answers there at `containerd.sock`. Needs root, and go for kubelets that are not in the cache yet.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.frozen.enter import mount, set_address
from tests.systems.system import wait_for

HERE = Path(__file__).parent
FOLDER = "KUBELETS"
INSIDE = "--inside"
SOCKET = "containerd.sock"
READY_SECONDS = 30
# With this process everything ends, however that comes about.
UNSHARE = (
    *("setpriv", "--pdeathsig=KILL"),
    *("unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--fork", "--kill-child"),
)
# A kubelet writes none of these where it reads that they are so already: they are the machine's, not a namespace's.
KERNEL = {
    "kernel/keys/root_maxbytes": 25_000_000,
    "kernel/keys/root_maxkeys": 1_000_000,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
}

# The native snapshotter wants nothing of the file system below it.
CONTAINERD = """\
version = 2
root = "{folder}/containerd/root"
state = "{folder}/containerd/state"
[grpc]
address = "{folder}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "{folder}/containerd/opt"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
[plugins."io.containerd.grpc.v1.cri".cni]
conf_dir = "{folder}/containerd/cni"
"""


def versions() -> list[str]:
    """The kubelets to try, oldest first."""
    found = [path.parent.name for path in HERE.glob("*/go.mod")]
    return sorted(found, key=lambda version: [int(part) for part in version.split(".")])


def main(arguments: Sequence[str]) -> int:
    """Enter the namespaces and run the command; returns its exit status."""
    if not arguments or os.geteuid():
        sys.stderr.write(f"{__doc__}\n")
        return 2
    if arguments[0] == INSIDE:
        return inside(Path(os.environ[FOLDER]), arguments[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="kubelets-") as folder:
        for version in versions():
            built = subprocess.check_output([HERE / "build.sh", version, "kubelet"], text=True).strip()
            Path(folder, f"kubelet-{version}").symlink_to(built)
        root = subprocess.check_output([HERE.parent / "e2e/root.sh"], text=True).strip()
        subprocess.run(["tar", "-xzf", root, "-C", folder, "./usr/bin/containerd"], check=True)
        # There is no place for pytest's cache.
        options = f"{os.environ.get('PYTEST_ADDOPTS', '')} -p no:cacheprovider"
        environment = {**os.environ, FOLDER: folder, "TMPDIR": folder, "PYTEST_ADDOPTS": options}
        command = [*UNSHARE, "--propagation", "private", sys.executable, "-m", __spec__.name, INSIDE, *arguments]
        return subprocess.call(command, env=environment)


def inside(folder: Path, command: Sequence[str]) -> int:
    """Set the namespaces up and run the command in them."""
    mount("-t", "proc", "proc", "/proc")
    set_address("lo", "127.0.0.1")
    mount("--bind", folder, folder)
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind != "proc" and place != str(folder):
            mount("-o", "remount,bind,ro", place)
    for place in ("/run", "/var/lib", "/var/log"):
        mount("-t", "tmpfs", "kubelets", place)
    for name, value in KERNEL.items():
        stand_in = folder / name.replace("/", ".")
        stand_in.write_text(f"{value}\n")
        mount("--bind", stand_in, f"/proc/sys/{name}")
    with containerd(folder):
        return subprocess.call(command)


@contextmanager
def containerd(folder: Path) -> Iterator[None]:
    """Run containerd; kubelets do not read their provider file without."""
    configuration = folder / "containerd.toml"
    configuration.write_text(CONTAINERD.format(folder=folder))
    log = folder / "containerd.log"
    with log.open("wb") as out:
        command = [str(folder / "usr/bin/containerd"), f"--config={configuration}"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        wait_for(lambda: (folder / SOCKET).exists() or process.poll() is not None, READY_SECONDS, "containerd")
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
