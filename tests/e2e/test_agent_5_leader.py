"""The writer that leads is killed, cut off, drained: another one goes on, and never two at a time."""

from provider.kubernetes.names import SYSTEM_NAMESPACE
from provider.secrets.leader import DURATION_SECONDS
from tests.e2e.chart import Chart
from tests.e2e.cluster_of_two import ClusterOfTwo
from tests.e2e.leaders import another_leads, kill, leader, new_namespace_is_served, node_of
from tests.e2e.parts import Parts
from tests.e2e.scenarios import CONFIGURATION


def test_killed_cut_off_and_drained(old: ClusterOfTwo, parts: Parts) -> None:
    chart = Chart(parts, old)
    old.configure({**CONFIGURATION, "watch-namespace": "all"})
    chart.install()
    chart.wait_ready()
    chart.wait_rolled_out()
    new_namespace_is_served(old, "first")

    kill(old, leader(old))
    # The container is started again, and its pod may lead again, under the same name.
    new_namespace_is_served(old, "second")

    chart.wait_rolled_out()
    cut_off = leader(old)
    wire = old.wires[node_of(old, cut_off)]
    wire.cut()
    another_leads(old, cut_off)
    new_namespace_is_served(old, "third")
    wire.mend()
    old.wait_ready()
    chart.wait_rolled_out()

    drained = leader(old)
    # It gives the Lease up, so that nobody waits for its end.
    old.api.kubectl("delete", "pod", drained, f"--namespace={SYSTEM_NAMESPACE}", "--wait=false")
    old.wait(lambda: leader(old) not in ("", drained), DURATION_SECONDS, "another one to lead at once")
    new_namespace_is_served(old, "fourth")
