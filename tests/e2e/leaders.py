"""The writer that leads: where it is, and what becomes of its work without it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from provider.kubernetes.names import NAMESPACE, SYSTEM_NAMESPACE
from provider.secrets.leader import DURATION_SECONDS, NAME
from tests.e2e.chart import Chart
from tests.e2e.cluster_of_two import NODES, ClusterOfTwo
from tests.e2e.scenarios import object_of, wait_served

TAKE_OVER_SECONDS = 3 * DURATION_SECONDS
DRAIN_SECONDS = 120


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


def log_of(chart: Chart, pod: str, *options: str) -> str:
    """What the writer in a pod says, with the time of each line."""
    return chart.log(pod, "secrets", "--timestamps", *options)


def drain(cluster: ClusterOfTwo, chart: Chart, pod: str) -> str:
    """Drain the node of a pod, as people do it; returns what the pod said until its end."""
    options = ("--ignore-daemonsets", "--delete-emptydir-data", f"--timeout={DRAIN_SECONDS}s")
    node = NODES[node_of(cluster, pod)]
    with ThreadPoolExecutor() as beside:
        said = beside.submit(log_of, chart, pod, "--follow")
        cluster.api.kubectl("drain", node, *options)
        return said.result()


def began(log: str) -> datetime:
    """When a writer began to lead the last time, by its log with timestamps."""
    return _said_at(log, "writes the Secrets now")


def ended(log: str) -> datetime:
    """When it last ended to."""
    return _said_at(log, "writes no Secrets any more")


def _said_at(log: str, words: str) -> datetime:
    lines = [line for line in log.splitlines() if words in line]
    assert lines, f"nobody said: {words}\n{log}"
    return datetime.fromisoformat(lines[-1].split()[0])
