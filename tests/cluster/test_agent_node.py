"""`agent node` and a real API server: what the cluster is told of a node, with the rights that it has there."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from provider.agent.place_cluster import created
from provider.cluster import cluster_id, created_on
from provider.kubernetes.node_lease import NodeState, lease_of
from tests.cluster.api import Api, OwnApi
from tests.integration.agent_node import AgentNode
from tests.systems.system import wait_for

NAMESPACE = "ours"
PREFIX = "aliyun-acr-credential-provider/"
WRONG = {"expiring-threshold": "soon"}
SECONDS = 40.0
"""Nodes spread what all of them say over 20 s, and write their Lease once in ten."""


def rules(*verbs: str, group: str, resource: str) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}


def allow(api: Api, namespace: str, *granted: dict[str, Any]) -> None:
    metadata = {"name": "agent-node", "namespace": namespace}
    kind = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": metadata}
    api.apply(
        kind | {"kind": "Role", "rules": list(granted)},
        kind
        | {
            "kind": "RoleBinding",
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "agent-node"},
            "subjects": [{"kind": "ServiceAccount", "name": "agent-node", "namespace": NAMESPACE}],
        },
    )


class Site:
    """An API server, and agents that have the rights of the DaemonSet's ServiceAccount there."""

    def __init__(self, api: Api, folder: Path) -> None:
        self.api, self.folder = api, folder
        self.kubeconfig = api.service_account(NAMESPACE, "agent-node")
        allow(
            api,
            NAMESPACE,
            rules("get", "list", "create", "update", "patch", group="coordination.k8s.io", resource="leases"),
        )
        # A namespace is in itself.
        dated = rules("get", group="", resource="namespaces")
        allow(api, "kube-system", rules("create", group="", resource="events"), dated)

    @contextmanager
    def node(self, name: str) -> Iterator[AgentNode]:
        made = AgentNode(self.folder / name, name)
        made.kubeconfig = self.kubeconfig
        try:
            yield made
        finally:
            made.end()

    def lease(self, name: str) -> dict[str, Any]:
        done = self.api.attempt("get", "lease", name, f"--namespace={NAMESPACE}", "--output=json")
        found = json.loads(done.stdout) if done.returncode == 0 else {}
        assert isinstance(found, dict)
        return found

    def holder(self, name: str) -> str:
        return str(self.lease(name).get("spec", {}).get("holderIdentity", ""))

    def said(self, name: str, key: str) -> str:
        return str(self.lease(name).get("metadata", {}).get("annotations", {}).get(PREFIX + key, ""))

    def events(self, about: str, reason: str = "ConfigurationWrong") -> list[dict[str, Any]]:
        found = json.loads(self.api.kubectl("get", "events", "--namespace=kube-system", "--output=json"))["items"]
        return [event for event in found if event["reason"] == reason and about in event["message"]]

    def wait_for_holder(self, name: str, holder: str) -> None:
        wait_for(lambda: self.holder(name) == holder, SECONDS, f"{holder} in the Lease of {name}")


@pytest.fixture
def site(api: Api, tmp_path: Path) -> Site:
    return Site(api, tmp_path)


def test_the_nodes_lease_says_how_it_is_and_changes_with_it(site: Site) -> None:
    with site.node("node-a") as node:
        node.start()
        site.wait_for_holder("node-a", "pending")
        assert "nobody has reported yet" in site.said("node-a", "detail")
        node.report()
        site.wait_for_holder("node-a", "ready 9.8.7")
        lease = site.lease("node-a")
        assert lease["metadata"]["labels"][f"{PREFIX}state"] == "ready"
        assert lease["metadata"]["labels"][f"{PREFIX}gpu"] == "false"
        assert site.said("node-a", "detail") == ""
        # Not what the other test has: the Event is there once for all nodes.
        node.config_map.put({"log-level": "loud"})
        wait_for(lambda: "log-level" in site.said("node-a", "configuration"), SECONDS, "what is wrong")
        assert site.holder("node-a") == "ready 9.8.7"
        assert (node.metric('api_requests_total{method="PATCH",status="200"}') or 0) >= 3
        assert node.resident() < 45 * 1024


def test_what_the_node_is_and_has_stays_where_only_the_init_container_knows_it(site: Site) -> None:
    with site.api.client() as client:
        client.apply(lease_of(NodeState("node-b", "installing", "9.8.7", "at work", gpu=True, renewed=1.0), NAMESPACE))
    with site.node("node-b") as node:
        node.start()
        site.wait_for_holder("node-b", "pending 9.8.7")
        assert site.lease("node-b")["metadata"]["labels"][f"{PREFIX}gpu"] == "true"
        wait_for(node.cluster.exists, SECONDS, "the date")
        node.end()
        node.cluster.unlink()
        node.start("--removed")
        site.wait_for_holder("node-b", "removed")
        assert not node.cluster.exists()
        assert site.said("node-b", "detail") == ""


