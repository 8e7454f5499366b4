"""The kubelet is replaced under an installed node, by a newer one and back: it starts, and asks us."""

from tests.e2e.conftest import NewNode
from tests.e2e.node import Node
from tests.e2e.parts import KUBELETS, KUBERNETES, OLDER
from tests.e2e.pods import PRIVATE


def replace(node: Node, version: str) -> None:
    """As a package manager does it."""
    node.run(f"cp {KUBELETS}/{version} /usr/bin/kubelet.new && mv /usr/bin/kubelet.new /usr/bin/kubelet")
    node.run("systemctl restart kubelet.service")
    node.wait_healthy()
    assert node.run("kubelet --version") == f"Kubernetes v{version}\n"


def test_up_and_down(new_node: NewNode) -> None:
    node = new_node()
    replace(node, OLDER)
    node.install()
    node.runs("first", PRIVATE["enterprise"])
    assert node.status()["kubelet"]["version"] == OLDER
    for name, version in (("second", KUBERNETES), ("third", OLDER)):
        replace(node, version)
        status = node.status()
        assert status["ok"], status
        assert status["kubelet"]["version"] == version
        node.runs(name, PRIVATE["enterprise"])
