"""A node: a booted systemd with containerd and a kubelet without a control plane, whose pods are files."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from provider.places import PROGRAM
from provider.version import VERSION
from tests.e2e.layouts import ACK, Layout
from tests.e2e.network import Network
from tests.e2e.node_report import REPORT
from tests.e2e.parts import Parts
from tests.e2e.site import Site, hosts
from tests.e2e.tree import Tree, tree
from tests.systems.system import Booted, System, succeeded, wait_for

HEALTHY_SECONDS = 150
STEADY_SECONDS = 5
PAUSE = 0.5
"""Between two looks at a node: each costs some processes, and there are many nodes."""
RUNNING_SECONDS = 90
MANIFESTS = "/etc/kubernetes/manifests"
NSPAWN = (
    *("--timezone=off", "--link-journal=no", "--system-call-filter=keyctl add_key request_key bpf"),
    # Of a kind whose free space the kubelet can tell; images are pulled anew after a boot.
    "--tmpfs=/var/lib/containerd:size=3G",
)
ENABLED = ("node-preparation.service", "containerd.service", "kubelet.service")
LEFT_OUT = (
    *("docker-registry.service", "etcd.service", "apt-daily.timer", "apt-daily-upgrade.timer"),
    *("systemd-logind.service", "systemd-ask-password-console.path", "systemd-ask-password-wall.path"),
)


class Node:
    """One node at a site. Booted, killed and booted again, it keeps its disk."""

    def __init__(
        self,
        parts: Parts,
        network: Network,
        folder: Path,
        layout: Layout = ACK,
        below: Sequence[Path] = (),
        site: Site | None = None,
    ) -> None:
        """`below`: disks of nodes that were powered off, the first on top, on which this one begins.

        `site`: where its network leads, which is the network itself where nothing is said.
        """
        self._site = network if isinstance(network, Site) else site
        base = ":".join((*map(str, below), parts.base))
        self._system = System(base, folder, group=parts.group, network=network.namespace)
        self._booted: Booted | None = None
        self.disk = folder / "upper"
        """What this node changed of what it began with."""
        if not below:
            self._furnish(layout)
        if self._site:
            self.put("/usr/local/share/ca-certificates/simulated.crt", self._site.authority)
            self._system.run("update-ca-certificates")

    @property
    def site(self) -> Site:
        """Where the cloud is."""
        assert self._site, "this node has no cloud"
        return self._site

    def _furnish(self, layout: Layout) -> None:
        self.put("/etc/hosts", hosts())
        for path, text in layout.all_files.items():
            self.put(path, text, 0o755 if text.startswith("#!") else 0o644)
        wanted = self.disk / "etc/systemd/system/multi-user.target.wants"
        wanted.mkdir(parents=True)
        for unit in ENABLED:
            folder = "/lib/systemd/system" if unit.startswith("containerd") else "/etc/systemd/system"
            (wanted / unit).symlink_to(f"{folder}/{unit}")
        (self.disk / MANIFESTS[1:]).mkdir(parents=True)
        for unit in LEFT_OUT:
            (self.disk / "etc/systemd/system" / unit).symlink_to("/dev/null")

    def __enter__(self) -> "Node":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._booted:
            self.kill()
        self._system.remove()

    # Power

    def boot(self) -> None:
        """Boot, and wait until systemd says that everything has started; the kubelet may not be healthy yet."""
        self._booted = self._system.boot(NSPAWN)
        self._booted.wait_until_up()

    def reboot(self) -> None:
        self.power_off()
        self.boot()

    def power_off(self) -> None:
        self.booted.power_off()
        self._booted = None

    def kill(self) -> None:
        """Let every process of the node end in an instant; the disk stays as it is."""
        self.booted.kill()
        self._booted = None

    @property
    def is_booted(self) -> bool:
        return self._booted is not None

    @property
    def booted(self) -> Booted:
        assert self._booted, "the node is not booted"
        return self._booted

    # Commands and files

    def attempt(self, script: str, timeout: float = 180) -> subprocess.CompletedProcess[str]:
        """Run a script of bash on the node, as root; in its file system alone where it is not booted."""
        return self._booted.attempt(script, timeout) if self._booted else self._system.attempt(script, timeout)

    def run(self, script: str, timeout: float = 180) -> str:
        """Run a script that must succeed, and return its stdout."""
        return succeeded(self.attempt(script, timeout))

    def put(self, path: str, content: str | bytes, mode: int = 0o644) -> None:
        """Write a file, booted or not."""
        data = content.encode() if isinstance(content, str) else content
        if self._booted is None:
            self._system.put(path, data, mode)
            return
        script = 'mkdir -p "${1%/*}"; cat >"$1"; chmod "$2" "$1"'
        command = self.booted.inside("sh", "-euc", script, "sh", path, f"{mode:o}")
        subprocess.run(command, input=data, check=True)

    def configure(self, text: str) -> None:
        """Write the program's configuration."""
        self.run(f"mkdir -p -m 700 /etc/{PROGRAM}")
        self.put(f"/etc/{PROGRAM}/config.yaml", text, 0o600)

    def identity(self, name: str, text: str) -> None:
        """Put a file where the agent puts it: `managed-role.json` or `rrsa-token`."""
        self.run(f"mkdir -p -m 700 /run/{PROGRAM}/identities")
        self.put(f"/run/{PROGRAM}/identities/{name}", text, 0o600)

    def tree(self, *folders: str) -> Tree:
        """The booted node's files, without what changes by itself; all, or what is below some folders."""
        return tree(Path(f"/proc/{self.booted.leader}/root"), folders or ("",))

    # The program

    def install(self, *options: str, version: str = VERSION) -> str:
        """Install from the unpacked archive, as users do; returns what that says."""
        return self.run(f"/srv/{version}/install.sh {' '.join(options)} 2>&1")

    def program(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the installed program."""
        return self.attempt(f"exec /opt/{PROGRAM}/bin/{PROGRAM} {' '.join(arguments)}")

    def status(self) -> dict[str, Any]:
        """What `status --json` tells."""
        told: dict[str, Any] = json.loads(self.program("status", "--json").stdout)
        return told

    # Kubelet and pods

    def kubelet_is_healthy(self) -> bool:
        """Whether it answers so, and has been running for some seconds: one that is about to give up answers too."""
        script = f"""
        [ "$(busybox wget -qO- http://127.0.0.1:10248/healthz)" = ok ]
        [ "$(ps -o etimes= -p "$(systemctl show --property=MainPID --value kubelet.service)")" -ge {STEADY_SECONDS} ]
        """
        return self.attempt(script).returncode == 0

    def kubelet_started(self) -> str:
        """When the running kubelet was started."""
        return self.run("systemctl show --property=ExecMainStartTimestampMonotonic --value kubelet.service")

    def wait_healthy(self, seconds: float = HEALTHY_SECONDS) -> None:
        self.wait(self.kubelet_is_healthy, seconds, "the kubelet to be healthy")

    def pod(self, name: str, image: str) -> None:
        """Write a static pod with one container, whose image is pulled at each start; a name is used once."""
        container = {"name": "main", "image": image, "imagePullPolicy": "Always"}
        manifest = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"hostNetwork": True, "terminationGracePeriodSeconds": 1, "containers": [container]},
        }
        # The kubelet reads whatever is in there, so that a file must come there whole.
        self.put(f"/etc/kubernetes/{name}.new", json.dumps(manifest))
        self.run(f"mv /etc/kubernetes/{name}.new {MANIFESTS}/{name}.json")

    def remove_pod(self, name: str) -> None:
        self.run(f"rm {MANIFESTS}/{name}.json")
        self.wait(lambda: self.pod_state(name) is None, RUNNING_SECONDS, f"pod {name} to go")

    def pod_state(self, name: str) -> dict[str, Any] | None:
        """`state` of the pod's container (`running`, `waiting`, `terminated`); None: no such pod."""
        answer = self.attempt("busybox wget -qO- http://127.0.0.1:10255/pods").stdout
        pods = json.loads(answer).get("items") or [] if answer else []
        for pod in pods:
            if pod["metadata"]["name"] == f"{name}-node":
                statuses = pod["status"].get("containerStatuses") or [{}]
                state: dict[str, Any] = statuses[0].get("state") or {}
                return state
        return None

    def wait_running(self, name: str, seconds: float = RUNNING_SECONDS) -> None:
        self.wait(lambda: "running" in (self.pod_state(name) or {}), seconds, f"pod {name} to run")

    def runs(self, name: str, image: str) -> None:
        """A pod with this image runs."""
        self.pod(name, image)
        self.wait_running(name)

    def wait(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait, and tell what the node's journal says when it was in vain."""
        try:
            wait_for(condition, seconds, what, PAUSE)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.report()}") from None

    def journal(self, unit: str = "kubelet.service") -> str:
        """All that a unit said since the node was first booted."""
        return self.run(f"journalctl --no-pager --output=cat --unit={unit}")

    def report(self) -> str:
        """The last that the kubelet and the program said, and how things stand."""
        return self.attempt(REPORT).stdout
