"""The writer that leads is killed, cut off, drained: another one begins, and not before the one before has ended."""

from datetime import timedelta

from provider.secrets.leader import DURATION_SECONDS
from tests.e2e.chart import Chart
from tests.e2e.cluster_of_two import NODES, ClusterOfTwo
from tests.e2e.leaders import (
    another_leads,
    began,
    drain,
    ended,
    kill,
    leader,
    log_of,
    new_namespace_is_served,
    node_of,
)
from tests.e2e.parts import Parts
from tests.e2e.scenarios import CONFIGURATION

AT_ONCE = timedelta(seconds=DURATION_SECONDS / 2)


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
    following = another_leads(old, cut_off)
    new_namespace_is_served(old, "third")
    wire.mend()
    old.wait_ready()
    chart.wait_rolled_out()
    assert ended(log_of(chart, cut_off)) < began(log_of(chart, following))

    drained = leader(old)
    node = NODES[node_of(old, drained)]
    last = ended(drain(old, chart, drained))
    following = another_leads(old, drained)
    # It gives the Lease up, so that nobody waits for its end.
    assert last < began(log_of(chart, following)) < last + AT_ONCE
    new_namespace_is_served(old, "fourth")
    old.api.kubectl("uncordon", node)
    chart.wait_rolled_out()
