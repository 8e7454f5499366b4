import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from provider.places import PROGRAM
from tests.cloud import SimulatedCloud
from tests.frozen.enter import INSTALLED, METADATA
from tests.frozen.node_root import CHROOT, NodeRoot


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("PROGRAM") == f"{INSTALLED}/{PROGRAM}":
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="needs the bundle at its place: make test-frozen"))


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedCloud]:
    """The simulated cloud on its real addresses; who finds its names comes there."""
    directory = tmp_path_factory.mktemp("cloud")
    with SimulatedCloud(directory, https=("127.0.0.1", 443), metadata=(METADATA, 80)) as simulated:
        yield simulated


@pytest.fixture
def empty_root(cloud: SimulatedCloud, tmp_path: Path) -> NodeRoot:
    """A root with nothing in it: no C library, no shell, no file in /etc that the test does not put there."""
    cloud.calls.clear()
    return NodeRoot(tmp_path / "root")


@pytest.fixture(scope="module", params=["bullseye", "bookworm", "trixie"])
def debian_root(
    request: pytest.FixtureRequest, cloud: SimulatedCloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NodeRoot]:
    """A Debian that trusts the simulated cloud, by its own means."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found = sorted((home / PROGRAM).glob(f"frozen-{request.param}-*.tar.gz"))
    if not found:
        pytest.skip(f"no {request.param} root in the cache: tests/frozen/roots.sh, as root, makes it")
    root = NodeRoot.unpacked(found[0], tmp_path_factory.mktemp(request.param) / "root")
    try:
        authorities = root.folder / "usr/local/share/ca-certificates/simulated.crt"
        authorities.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(cloud.ca_file, authorities)
        subprocess.run(
            [CHROOT, root.folder, "/usr/sbin/update-ca-certificates"],
            check=True,
            capture_output=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            timeout=60,
        )
        yield root
    finally:
        shutil.rmtree(root.folder)
