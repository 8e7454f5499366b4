"""The writer moves from a Deployment of its own into the DaemonSet's pods and back, and no Secret goes meanwhile."""

from provider.kubernetes.names import SECRET
from provider.version import VERSION
from tests.e2e.chart import AGENT, WRITERS, Chart
from tests.e2e.cluster_of_two import NODES, ClusterOfTwo
from tests.e2e.leaders import another_leads, kill, leader, new_namespace_is_served
from tests.e2e.parts import Parts
from tests.e2e.pods import PRIVATE
from tests.e2e.scenarios import CONFIGURATION, object_of, wait_served

IN_DAEMONSET = {"secrets": {"placement": "daemonset"}}


def test_in_the_daemonset_and_back(old: ClusterOfTwo, parts: Parts) -> None:
    chart = Chart(parts, old)
    old.configure({**CONFIGURATION, "watch-namespace": "all"})
    chart.install()
    chart.wait_ready()
    chart.wait_rolled_out()
    old.api.apply(object_of("Namespace", "", "team"))
    wait_served(old, "team")
    made = uid(old, "team")

    before = leader(old)
    chart.install(IN_DAEMONSET)
    chart.wait_rolled_out(AGENT)
    old.wait(lambda: leader(old) in chart.pods("node"), 120, "a pod of the DaemonSet to lead")
    assert leader(old) != before
    assert chart.pods("secrets") == []
    new_namespace_is_served(old, "in-daemonset")
    assert uid(old, "team") == made

    kill(old, leader(old))
    new_namespace_is_served(old, "after-kill")
    chart.wait_rolled_out(AGENT)
    # The agent beside it is not disturbed, and its node pulls.
    assert set(chart.states().values()) == {"ready"}
    old.pod("pulls", PRIVATE["personal"], NODES[0], "team")
    old.wait_running("pulls", namespace="team")

    there = leader(old)
    chart.install()
    chart.wait_rolled_out(AGENT, WRITERS)
    assert another_leads(old, there) in chart.pods("secrets")
    new_namespace_is_served(old, "back")
    assert uid(old, "team") == made
    assert all(VERSION in node.program("version").stdout for node in old.nodes)


def uid(cluster: ClusterOfTwo, namespace: str) -> str:
    """What a Secret that is taken away and made again has another of."""
    return str(cluster.get("secret", SECRET, namespace=namespace)["metadata"]["uid"])
