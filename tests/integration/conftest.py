from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud import SimulatedCloud
from tests.integration.node import Node


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[SimulatedCloud]:
    with SimulatedCloud(tmp_path / "cloud") as simulated:
        yield simulated


@pytest.fixture
def node(cloud: SimulatedCloud, tmp_path: Path) -> Node:
    (tmp_path / "node").mkdir()
    return Node(cloud, tmp_path / "node")
