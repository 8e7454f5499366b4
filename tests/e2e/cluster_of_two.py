"""A cluster of two nodes: control plane at the site, nodes and pods in networks of their own.

Control plane are kube-apiserver, kube-controller-manager and kube-scheduler; there is no kube-proxy: the API server
listens at the address of Service `kubernetes`, and calls webhooks at their endpoints.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from provider.kubernetes.names import CONFIG_MAP, SYSTEM_NAMESPACE
from tests.cluster.api import OwnApi, Programs
from tests.cluster.place import Place
from tests.e2e.control_plane import REFUSED
from tests.e2e.members import NAME_SERVER, SERVICES, member
from tests.e2e.node import Node
from tests.e2e.parts import PROGRAMS, ROOT, Parts
from tests.e2e.site import Site
from tests.e2e.slots import slot
from tests.e2e.wires import Wired
from tests.systems.system import wait_for

NODES = ("node-1", "node-2")
CONTROLLERS = (
    *("daemonset-controller", "deployment-controller", "replicaset-controller", "job-controller"),
    *("serviceaccount-controller", "namespace-controller", "garbage-collector-controller"),
    *("root-ca-certificate-publisher-controller", "endpointslice-controller", "node-lifecycle-controller"),
    *("disruption-controller", "pod-garbage-collector-controller", "clusterrole-aggregation-controller"),
)
READY_SECONDS = 120
RUNNING_SECONDS = 120


class ClusterOfTwo:
    """Booted and ready when it is entered."""

    def __init__(self, parts: Parts, folder: Path, name: str, created: str = "") -> None:
        """`folder`: for files; `name`: what the nodes' control groups are called after, nobody else's here.

        `created`: when the cluster was made, as Kubernetes writes times; empty: now.
        """
        self._stack = ExitStack()
        try:
            for _ in NODES:
                self._stack.enter_context(slot(parts.slots))
            self.site = self._stack.enter_context(Site(parts, folder / "cloud", (SERVICES, NAME_SERVER)))
            self.api = self._control_plane(parts, folder, created)
            self.wires = [
                self._stack.enter_context(Wired(self.site, number, parts.root, parts.images)) for number in (1, 2)
            ]
            self.nodes = [self._node(parts, folder, name, number) for number in (1, 2)]
            for node in self.nodes:
                node.boot()
            self.wait_ready()
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> "ClusterOfTwo":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    # Objects

    def get(self, *what: str, namespace: str = "") -> Any:
        """An object, or a list of objects, as the API server has it."""
        place = (f"--namespace={namespace}",) if namespace else ()
        return json.loads(self.api.kubectl("get", *what, *place, "--output=json"))

    def configure(self, data: Mapping[str, str], name: str = CONFIG_MAP) -> None:
        """Write the ConfigMap acr-configuration."""
        metadata = {"namespace": SYSTEM_NAMESPACE, "name": name}
        self.api.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)})

    def pod(self, name: str, image: str, node: str, namespace: str = "default", account: str = "default") -> None:
        """Make a pod on a node; its image is pulled."""
        spec = {
            "nodeName": node,
            "serviceAccountName": account,
            "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "main", "image": image, "imagePullPolicy": "Always"}],
        }
        self.api.apply(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": namespace, "name": name}, "spec": spec}
        )

    def container_states(self, namespace: str = "default") -> dict[str, dict[str, Any]]:
        """`state` of the pods' first containers, by the names of the pods."""
        return {
            pod["metadata"]["name"]: pod["status"]["containerStatuses"][0]["state"]
            for pod in self.get("pods", namespace=namespace)["items"]
            if pod["status"].get("containerStatuses")
        }

    def wait_running(self, *names: str, namespace: str = "default", seconds: float = RUNNING_SECONDS) -> None:
        """Wait until these pods run."""

        def run() -> bool:
            states = self.container_states(namespace)
            return all("running" in states.get(name, {}) for name in names)

        self.wait(run, seconds, f"pods {', '.join(names)} to run")

    def wait_refused(self, name: str, namespace: str = "default") -> None:
        """Wait until a pod's image has been refused."""

        def refused() -> bool:
            waiting = self.container_states(namespace).get(name, {}).get("waiting", {})
            return waiting.get("reason") in REFUSED

        self.wait(refused, RUNNING_SECONDS, f"the image of pod {name} to be refused")

    def wait(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait, and tell how things stand when it was in vain."""
        try:
            wait_for(condition, seconds, what, 0.5)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.report()}") from None

    def wait_ready(self) -> None:
        def ready() -> bool:
            listed = self.api.attempt("get", "nodes", "--output=jsonpath={.items[*].status.conditions[-1].status}")
            return listed.stdout.split() == ["True"] * len(NODES)

        self.wait(ready, READY_SECONDS, "both nodes to be ready")

    def report(self) -> str:
        """What runs, what happened, what the nodes say."""
        told = [
            self.api.attempt("get", "pods,leases,daemonsets,deployments", "--all-namespaces", "--output=wide").stdout,
            self.api.attempt("get", "events", "--all-namespaces", "--sort-by=.lastTimestamp").stdout,
            *(node.report() for node in self.nodes if node.is_booted),
        ]
        return "\n".join(told)

    # Parts

    def _control_plane(self, parts: Parts, folder: Path, created: str) -> OwnApi:
        key = folder / "tokens.pem"
        issuer = self.site.ask("signing_key", file=str(key))["issuer"]
        place = Place(443, 2379, SERVICES, self.site.namespace, issuer, key.read_bytes(), created)
        memory = folder / "api"
        memory.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "api", memory], check=True)
        self._stack.callback(_unmount, memory)
        programs = Programs(parts.root / "usr/bin/etcd", parts.layer / PROGRAMS[1:])
        api = self._stack.enter_context(OwnApi(memory, programs, place))
        command = [
            "nsenter",
            f"--net={self.site.namespace}",
            sys.executable,
            "-m",
            "tests.e2e.name_server",
            NAME_SERVER,
        ]
        names = subprocess.Popen(command, cwd=ROOT)
        self._stack.callback(names.wait)
        self._stack.callback(names.kill)
        api.wait_ready()
        self._stack.enter_context(api.controllers(*CONTROLLERS))
        scheduler = (f"--kubeconfig={api.kubeconfig}", "--leader-elect=false", "--secure-port=0")
        self._stack.enter_context(api.running("kube-scheduler", *scheduler))
        return api

    def _node(self, parts: Parts, folder: Path, name: str, number: int) -> Node:
        network = self.wires[number - 1]
        called = NODES[number - 1]
        kubeconfig = self.api.user(f"system:node:{called}", "system:nodes").read_text()
        layout = member(called, network.address, network.pods, kubeconfig)
        return self._stack.enter_context(Node(parts, network, folder / f"{name}-{number}", layout, site=self.site))


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", folder], check=True)
