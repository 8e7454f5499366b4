"""The chart in a cluster, installed as people do it, with helm; and what the agent says of itself there."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from provider.kubernetes.names import DAEMON_SET, NAMESPACE, PREFIX, SYSTEM_NAMESPACE, WRITER
from provider.version import VERSION
from tests.e2e.agent_images import REPOSITORY, push, tag
from tests.e2e.cluster_of_two import NODES, ClusterOfTwo
from tests.e2e.layouts import LOCAL_REGISTRY
from tests.e2e.parts import NEXT, ROOT, Parts, built
from tests.systems.system import succeeded

CHART = ROOT / "packaging/chart"
RELEASE = "acr"
AGENT, WRITERS = f"daemonset/{DAEMON_SET}", f"deployment/{WRITER}"
ROLLOUT_SECONDS = 300
Values = Mapping[str, object]


def helm() -> str:
    """The path of Helm, built where it is missing."""
    return subprocess.check_output([ROOT / "packaging/helm/build.sh", "4"], text=True).strip()


def image_archive() -> Path:
    """The image as it was built."""
    archive = built()
    assert archive is not None
    image = archive.with_name(archive.name.replace(".tar.gz", "-image.tar"))
    assert image.exists(), f"{image} is not there: make image"
    return image


class Chart:
    """The chart, and the agent's images for this site in the registry."""

    def __init__(self, parts: Parts, cluster: ClusterOfTwo) -> None:
        self.cluster = cluster
        self._helm = helm()
        authority = cluster.site.authority
        push(parts, image_archive(), authority)
        self._tags = {version: tag(version, authority) for version in (VERSION, NEXT)}

    def install(self, values: Values | None = None, version: str = VERSION) -> str:
        """Install it, or upgrade to these values; returns what Helm says."""
        given = {
            "image": {"repository": f"{LOCAL_REGISTRY}/{REPOSITORY}", "tag": self._tags[version]},
            **(values or {}),
        }
        return self._run("upgrade", "--install", RELEASE, str(CHART), "--values=-", stdin=json.dumps(given))

    def uninstall(self) -> str:
        return self._run("uninstall", RELEASE)

    def wait_rolled_out(self, *workloads: str) -> None:
        """Wait until every node's pod of the DaemonSet is ready, and the Deployment's; or those of these workloads."""
        for what in workloads or (AGENT, WRITERS):
            self.cluster.wait(partial(self._is_rolled_out, what), ROLLOUT_SECONDS, f"{what} to be rolled out")

    def pods(self, component: str) -> list[str]:
        """The names of the pods of a part: node, secrets."""
        selector = f"--selector=app.kubernetes.io/component={component}"
        listed = self.cluster.get("pods", selector, namespace=SYSTEM_NAMESPACE)["items"]
        return [pod["metadata"]["name"] for pod in listed]

    def log(self, pod: str, container: str, *options: str) -> str:
        """What a container of one of these pods says."""
        arguments = (pod, f"--container={container}", f"--namespace={SYSTEM_NAMESPACE}", *options)
        return self.cluster.api.kubectl("logs", *arguments)

    def wait_states(self, wanted: Mapping[str, str], seconds: float = ROLLOUT_SECONDS) -> None:
        """Wait until the nodes' Leases say these states, by node."""

        def is_so() -> bool:
            states = self.states()
            return all(states.get(node) == state for node, state in wanted.items())

        self.cluster.wait(is_so, seconds, f"the nodes to be {dict(wanted)}")

    def wait_ready(self) -> None:
        """Wait until both nodes are, as their Leases say."""
        self.wait_states(dict.fromkeys(NODES, "ready"))

    def leases(self) -> dict[str, dict[str, Any]]:
        """Our Leases by their names."""
        listed = self.cluster.get("leases", namespace=NAMESPACE)["items"]
        return {lease["metadata"]["name"]: lease for lease in listed}

    def states(self) -> dict[str, str]:
        """The nodes' states."""
        labels = {name: lease["metadata"].get("labels", {}) for name, lease in self.leases().items()}
        return {name: found[f"{PREFIX}state"] for name, found in labels.items() if f"{PREFIX}state" in found}

    def events(self, namespace: str = "", **fields: str) -> list[dict[str, Any]]:
        """Events of our own, in a namespace or in all."""
        place = f"--namespace={namespace}" if namespace else "--all-namespaces"
        listed = json.loads(self.cluster.api.kubectl("get", "events", place, "--output=json"))["items"]
        ours = [one for one in listed if one.get("reportingComponent") == NAMESPACE or _source(one) == NAMESPACE]
        return [one for one in ours if all(one.get(name) == value for name, value in fields.items())]

    def _is_rolled_out(self, what: str) -> bool:
        arguments = ("rollout", "status", what, f"--namespace={SYSTEM_NAMESPACE}", "--timeout=1s")
        return self.cluster.api.attempt(*arguments).returncode == 0

    def _run(self, *arguments: str, stdin: str = "") -> str:
        command: Sequence[str] = (*arguments, f"--namespace={SYSTEM_NAMESPACE}")
        return succeeded(self.cluster.api.run(self._helm, *command, stdin=stdin))


def _source(event: Mapping[str, Any]) -> str:
    return str(event.get("source", {}).get("component", ""))
