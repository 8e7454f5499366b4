from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud import SimulatedCloud
from tests.integration.kubelet_node import KubeletNode
from tests.integration.node import Node


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[SimulatedCloud]:
    with SimulatedCloud(tmp_path / "cloud") as simulated:
        yield simulated


@pytest.fixture
def node(cloud: SimulatedCloud, tmp_path: Path) -> Node:
    (tmp_path / "node").mkdir()
    return Node(cloud, tmp_path / "node")


@pytest.fixture
def kubelet(tmp_path: Path) -> KubeletNode:
    (tmp_path / "node").mkdir()
    return KubeletNode(tmp_path / "node")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A KubeletNode runs this source tree, whatever PROGRAM names."""
    for item in items:
        if "kubelet" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.source)


@pytest.fixture(autouse=True)
def _source_alone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test of the source fail where it runs the program under test: test-frozen would have missed it."""
    if request.node.get_closest_marker("source"):
        monkeypatch.setenv("PROGRAM", "/nonexistent/since-this-test-is-of-the-source-alone")
