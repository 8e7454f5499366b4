"""acr-configuration changes while all is running: what is right comes to the nodes, and what is wrong does not."""

from provider.kubernetes.names import CONFIG_MAP, PREFIX, SYSTEM_NAMESPACE
from provider.places import PROGRAM
from tests.cloud.default_world import ALPHA
from tests.e2e.chart import Chart
from tests.e2e.cluster_of_two import NODES, ClusterOfTwo
from tests.e2e.parts import Parts
from tests.e2e.scenarios import CONFIGURATION, pull_on_each

FILE = f"/etc/{PROGRAM}/config.yaml"
GOOD = {**CONFIGURATION, "token-mode": "workerRole", "acr-registry-info": f"- instanceId: {ALPHA}\n"}
WRONG = {**GOOD, "expiring-threshold": "soon"}
SECONDS = 240
"""A kubelet takes a minute and more until a ConfigMap that has changed is in its pods."""


def test_the_last_good_one_stays(two: ClusterOfTwo, parts: Parts) -> None:
    chart = Chart(parts, two)
    two.configure({**CONFIGURATION, "token-mode": "workerRole"})
    chart.install()
    chart.wait_ready()
    two.configure(GOOD)
    two.wait(lambda: all(ALPHA in node.run(f"cat {FILE}") for node in two.nodes), SECONDS, "the nodes to have it")
    two.configure(WRONG)

    def complained() -> bool:
        said = (lease["metadata"].get("annotations", {}) for name, lease in chart.leases().items() if name in NODES)
        return all("expiring-threshold" in one.get(f"{PREFIX}configuration", "") for one in said)

    two.wait(complained, SECONDS, "both nodes to say what is wrong")
    for node in two.nodes:
        kept = node.run(f"cat {FILE}")
        assert ALPHA in kept and "soon" not in kept
    told = chart.events(SYSTEM_NAMESPACE, type="Warning")
    assert CONFIG_MAP in {event["involvedObject"]["name"] for event in told}
    assert not any("soon" in event["message"] for event in told)
    pull_on_each(two, "still")
    two.configure(GOOD)
    chart.wait_ready()
