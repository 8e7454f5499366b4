import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from provider.places import PROGRAM
from provider.version import VERSION
from tests.frozen import another_version
from tests.systems.system import System

ROOT = Path(__file__).parents[2]
NEXT = "99.0"


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The system that all tests here begin with."""
    if os.geteuid():
        pytest.skip("only root can enter another root file system")
    made = subprocess.check_output([ROOT / "tests/packages/root.sh"], text=True).strip()
    folder = tmp_path_factory.mktemp("base")
    with tarfile.open(made) as archive:
        archive.extractall(folder, filter="tar")
    yield folder
    # pytest would keep the last three.
    shutil.rmtree(folder)


@pytest.fixture
def system(base: Path, tmp_path: Path) -> Iterator[System]:
    with System(base, tmp_path / f"system-{os.getpid()}") as system:
        yield system


def built(pattern: str) -> Path:
    """The one file of that name in the folder that PACKAGES names."""
    folder = os.environ.get("PACKAGES")
    if not folder:
        pytest.skip("needs the packages: make test-packages")
    found = sorted(Path(folder).glob(pattern))
    assert found, f"no {pattern} in {folder}"
    assert len(found) == 1, f"{found}: of which build?"
    return found[0]


@pytest.fixture
def deb() -> Path:
    return built(f"{PROGRAM}_{VERSION}_*.deb")


@pytest.fixture
def rpm() -> Path:
    return built(f"{PROGRAM}-{VERSION}-*.rpm")


@dataclass(frozen=True)
class NextVersion:
    """The packages of the same program as version `NEXT`."""

    deb: Path
    rpm: Path


@pytest.fixture(scope="session")
def next_version(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> NextVersion:
    folder = tmp_path_factory.mktemp("next")
    stage = folder / "stage"
    stage.mkdir()
    shutil.copyfile(unpacked / "LICENSE", stage / "LICENSE")
    another_version.make(unpacked / "bundle", stage / "bundle", NEXT)
    scripts = ROOT / "build/packages/scripts"
    for script in scripts.iterdir():
        (folder / script.name).write_text(script.read_text().replace(VERSION, NEXT))
    configuration = (ROOT / "packaging/packages/nfpm.yaml").read_text()
    # Less packing saves most of the time.
    text = configuration.replace("compression: xz", "compression: gzip").replace("build/packages/scripts", str(folder))
    (folder / "nfpm.yaml").write_text(text)
    nfpm = subprocess.check_output([ROOT / "packaging/packages/tools/build.sh", "nfpm"], text=True).strip()
    architecture = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
    named = {"STAGE": str(stage), "VERSION": NEXT, "ARCHITECTURE": architecture}
    made = []
    for packager in ("deb", "rpm"):
        command = [nfpm, "package", "--config", f"{folder}/nfpm.yaml", "--packager", packager, "--target", f"{folder}/"]
        subprocess.run(command, env={**os.environ, **named}, check=True, stdout=subprocess.DEVNULL)
        made.append(next(folder.glob(f"*.{packager}")))
    return NextVersion(*made)


@pytest.fixture
def image() -> Path:
    return built(f"{PROGRAM}-{VERSION}-*-image.tar")


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The self-installing archive, unpacked somewhere."""
    archive = built(f"{PROGRAM}-{VERSION}-linux-*.tar.gz")
    folder = tmp_path_factory.mktemp("somewhere")
    subprocess.run(["tar", "-xzf", archive, "-C", folder], check=True)
    return next(folder.iterdir())
