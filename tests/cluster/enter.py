"""Runs a command beside a real API server: `python -m tests.cluster.enter COMMAND [...]`.

In mount, network, process and other namespaces that end with the command, everything that is mounted is read-only;
/run, /var/lib and /var/log are empty, and so is the folder for temporary files, all of them in memory. etcd and
kube-apiserver listen on loopback, and no node is there. Needs root, and go for programs that are not in the cache yet.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.api import OwnApi, Programs
from tests.cluster.place import ADVERTISED, Place
from tests.frozen.enter import mount, set_address

TESTS = Path(__file__).parents[1]
FOLDER = "CLUSTER"
"""Variable of the environment that names the folder: the shared API server's files are in `api` of it."""
VERSION = "1.37.2"
PROGRAMS = ("kube-apiserver", "kubectl", "kube-controller-manager")
INSIDE = "--inside"
PORT, ETCD_PORT = 6443, 2379
# With this process everything ends, however that comes about.
UNSHARE = (
    *("setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork"),
    *("--kill-child", "--propagation", "private"),
)


def programs(folder: Path) -> Programs:
    """Where the programs are in the folder that `main` prepared."""
    return Programs(folder / "usr/bin/etcd", folder / "kubernetes")


def main(arguments: Sequence[str]) -> int:
    """Enter the namespaces and run the command; returns its exit status."""
    if not arguments or os.geteuid():
        sys.stderr.write(f"{__doc__}\n")
        return 2
    if arguments[0] == INSIDE:
        return inside(Path(os.environ[FOLDER]), arguments[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="cluster-") as folder:
        built = subprocess.check_output([TESTS / "kubernetes/build.sh", VERSION, *PROGRAMS], text=True)
        (Path(folder) / "kubernetes").symlink_to(Path(built.splitlines()[0]).parent)
        root = subprocess.check_output([TESTS / "e2e/root.sh"], text=True).strip()
        subprocess.run(["tar", "-xzf", root, "-C", folder, "./usr/bin/etcd"], check=True)
        (Path(folder) / "work").mkdir()
        # There is no place for pytest's cache.
        options = f"{os.environ.get('PYTEST_ADDOPTS', '')} -p no:cacheprovider"
        environment = {**os.environ, FOLDER: folder, "TMPDIR": f"{folder}/work", "PYTEST_ADDOPTS": options}
        command = [*UNSHARE, sys.executable, "-m", __spec__.name, INSIDE, *arguments]
        return subprocess.call(command, env=environment)


def inside(folder: Path, command: Sequence[str]) -> int:
    """Set the namespaces up, start the API server and run the command."""
    mount("-t", "proc", "proc", "/proc")
    set_address("lo", "127.0.0.1")
    set_address("lo:advertised", ADVERTISED)
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind != "proc":
            mount("-o", "remount,bind,ro", place)
    for place in ("/run", "/var/lib", "/var/log", str(folder / "work")):
        mount("-t", "tmpfs", "cluster", place)
    with OwnApi(folder / "work/api", programs(folder), Place(PORT, ETCD_PORT)) as server:
        server.wait_ready()
        return subprocess.call(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
