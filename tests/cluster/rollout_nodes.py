"""Nodes of a roll-out, each in a thread: `agent place` as it is, but for the host, whose install is a stand-in."""

import argparse
import json
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lightkube.resources.coordination_v1 import Lease

from provider.agent.place import add_options, job_for
from provider.agent.place_furnish import Site
from provider.agent.place_job import do
from provider.agent.place_telling import Attempts, Cluster
from provider.agent.rollout import Record, read_record
from provider.agent.slots import Clocks
from provider.kubernetes.client import open_client
from provider.kubernetes.node_lease import NodeState, state_of
from provider.node.files import Tree
from tests.cluster.api import Api
from tests.cluster.rollout_host import Killed, StandIn, Work
from tests.systems.system import wait_for

FASTER = 50.0
"""How much faster these nodes' clocks go."""
END_SECONDS = 60.0


class Node:
    """One node, whose init container is started with `start`."""

    def __init__(self, group: "Nodes", name: str, *options: str, gpu: bool = False) -> None:
        self._group = group
        self.name = name
        self._options = options
        self._gpu = gpu
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self.status: int | None = None
        self.lines: list[str] = []
        self.host: StandIn | None = None

    def start(
        self,
        *,
        restarts: bool = True,
        fails: str = "",
        killed: bool = False,
        holds: threading.Event | None = None,
        version: str = "1.0",
        change: str = "a",
        refuses: str = "",
        program: bool = False,
    ) -> "Node":
        """Start it, once more where it has ended."""
        self.status = None
        self._ended.clear()
        self.host = StandIn(self.name, self._group.work, restarts, fails, refuses, killed, holds, change, program)
        self._thread = threading.Thread(target=self._run, args=(self.host, version), daemon=True)
        self._thread.start()
        return self

    def end(self) -> int:
        """Send it SIGTERM, and wait for its exit status."""
        self._ended.set()
        return self.wait()

    def wait(self, seconds: float = END_SECONDS) -> int:
        """Wait for the exit status."""
        assert self._thread is not None
        self._thread.join(seconds)
        assert self.status is not None, f"{self.name} goes on:\n" + "\n".join(self.lines)
        return self.status

    @property
    def state(self) -> NodeState | None:
        """What its Lease says."""
        return self._group.states().get(self.name)

    def waits_for(self, words: str) -> None:
        """Wait until its Lease says that it waits, and for what."""

        def does() -> bool:
            state = self.state
            return state is not None and state.state == "waiting" and words in state.detail

        wait_for(does, END_SECONDS, f"{self.name} to say that it waits: {words}")

    def _run(self, host: StandIn, version: str) -> None:
        with open_client(str(self._group.kubeconfig), seconds=self._group.seconds) as client, suppress(Killed):
            clocks = Clocks(
                lambda: self._group.began + time.monotonic() * self._group.faster,
                lambda: time.monotonic() * self._group.faster,
                lambda seconds: self._ended.wait(seconds / self._group.faster),
            )
            attempt = Attempts(clocks.monotonic, self.lines.append)
            cluster = Cluster(client, self._group.namespace, clocks, attempt)
            place = self._group.folder / self.name
            (place / "var/lib").mkdir(parents=True, exist_ok=True)
            site = Site(host, Tree(str(place)), str(place / "mnt"), gpu=self._gpu, version=version)
            self.status = do(job_for(self._group.parse(self.name, self._options), cluster, site, self.lines.append))


class Nodes:
    """The nodes of one test, in a namespace of its own, with the rights that the DaemonSet has."""

    def __init__(self, api: Api, folder: Path, namespace: str, *, kubeconfig: Path | None = None) -> None:
        self.api = api
        self.folder = folder
        self.namespace = namespace
        self.kubeconfig = kubeconfig or rights(api, namespace)
        self.work = Work()
        self.faster = FASTER
        self.began = time.time() - time.monotonic() * FASTER
        self.seconds = 10.0
        self._made: list[Node] = []

    def go(self, faster: float) -> None:
        """Let the nodes' clocks go so much faster."""
        self.faster, self.began = faster, time.time() - time.monotonic() * faster

    def node(self, name: str, *options: str, gpu: bool = False) -> Node:
        """A node; it is started by its own `start`."""
        node = Node(self, name, *options, gpu=gpu)
        self._made.append(node)
        return node

    def parse(self, node: str, options: Sequence[str]) -> argparse.Namespace:
        parser = argparse.ArgumentParser()
        add_options(parser)
        return parser.parse_args([f"--node={node}", *options])

    def states(self) -> dict[str, NodeState]:
        """What the nodes' Leases say."""
        found = (state_of(lease) for lease in self._leases())
        return {state.node: state for state in found if state is not None}

    def record(self) -> Record:
        """What the record says."""
        leases = {lease.metadata.name: lease for lease in self._leases() if lease.metadata is not None}
        return read_record(leases["rollout"]) if "rollout" in leases else Record()

    def holders(self) -> dict[str, str]:
        """Who holds which slot."""
        return {
            lease.metadata.name: lease.spec.holderIdentity
            for lease in self._leases()
            if lease.metadata and lease.metadata.name and lease.spec and lease.spec.holderIdentity
            if lease.metadata.name.startswith("rollout.slot-")
        }

    def events(self) -> list[tuple[str, str, str]]:
        """Type, reason and message of the Events that name a node of this test."""
        names = [node.name for node in self._made]
        return [
            (event["type"], event["reason"], event["message"])
            for event in self.all_events()
            if any(f"node {name} " in event["message"] for name in names)
        ]

    def all_events(self) -> list[dict[str, Any]]:
        """The Events of the cluster's own namespace."""
        found = self.api.kubectl("get", "events", "--namespace=kube-system", "--output=json")
        return [*json.loads(found)["items"]]

    def end(self) -> None:
        """Let none go on."""
        for node in self._made:
            if node.host is not None and node.status is None:
                node._ended.set()

    def _leases(self) -> list[Lease]:
        with self.api.client() as client:
            return list(client.list(Lease, namespace=self.namespace))


def rights(api: Api, namespace: str) -> Path:
    """A kubeconfig with the rights of the DaemonSet's ServiceAccount, and no more."""
    kubeconfig = api.service_account(namespace, "agent")
    verbs = ["get", "list", "create", "update", "patch"]
    api.apply(
        *_role(namespace, namespace, {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": verbs}),
        *_role(namespace, "kube-system", {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]}),
        *_role(
            namespace,
            "",
            {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"], "verbs": ["get"]},
        ),
    )
    return kubeconfig


def _role(agent: str, namespace: str, rule: dict[str, object]) -> list[dict[str, object]]:
    group = "rbac.authorization.k8s.io"
    metadata = {"name": f"agent-of-{agent}", **({"namespace": namespace} if namespace else {})}
    kind = "Role" if namespace else "ClusterRole"
    head = {"apiVersion": f"{group}/v1", "metadata": metadata}
    subject = {"kind": "ServiceAccount", "name": "agent", "namespace": agent}
    reference = {"apiGroup": group, "kind": kind, "name": metadata["name"]}
    return [
        {**head, "kind": kind, "rules": [rule]},
        {**head, "kind": f"{kind}Binding", "roleRef": reference, "subjects": [subject]},
    ]
