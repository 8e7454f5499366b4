"""The writer that leads is killed, cut off, drained: another one goes on, and never two at a time."""

from provider.kubernetes.names import NAMESPACE, SYSTEM_NAMESPACE
from provider.secrets.leader import DURATION_SECONDS, NAME
from tests.e2e.chart import Chart
from tests.e2e.cluster_of_two import NODES, ClusterOfTwo
from tests.e2e.parts import Parts
from tests.e2e.scenarios import CONFIGURATION, object_of, wait_served

TAKE_OVER_SECONDS = 3 * DURATION_SECONDS


def leader(cluster: ClusterOfTwo) -> str:
    """The name of the pod that leads; empty: none does."""
    holder = cluster.get("lease", NAME, namespace=NAMESPACE)["spec"].get("holderIdentity")
    return str(holder or "")


def node_of(cluster: ClusterOfTwo, pod: str) -> int:
    name = cluster.get("pod", pod, namespace=SYSTEM_NAMESPACE)["spec"]["nodeName"]
    return NODES.index(name)


def new_namespace_is_served(cluster: ClusterOfTwo, name: str, seconds: float = TAKE_OVER_SECONDS) -> None:
    cluster.api.apply(object_of("Namespace", "", name))
    wait_served(cluster, name, seconds=seconds)


def another_leads(cluster: ClusterOfTwo, before: str) -> str:
    cluster.wait(lambda: leader(cluster) not in ("", before), TAKE_OVER_SECONDS, "another one to lead")
    return leader(cluster)


def test_killed_cut_off_and_drained(old: ClusterOfTwo, parts: Parts) -> None:
    chart = Chart(parts, old)
    old.configure({**CONFIGURATION, "watch-namespace": "all"})
    chart.install()
    chart.wait_ready()
    chart.wait_rolled_out()
    new_namespace_is_served(old, "first")

    killed = leader(old)
    old.nodes[node_of(old, killed)].run(f"pkill --signal=KILL --full 'agent secrets .*--identity={killed}'")
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
