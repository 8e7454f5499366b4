"""A new image of the agent while pulls run: each is answered, and the kubelets are not restarted."""

from tests.e2e.chart import Chart
from tests.e2e.cluster_of_two import ClusterOfTwo
from tests.e2e.parts import NEXT, Parts
from tests.e2e.scenarios import CONFIGURATION, pull_on_each
from tests.e2e.test_5_versions import PULLS


def test_upgrade_while_pulls_run(old: ClusterOfTwo, parts: Parts) -> None:
    chart = Chart(parts, old)
    old.configure(CONFIGURATION)
    chart.install()
    chart.wait_ready()
    chart.wait_rolled_out()
    started = [node.kubelet_started() for node in old.nodes]
    for node in old.nodes:
        node.put("/run/pulls.sh", PULLS)
        node.run("nohup sh /run/pulls.sh >/run/pulls.log 2>&1 &")
    chart.install(version=NEXT)
    old.wait(lambda: all(NEXT in node.program("version").stdout for node in old.nodes), 300, "the new version")
    chart.wait_ready()
    chart.wait_rolled_out()
    for node in old.nodes:
        node.run("touch /run/enough")
        results = node.run("cat /run/pulls.log").split("\n")[:-1]
        assert len(results) > 10
        assert set(results) == {"good"}
    assert [node.kubelet_started() for node in old.nodes] == started
    pull_on_each(old, "after")
