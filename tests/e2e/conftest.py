from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.cluster_of_two import ClusterOfTwo
from tests.e2e.control_plane import ControlPlane
from tests.e2e.layouts import ACK, IN_A_CLUSTER, Layout
from tests.e2e.node import Node
from tests.e2e.parts import Parts
from tests.e2e.site import Site
from tests.e2e.slots import slot
from tests.e2e.teams import move_in

NewNode = Callable[..., Node]
NewCluster = Callable[[], tuple[Node, ControlPlane]]
LONG_AGO = "2022-06-01T00:00:00Z"
LONGEST = ("test_6_cut_short.py", "test_9_docker_config.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest, so that nobody waits for one alone at the end."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def parts() -> Parts:
    prepared = Parts.of_this_run()
    if prepared is None:
        pytest.skip("needs root and what make e2e prepares")
    return prepared


@pytest.fixture
def site(parts: Parts, tmp_path: Path) -> Iterator[Site]:
    with Site(parts, tmp_path / "cloud") as site:
        yield site


@pytest.fixture
def new_node(parts: Parts, site: Site, tmp_path: Path, worker_id: str) -> Iterator[NewNode]:
    """Makes nodes at the site: `new_node(layout)`, booted and healthy."""
    with ExitStack() as stack:

        def make(layout: Layout = ACK) -> Node:
            node = _node(stack, parts, site, tmp_path / f"{worker_id}-{tmp_path.name}", layout)
            node.boot()
            node.wait_healthy()
            return node

        yield make


@pytest.fixture
def new_cluster(parts: Parts, site: Site, tmp_path: Path, worker_id: str) -> Iterator[NewCluster]:
    """Makes a node with a control plane: booted, healthy, and the teams' ServiceAccounts there."""
    with ExitStack() as stack:

        def make() -> tuple[Node, ControlPlane]:
            node = _node(stack, parts, site, tmp_path / f"{worker_id}-{tmp_path.name}", IN_A_CLUSTER)
            cluster = ControlPlane(node, tmp_path)
            node.boot()
            node.wait_healthy()
            cluster.wait_ready()
            move_in(cluster)
            return node, cluster

        yield make


@pytest.fixture
def two(parts: Parts, tmp_path: Path, worker_id: str) -> Iterator[ClusterOfTwo]:
    """A cluster of two nodes, both ready, with nothing of ours in it."""
    with ClusterOfTwo(parts, tmp_path, f"{worker_id}-{tmp_path.name}") as cluster:
        yield cluster


@pytest.fixture
def old(parts: Parts, tmp_path: Path, worker_id: str) -> Iterator[ClusterOfTwo]:
    """The same, made when there was no managed role yet."""
    with ClusterOfTwo(parts, tmp_path, f"{worker_id}-{tmp_path.name}", LONG_AGO) as cluster:
        yield cluster


def _node(stack: ExitStack, parts: Parts, site: Site, folder: Path, layout: Layout) -> Node:
    """A node in one of the run's places, to be booted."""
    stack.enter_context(slot(parts.slots))
    return stack.enter_context(Node(parts, site, folder, layout))
