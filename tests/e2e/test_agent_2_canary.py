"""Kubelets that refuse what they are given: one node tries and stays well, the other is untouched; then it goes on."""

from provider.kubernetes.names import DAEMON_SET, SYSTEM_NAMESPACE
from tests.e2e.chart import Chart
from tests.e2e.cluster_of_two import NODES, ClusterOfTwo
from tests.e2e.node import Node
from tests.e2e.parts import KUBELETS, KUBERNETES, Parts
from tests.e2e.scenarios import CONFIGURATION, pull_on_each

ACCEPTS = "/run/accepts"
REFUSING = f"""\
#!/bin/sh
case "$*" in
    *--image-credential-provider-config*) [ -e {ACCEPTS} ] || {{ echo "failed to register the plugin" >&2; exit 1; }};;
esac
exec /srv/real/kubelet "$@"
"""
RESUME_SECONDS = 600


def make_picky(node: Node) -> None:
    """Let the node's kubelet end at once where it is to use a credential provider."""
    node.run(f"mkdir -p /srv/real && cp {KUBELETS}/{KUBERNETES} /srv/real/kubelet")
    node.put("/usr/bin/kubelet.new", REFUSING, 0o755)
    node.run("mv /usr/bin/kubelet.new /usr/bin/kubelet && systemctl restart kubelet.service")
    node.wait_healthy()


def test_a_canary_that_fails(two: ClusterOfTwo, parts: Parts) -> None:
    chart = Chart(parts, two)
    two.configure(CONFIGURATION)
    for node in two.nodes:
        make_picky(node)
    started = [node.kubelet_started() for node in two.nodes]
    chart.install({"tokenMode": "workerRole"})
    two.wait(lambda: sorted(chart.states().values()) == ["failed", "waiting"], 300, "one to fail and one to wait")
    states = chart.states()
    failed = next(index for index, name in enumerate(NODES) if states.get(name) == "failed")
    tried, other = two.nodes[failed], two.nodes[1 - failed]
    tried.wait_healthy()
    assert "--image-credential-provider" not in tried.run("ps -o args= -C kubelet")
    assert other.kubelet_started() == started[1 - failed]
    assert other.attempt("ls -d /opt/aliyun-acr-credential-provider").stdout == ""
    stopped = chart.events(SYSTEM_NAMESPACE, reason="RolloutStopped")
    assert [event["involvedObject"]["name"] for event in stopped] == [DAEMON_SET]
    assert f"node {NODES[failed]} failed" in stopped[0]["message"]
    for node in two.nodes:
        node.run(f"touch {ACCEPTS}")
    chart.wait_states(dict.fromkeys(NODES, "ready"), RESUME_SECONDS)
    pull_on_each(two, "after")
