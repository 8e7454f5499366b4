"""The chart with no values but the image's name, beside a default acr-configuration: images of both editions run."""

from tests.e2e.chart import Chart
from tests.e2e.cluster_of_two import NODES, ClusterOfTwo
from tests.e2e.parts import Parts
from tests.e2e.scenarios import CONFIGURATION, EDITIONS, give_managed_role, objects, pull_on_each
from tests.e2e.tree import differences


def test_worker_role_there_and_away(old: ClusterOfTwo, parts: Parts) -> None:
    """In a cluster from before the managed role, an uninstall included."""
    chart = Chart(parts, old)
    old.configure(CONFIGURATION)
    files, made = [node.tree() for node in old.nodes], objects(old)
    chart.install()
    chart.wait_ready()
    chart.wait_rolled_out()
    pull_on_each(old, "first")
    assert old.site.ask("trapped")["trapped"] == []
    chart.install({"uninstall": True})
    chart.wait_states(dict.fromkeys(NODES, "removed"))
    chart.wait_rolled_out()
    chart.uninstall()
    old.wait(lambda: objects(old) == made, 60, "everything of ours to go")
    for node, before in zip(old.nodes, files, strict=True):
        node.wait_healthy()
        left = differences(before, node.tree())
        assert not left, "\n".join(left)


def test_managed_role_and_a_reboot(two: ClusterOfTwo, parts: Parts) -> None:
    chart = Chart(parts, two)
    two.configure(CONFIGURATION)
    give_managed_role(two)
    chart.install()
    chart.wait_ready()
    pull_on_each(two, "first")
    # The session is in memory alone, and images are pulled anew.
    two.nodes[1].reboot()
    # Pods that start before the agent has put its session there are pulled again by the kubelet a little later.
    two.wait(lambda: all(is_back(two, f"first-{one}-{NODES[1]}") for one in EDITIONS), 180, "the pods to run again")
    chart.wait_rolled_out()
    pull_on_each(two, "second")


def is_back(cluster: ClusterOfTwo, pod: str) -> bool:
    """Whether a pod runs that was started again."""
    [status] = cluster.get("pod", pod, namespace="default")["status"]["containerStatuses"]
    return status["restartCount"] > 0 and "running" in status["state"]
