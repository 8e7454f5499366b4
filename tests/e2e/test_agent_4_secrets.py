"""Compatibility Secrets: pods pull through them where no node has the plugin, and another writer is not disturbed."""

from provider.kubernetes.names import CONFIG_MAP, SECRET, SYSTEM_NAMESPACE
from tests.e2e.chart import Chart
from tests.e2e.cluster_of_two import NODES, ClusterOfTwo
from tests.e2e.incumbent import Incumbent, is_theirs
from tests.e2e.leaders import kill, leader
from tests.e2e.parts import Parts
from tests.e2e.pods import PRIVATE
from tests.e2e.scenarios import BOTH_EDITIONS, EDITIONS, entries, object_of, take_plugin_away, wait_served

WATCHED = {**BOTH_EDITIONS, "watch-namespace": "team,taken,left"}
EVENT_SECONDS = 60
TAKEOVER_SECONDS = 120
GONE_SECONDS = 60


def test_without_the_plugin_and_beside_another_writer(old: ClusterOfTwo, parts: Parts) -> None:
    chart = Chart(parts, old)
    for namespace in ("team", "taken", "left", "other"):
        old.api.apply(object_of("Namespace", "", namespace))
    old.configure(WATCHED)
    with Incumbent(old, "left"):
        # It writes once, and has gone.
        pass
    with Incumbent(old, "taken") as incumbent:
        chart.install()
        wait_served(old, "team")
        chart.wait_ready()
        chart.wait_rolled_out()
        pull_by_secrets_alone(old)
        wait_told(chart, "taken", "leaves it alone")
        incumbent.goes_on()
        assert incumbent.undone == 0
        assert is_theirs(old, "left")
        assert entries(old, "taken") == entries(old, "left") == []

        chart.install({"secrets": {"takeover": True}})
        for namespace in ("taken", "left"):
            wait_served(old, namespace, seconds=TAKEOVER_SECONDS)
        incumbent.goes_on()
        # Written over once, and then it was the other one's again.
        assert incumbent.undone == 1
        assert is_theirs(old, "taken")
        wait_told(chart, "taken", "was taken over")
    assert not is_theirs(old, "left")
    # Who leads next knows nothing of that, and does not wait until it is tried again.
    kill(old, leader(old))
    old.wait(lambda: not is_theirs(old, "taken"), TAKEOVER_SECONDS, "the Secret to be ours")
    old.pod("taken-over", PRIVATE["personal"], NODES[0], "taken")
    old.wait_running("taken-over", namespace="taken")

    # No longer selected, and so no longer served.
    old.configure({**WATCHED, "watch-namespace": "taken,left"})
    wait_gone(old, "team")
    old.configure({**WATCHED, "compat-secrets": "off"})
    wait_gone(old, "taken")
    wait_gone(old, "left")
    assert not any(event["involvedObject"]["name"] == CONFIG_MAP for event in chart.events(SYSTEM_NAMESPACE))


def pull_by_secrets_alone(cluster: ClusterOfTwo) -> None:
    """Take the plugin away from both nodes: pods of both editions run where there is a Secret, and nowhere else."""
    for node in cluster.nodes:
        take_plugin_away(node)
    selected = {f"selected-{edition}-{name}": (edition, name) for edition in EDITIONS for name in NODES}
    for pod, (edition, name) in selected.items():
        cluster.pod(pod, PRIVATE[edition], name, "team")
    for edition in EDITIONS:
        cluster.pod(f"not-selected-{edition}", PRIVATE[edition], NODES[0], "other")
    cluster.wait_running(*selected, namespace="team")
    for edition in EDITIONS:
        cluster.wait_refused(f"not-selected-{edition}", "other")


def wait_told(chart: Chart, namespace: str, words: str) -> None:
    """Wait until an Event about the other writer has these words."""

    def is_told() -> bool:
        return any(words in event["message"] for event in chart.events(namespace, reason="AnotherWriter"))

    chart.cluster.wait(is_told, EVENT_SECONDS, f"an Event about the other writer: {words}")


def wait_gone(cluster: ClusterOfTwo, namespace: str) -> None:
    """Wait until neither entry nor Secret is left in a namespace."""
    cluster.wait(lambda: entries(cluster, namespace) == [], GONE_SECONDS, f"the entry to go from {namespace}")
    asked = ("get", "secret", SECRET, f"--namespace={namespace}")
    cluster.wait(
        lambda: "NotFound" in cluster.api.attempt(*asked).stderr, GONE_SECONDS, f"the Secret to go from {namespace}"
    )
