"""Who writes the Secrets, with real processes and a real API server: killed, cut off, stopped, released."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lightkube import Client
from lightkube.resources.core_v1 import Secret

from provider.kubernetes.names import SECRET
from provider.secrets.leader import DURATION_SECONDS, GIVE_UP_SECONDS, STAND_SECONDS
from tests.cluster.api import OwnApi
from tests.cluster.secrets_process import Process, holder, make_namespace, remove_lease, running, seconds_until
from tests.cluster.secrets_writer import SECONDS, Cluster, Writer, desired
from tests.integration.node import Node
from tests.systems.system import wait_for

TAKEN_SECONDS = DURATION_SECONDS + 2 * STAND_SECONDS
"""In which somebody else leads when the leader has gone without a word."""
LEEWAY_SECONDS = 5.0


WRITE_SECONDS = 3.0
"""In which one who may write would have written long ago."""
ALL = {"apiGroups": [""], "resources": ["*"], "verbs": ["*"]}
LEASES = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["*"]}


def due(client: Client, kubeconfig: Path, name: str) -> str:
    """Make a Secret of ours, which whoever takes Secrets away has to take away; returns its version."""
    make_namespace(client, name)
    with Writer(kubeconfig, desired(name, accounts=())) as writer:
        wait_for(lambda: bool(version(client, name)), SECONDS, f"the Secret: {writer.lines}")
    return version(client, name)


def version(client: Client, namespace: str) -> str:
    """The Secret's; empty where there is none."""
    found = list(client.list(Secret, namespace=namespace, fields={"metadata.name": SECRET}))
    return str(found[0].metadata.resourceVersion) if found and found[0].metadata else ""


def stays(client: Client, namespace: str, made: str) -> bool:
    """Whether nobody writes the Secret for as long as it would take."""
    end = time.monotonic() + WRITE_SECONDS
    while time.monotonic() < end:
        if version(client, namespace) != made:
            return False
        time.sleep(0.1)
    return bool(made)


def may(api: OwnApi, name: str, rule: dict[str, list[str]]) -> None:
    """Let the ServiceAccount writer do what a rule says."""
    group = "rbac.authorization.k8s.io"
    role = {"kind": "ClusterRole", "metadata": {"name": name}, "rules": [rule]}
    subject = {"kind": "ServiceAccount", "name": "writer", "namespace": "default"}
    reference = {"apiGroup": group, "kind": "ClusterRole", "name": name}
    binding = {"kind": "ClusterRoleBinding", "metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}
    api.apply(*({"apiVersion": f"{group}/v1", **each} for each in (role, binding)))


def test_a_leader_that_cannot_renew_its_lease_does_not_write_though_it_could(own_api: OwnApi, node: Node) -> None:
    with own_api.client() as client:
        make_namespace(client, "default")
        kubeconfig = own_api.service_account("default", "writer")
        may(own_api, "all", ALL)
        may(own_api, "leases", LEASES)
        with running(client, kubeconfig, node, "one", "--remove") as writer:
            seconds_until(writer.leads, "it to lead")
            own_api.kubectl("delete", "clusterrolebinding", "leases")
            seconds_until(lambda: writer.metric("leader") == 0, "it to stop", DURATION_SECONDS)
            made = due(client, own_api.kubeconfig, "cut-off")
            assert stays(client, "cut-off", made)
            assert writer.metric("leader") == 0
            may(own_api, "leases", LEASES)
            seconds_until(lambda: not version(client, "cut-off"), "it to write again", TAKEN_SECONDS)


@pytest.fixture
def pair(secrets_cluster: Cluster, node: Node) -> Iterator[tuple[Process, Process]]:
    """Two writers that take Secrets away: they need no tokens. The first one leads."""
    remove_lease(secrets_cluster.client)
    one = running(secrets_cluster.client, secrets_cluster.kubeconfig, node, "one", "--remove")
    two = running(secrets_cluster.client, secrets_cluster.kubeconfig, node, "two", "--remove")
    with one as first:
        seconds_until(first.leads, "the first to lead", TAKEN_SECONDS + 20)
        with two as second:
            second.until_ready()
            yield first, second


def test_one_leads_and_the_lease_says_which(secrets_cluster: Cluster, pair: tuple[Process, Process]) -> None:
    first, second = pair
    assert holder(secrets_cluster.client) == "one"
    assert (first.leads(), second.leads()) == (True, False)
    wait_for(lambda: first.metric('nodes{state="ready"}') == 0, LEEWAY_SECONDS, "the leader to count the nodes")
    assert second.metric('nodes{state="ready"}') is None


def test_the_other_one_leads_when_the_leader_is_killed(secrets_cluster: Cluster, pair: tuple[Process, Process]) -> None:
    first, second = pair
    first.process.kill()
    waited = seconds_until(second.leads, "the second to lead", TAKEN_SECONDS + LEEWAY_SECONDS)
    assert waited >= DURATION_SECONDS - 2 * STAND_SECONDS
    assert holder(secrets_cluster.client) == "two"


def test_leadership_is_given_up_at_once_on_sigterm(secrets_cluster: Cluster, pair: tuple[Process, Process]) -> None:
    first, second = pair
    assert first.end() == 0
    assert holder(secrets_cluster.client) in ("", "two")
    waited = seconds_until(second.leads, "the second to lead", 2 * STAND_SECONDS + LEEWAY_SECONDS)
    assert waited < DURATION_SECONDS


def test_a_leader_that_stood_still_does_not_write_when_it_goes_on(
    secrets_cluster: Cluster, pair: tuple[Process, Process]
) -> None:
    first, second = pair
    client = secrets_cluster.client
    first.stop()
    seconds_until(second.leads, "the second to lead", TAKEN_SECONDS + LEEWAY_SECONDS)
    # Nobody but the first could do what is to be done here.
    second.stop()
    made = due(client, secrets_cluster.kubeconfig, "stood-still")
    first.go_on()
    seconds_until(lambda: first.metric("leader") == 0, "the first to see it", LEEWAY_SECONDS)
    assert stays(client, "stood-still", made)
    second.go_on()
    seconds_until(lambda: not version(client, "stood-still"), "whoever leads to do it", TAKEN_SECONDS + LEEWAY_SECONDS)
    assert "writes no Secrets any more" in first.log


def test_a_leader_that_is_cut_off_stops_before_its_lease_ends(own_api: OwnApi, node: Node) -> None:
    with (
        own_api.client() as client,
        running(client, own_api.kubeconfig, node, "one", "--remove") as first,
    ):
        seconds_until(first.leads, "it to lead")
        own_api.stop_answering()
        try:
            waited = seconds_until(lambda: first.metric("leader") == 0, "it to stop", DURATION_SECONDS)
        finally:
            own_api.answer()
        assert GIVE_UP_SECONDS - LEEWAY_SECONDS <= waited < DURATION_SECONDS
        seconds_until(first.leads, "it to lead again")
        first.process.send_signal(signal.SIGINT)
        assert first.process.wait(20) == 0
        assert holder(client) == ""
