import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.api import Api, OwnApi
from tests.cluster.enter import FOLDER, programs
from tests.cluster.place import Place
from tests.cluster.secrets_writer import Cluster
from tests.integration.conftest import cloud, node  # noqa: F401 (fixtures)

OWN_PORTS = 20000
"""The first of the ports that servers of single tests have."""


@pytest.fixture(scope="session")
def cluster_folder() -> Path:
    folder = os.environ.get(FOLDER)
    if folder is None:
        pytest.skip("needs root and what make test-cluster prepares")
    return Path(folder)


@pytest.fixture(scope="session")
def api(cluster_folder: Path) -> Api:
    """The API server that all tests of a run share, in all workers."""
    return Api(cluster_folder / "work/api", programs(cluster_folder))


@pytest.fixture
def own_api(cluster_folder: Path, tmp_path: Path, worker_id: str) -> Iterator[OwnApi]:
    """An API server of the test's own, which can be stopped."""
    first = OWN_PORTS + 10 * int(worker_id.removeprefix("gw") if worker_id != "master" else 0)
    with OwnApi(tmp_path / "own-api", programs(cluster_folder), Place(first, first + 1)) as server:
        server.wait_ready()
        yield server


@pytest.fixture(scope="module")
def secrets_cluster(
    cluster_folder: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[Cluster]:
    """A cluster for the writer of compatibility Secrets, which looks into all namespaces; each file has its own."""
    first = OWN_PORTS + 5 + 10 * int(worker_id.removeprefix("gw") if worker_id != "master" else 0)
    folder = tmp_path_factory.mktemp("secrets") / "api"
    with OwnApi(folder, programs(cluster_folder), Place(first, first + 1)) as server:
        server.wait_ready()
        with server.client() as client:
            yield Cluster(server, client)
