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
    assert_placed_without_warnings(chart)
    pull_on_each(old, "first")
    reboot(old, chart, "first")
    pull_on_each(old, "second")
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
    chart.wait_rolled_out()
    assert_placed_without_warnings(chart)
    pull_on_each(two, "first")
    # The session is in memory alone.
    reboot(two, chart, "first")
    pull_on_each(two, "second")


def assert_placed_without_warnings(chart: Chart) -> None:
    """Nothing that went well has the init container warn of anything."""
    pods = chart.pods("node")
    assert len(pods) == len(NODES)
    for pod in pods:
        said = chart.log(pod, "place")
        assert said
        assert "warning:" not in said, said


def reboot(cluster: ClusterOfTwo, chart: Chart, word: str) -> None:
    """Reboot a node, and wait until the pods of `word` that were there run again, their images pulled anew."""
    cluster.nodes[1].reboot()
    # Pods that start before the agent has put an identity there are pulled again by the kubelet a little later.
    pods = [f"{word}-{edition}-{NODES[1]}" for edition in EDITIONS]
    cluster.wait(lambda: all(is_back(cluster, pod) for pod in pods), 180, "the pods to run again")
    chart.wait_rolled_out()
    assert_placed_without_warnings(chart)


def is_back(cluster: ClusterOfTwo, pod: str) -> bool:
    """Whether a pod runs that was started again."""
    [status] = cluster.get("pod", pod, namespace="default")["status"]["containerStatuses"]
    return status["restartCount"] > 0 and "running" in status["state"]
