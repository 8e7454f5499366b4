"""Kubelets that refuse what they are given: one node tries and stays well, the other is untouched; then it goes on."""

from provider.kubernetes.names import DAEMON_SET, SYSTEM_NAMESPACE
from provider.places import PROGRAM
from tests.e2e.chart import Chart
from tests.e2e.cluster_of_two import NODES, ClusterOfTwo
from tests.e2e.parts import Parts
from tests.e2e.scenarios import CONFIGURATION, pull_on_each

PROVIDER_FILE = f"/etc/{PROGRAM}/CredentialProviderConfig.yaml"
ACCEPTS = "/run/accepts"
# Whoever it is that does this: as soon as the file is there, no kubelet can read it.
SPOILER = f"""
nohup sh -c 'until [ -e {ACCEPTS} ]; do
    ! grep -qs {PROGRAM} {PROVIDER_FILE} || echo "kind: Nonsense" >{PROVIDER_FILE}
    sleep 0.05
done' >/dev/null 2>&1 &
"""
RESUME_SECONDS = 600
STARTS = 8
"""Of the kubelet, at most, until the cause has gone: two a try, and pauses between the tries."""


def test_a_canary_that_fails(two: ClusterOfTwo, parts: Parts) -> None:
    chart = Chart(parts, two)
    two.configure(CONFIGURATION)
    for node in two.nodes:
        node.run(SPOILER)
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
    assert int(tried.run("journalctl --unit=kubelet.service --output=cat | grep -c Started")) <= STARTS
    for node in two.nodes:
        node.run(f"touch {ACCEPTS}")
    chart.wait_states(dict.fromkeys(NODES, "ready"), RESUME_SECONDS)
    pull_on_each(two, "after")
