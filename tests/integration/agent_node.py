"""`agent node` as a process on files of a test's own: what the kubelet mounts, and the node's folders."""

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from provider.kubernetes.names import CONFIG_MAP, MANAGED_ROLE_KEY
from provider.node import report
from tests.integration.node import ROOT
from tests.systems.system import wait_for
from tests.unit.kubelet_volume import Volume

NODE = "cn-hangzhou.10.0.0.7"
AWAY = "https://127.0.0.1:1"
SECONDS = 20.0
"""How long is waited for what takes a round and a child."""


def kubeconfig(path: Path, server: str = AWAY) -> Path:
    """Write one for an API server."""
    content = {
        "clusters": [{"name": "c", "cluster": {"server": server, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "u", "user": {"token": "a-token-of-the-pod"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "c",
    }
    path.write_text(json.dumps(content))
    return path


class AgentNode:
    """The files of one node, and its agent while it runs."""

    def __init__(self, directory: Path, name: str = NODE) -> None:
        self.directory, self.name = directory, name
        directory.mkdir(exist_ok=True)
        mounts = directory / "mnt"
        self.config_map = Volume(mounts / CONFIG_MAP)
        self._managed_role = Volume(mounts / "managed-role")
        self._rrsa = Volume(mounts / "rrsa")
        self.config = directory / "etc/config.yaml"
        self.identities = directory / "run/identities"
        self.cluster = directory / "data/cluster/cluster.json"
        self.kubeconfig = kubeconfig(directory / "kubeconfig")
        self.errors = directory / "stderr"
        self._process: subprocess.Popen[bytes] | None = None

    def managed_role(self, value: str | None) -> None:
        self._managed_role.put({} if value is None else {MANAGED_ROLE_KEY: value})

    def rrsa_token(self, value: str | None) -> None:
        self._rrsa.put({} if value is None else {"token": value})

    def report(self, **changed: object) -> None:
        """Leave a report as `install` does on a node that is well."""
        fields: dict[str, object] = {
            "installed": {"version": "9.8.7"},
            "restartPending": False,
            "refusals": [],
            "lines": [{"subject": "install", "state": "ok", "detail": "is there"}],
        }
        report.write(fields | changed, str(self.directory / "run/report"))

    def start(self, *arguments: str, before: Sequence[str] = ()) -> "subprocess.Popen[bytes]":
        """Start the agent; `before`: a command line that it is given to."""
        command = [*before, sys.executable, "-m", "tests.integration.agent_node_process", str(self.directory)]
        options = [f"--node={self.name}", "--namespace=ours", f"--kubeconfig={self.kubeconfig}", "--listen=127.0.0.1:0"]
        with self.errors.open("ab") as stderr:
            self._process = subprocess.Popen([*command, *options, *arguments], cwd=ROOT, stderr=stderr)
        return self._process

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def get(self, page: str) -> tuple[int, str]:
        """Ask the agent's own server; status 0 where it does not answer."""
        ports = re.findall(r"probes and metrics on 127.0.0.1 port (\d+)\n", self.said())
        if not ports:
            return 0, ""
        connection = http.client.HTTPConnection("127.0.0.1", int(ports[-1]), timeout=5)
        try:
            connection.request("GET", page)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def wait_ready(self) -> None:
        wait_for(lambda: self.get("/readyz")[0] == 200, SECONDS, f"the agent to be ready: {self.said()}")

    def wait_not_ready(self) -> str:
        """Wait until it is not, and return why."""
        wait_for(lambda: self.get("/readyz")[0] == 503, SECONDS, "the agent not to be ready")
        return self.get("/readyz")[1]

    def metric(self, name: str) -> float | None:
        """Return a figure, with its labels in the name; None where it is not told."""
        lines = [
            line for line in self.get("/metrics")[1].splitlines() if line.startswith(f"acr_credential_provider_{name} ")
        ]
        return float(lines[0].rpartition(" ")[2]) if lines else None

    def said(self) -> str:
        return self.errors.read_text() if self.errors.exists() else ""

    def resident(self) -> int:
        """Return the resident memory in kB."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1])
