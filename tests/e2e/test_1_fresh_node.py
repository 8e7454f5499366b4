"""A fresh node: one command, and private images of each kind run."""

import pytest

from provider.places import PROGRAM
from provider.version import VERSION
from tests.cloud.default_world import ALPHA
from tests.e2e.conftest import NewNode
from tests.e2e.layouts import ACK, KUBEADM, PLAIN, Layout
from tests.e2e.pods import ENTERPRISE, PRIVATE, PUBLIC_IMAGES
from tests.e2e.tree import differences

CONFIGURATION = f"""\
token-mode: workerRole
acr-registry-info:
  - instanceId: {ALPHA}
    regionId: cn-hangzhou
"""


def test_every_kind_of_image(new_node: NewNode) -> None:
    node = new_node()
    # The instance's own domain stands nowhere: the cloud tells it.
    node.configure(CONFIGURATION)
    node.pod("too-early", PRIVATE["enterprise"])
    node.wait(lambda: "waiting" in (node.pod_state("too-early") or {}), 60, "the image to be refused")
    said = node.install()
    assert "the kubelet is well" in said
    for name, image in (PRIVATE | PUBLIC_IMAGES).items():
        node.pod(name, image)
    for name in PRIVATE | PUBLIC_IMAGES:
        node.wait_running(name)
    assert node.site.ask("trapped")["trapped"] == []
    # A second pod of a registry, and a second image.
    node.site.ask("clear_calls")
    node.runs("again", PRIVATE["enterprise"])
    node.runs("another", f"{ENTERPRISE}/team-b/app:v1")
    assert node.site.calls("acr") == []
    assert node.site.calls("registry") != []
    status = node.status()
    assert status["ok"], status
    assert not status["restartPending"]


@pytest.mark.parametrize("layout", [ACK, KUBEADM, PLAIN], ids=lambda layout: layout.name)
def test_no_configuration(new_node: NewNode, layout: Layout) -> None:
    node = new_node(layout)
    before = node.tree()
    assert f"is installed in /opt/{PROGRAM}" in node.install()
    node.runs("enterprise", PRIVATE["enterprise"])
    once = node.tree()
    started = node.kubelet_started()
    assert "was installed already" in node.install()
    assert differences(once, node.tree()) == []
    assert node.kubelet_started() == started
    said = node.run(f"/opt/{PROGRAM}/bin/{PROGRAM} uninstall 2>&1")
    assert "uninstalled" in said
    node.wait_healthy()
    assert differences(before, node.tree()) == []
    assert "nothing was installed" in node.run(f"/srv/{VERSION}/uninstall.sh 2>&1")
    assert differences(before, node.tree()) == []
