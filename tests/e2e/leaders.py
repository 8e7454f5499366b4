"""The writer that leads: where it is, and what becomes of its work without it."""

from provider.kubernetes.names import NAMESPACE, SYSTEM_NAMESPACE
from provider.secrets.leader import DURATION_SECONDS, NAME
from tests.e2e.cluster_of_two import NODES, ClusterOfTwo
from tests.e2e.scenarios import object_of, wait_served

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


def kill(cluster: ClusterOfTwo, pod: str) -> None:
    """Kill the writer's process in a pod, without a word to it."""
    cluster.nodes[node_of(cluster, pod)].run(f"pkill --signal=KILL --full 'agent secrets .*--identity={pod}'")
