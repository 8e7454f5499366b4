"""Where a node stands: a network that leads nowhere else, with the simulated cloud and a registry in it.

It outlives the node's reboots.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.cloud.default_world import default_world
from tests.e2e.network import Network
from tests.e2e.parts import ROOT, Parts
from tests.e2e.registry import HOST, PORT, Registry
from tests.frozen.enter import METADATA

CLOUD = "10.0.0.9"
NODE = "10.0.0.2"
SERVICES = ("sts", "sts-vpc", "cr", "cr-vpc", "dockerauth", "dockerauth-vpc")
PERSONAL = ("registry", "registry-vpc", "registry-internal")


class Site(Network):
    """The cloud is asked through its control channel; tests/cloud/README.md lists the commands."""

    def __init__(self, parts: Parts, folder: Path, more: Sequence[str] = ()) -> None:
        """`folder`: the cloud's; `more`: addresses that somebody else uses."""
        super().__init__(CLOUD, NODE, METADATA, *more)
        arguments = [f"--directory={folder}", f"--https={CLOUD}:443", f"--metadata={METADATA}:80"]
        arguments.append(f"--backend={HOST}:{PORT}")
        command = ["nsenter", f"--net={self.namespace}", sys.executable, "-m", "tests.cloud", *arguments]
        self._cloud = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self.authority = Path(self._answer()["ca_file"]).read_bytes()
        """PEM of the authority that signs for every host name here."""
        self._registry = Registry(parts.root, parts.images, network=self.namespace)

    def __enter__(self) -> "Site":
        return self

    def close(self) -> None:
        self._registry.close()
        self._cloud.communicate()
        super().close()

    def ask(self, command: str, **values: Any) -> dict[str, Any]:
        """Give the cloud a command; returns its answer."""
        assert self._cloud.stdin is not None
        print(json.dumps({"command": command, **values}), file=self._cloud.stdin, flush=True)
        answer = self._answer()
        assert answer["ok"], answer
        return answer

    def calls(self, service: str = "", action: str = "") -> list[dict[str, Any]]:
        """The calls of one service and action that the cloud has answered."""
        calls = self.ask("calls", service=service, action=action)["calls"]
        assert isinstance(calls, list)
        return calls

    def _answer(self) -> dict[str, Any]:
        assert self._cloud.stdout is not None
        line = self._cloud.stdout.readline()
        assert line, "the simulated cloud has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer


def hosts() -> str:
    """/etc/hosts of a node: every name of the cloud."""
    world = default_world()
    names = ["sts.aliyuncs.com"]
    names += [f"{service}.{region}.aliyuncs.com" for service in (*SERVICES, *PERSONAL) for region in world.regions]
    names += [domain.name for instance in world.instances for domain in instance.domains]
    lines = ["127.0.0.1 localhost", *(f"{CLOUD} {name}" for name in names)]
    return "\n".join(lines) + "\n"