def test_a_node_that_can_never_have_the_program_stays_so_until_somebody_reports(site: Site) -> None:
    placed = NodeState("node-i", "unable", "9.8.7", "kubelet 1.22.3 is too old", gpu=True, renewed=1.0)
    with site.api.client() as client:
        client.apply(lease_of(placed, NAMESPACE))
    with site.node("node-i") as node:
        node.start()
        wait_for(lambda: site.lease("node-i")["metadata"]["labels"][f"{PREFIX}version"] == "none", SECONDS, "the Lease")
        assert site.holder("node-i") == "unable"
        assert site.said("node-i", "detail") == placed.detail
        assert site.lease("node-i")["metadata"]["labels"][f"{PREFIX}gpu"] == "true"
        node.report()
        site.wait_for_holder("node-i", "ready 9.8.7")


def test_a_wrong_configuration_is_one_event_though_two_nodes_find_it(site: Site) -> None:
    with site.node("node-c") as first, site.node("node-d") as second:
        for node in (first, second):
            node.config_map.put(WRONG)
            node.start()
        asked = 'api_requests_total{method="POST",status="%d"}'

        def told(node: AgentNode) -> bool:
            return bool(node.metric(asked % 201) or node.metric(asked % 409))

        wait_for(lambda: told(first) and told(second), SECONDS, "both nodes to say so")
        assert sorted((node.metric(asked % 201) or 0) for node in (first, second)) == [0, 1]
        [event] = site.events("expiring-threshold: is not a duration")
        assert event["type"] == "Warning"
        assert event["involvedObject"]["name"] == "acr-configuration"
        assert event["involvedObject"]["namespace"] == "kube-system"
        assert event["message"].endswith("(lines of config.yaml.refused on the node)")


def test_a_refusal_that_the_kubelet_shows_nobody_is_an_event(site: Site) -> None:
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    refusal = {
        "host": "a.io",
        "time": moment,
        "cause": "refused",
        "message": "lacks cr:PullRepository",
        "code": "NoRight",
    }
    with site.node("node-g") as node:
        node.report(refusals=[refusal])
        node.start()
        wait_for(lambda: bool(site.events("PullRepository", "CredentialsRefused")), SECONDS, "the Event")
        [event] = site.events("PullRepository", "CredentialsRefused")
        assert event["message"] == "a.io: lacks cr:PullRepository (Code NoRight)"
        assert site.said("node-g", "refusals") == "1"


def test_an_api_server_that_stands_still_holds_up_nothing(own_api: OwnApi, tmp_path: Path) -> None:
    site = Site(own_api, tmp_path)
    with site.node("node-e") as node:
        node.report()
        node.start()
        site.wait_for_holder("node-e", "ready 9.8.7")
        own_api.stop_answering()
        try:
            node.config_map.put({"watch-namespace": "team-a"})
            node.rrsa_token("a.b.c")
            node.report(restartPending=True, lines=[{"subject": "in effect", "state": "pending", "detail": "waits"}])
            wait_for((node.identities / "rrsa-token").exists, SECONDS, "the token")
            wait_for(lambda: node.config.exists() and "team-a" in node.config.read_text(), SECONDS, "the configuration")
            wait_for(lambda: "did not answer in time" in node.said(), SECONDS, "the agent to find out")
            assert node.get("/healthz")[0] == 200
            assert node.get("/readyz")[0] == 200
        finally:
            own_api.answer()
        site.wait_for_holder("node-e", "pending 9.8.7")
        assert "the API server takes what this node says again" in node.said()


def test_the_clusters_date_comes_as_soon_as_the_api_server_tells_it(own_api: OwnApi, tmp_path: Path) -> None:
    site = Site(own_api, tmp_path)
    with site.node("node-h") as node:
        own_api.stop_answering()
        try:
            node.start("--cluster-id=c0123456789abcdef")
            wait_for(lambda: "did not answer in time" in node.said(), SECONDS, "the agent to find out")
            assert not node.cluster.exists()
        finally:
            own_api.answer()
        wait_for(node.cluster.exists, SECONDS, "the date")
        with site.api.client() as client:
            made = created(client)
        assert created_on(str(node.cluster)) == made.astimezone(UTC).date()
        assert cluster_id(str(node.cluster)) == "c0123456789abcdef"
        assert node.cluster.stat().st_mode & 0o777 == 0o644
        site.wait_for_holder("node-h", "pending")


def test_without_the_right_the_way_out_is_in_the_log_and_the_node_goes_on(site: Site) -> None:
    with site.node("node-f") as node:
        node.kubeconfig = site.api.service_account("elsewhere", "nobody")
        node.config_map.put({"watch-namespace": "team-a"})
        node.start()
        node.wait_ready()
        wait_for(lambda: "cannot read the Lease of this node: the API server says 403" in node.said(), SECONDS, "why")
        wait_for(lambda: "cannot read namespace kube-system: the API server says 403" in node.said(), SECONDS, "why")
        assert os.path.exists(node.config)
