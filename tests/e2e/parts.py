"""What all nodes are made of, made once for a run and read by every test: root, layer, images, archives."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from provider.places import PROGRAM
from provider.version import VERSION
from tests.frozen import another_version

ROOT = Path(__file__).parents[2]
KUBERNETES = "1.37.2"
OLDER = "1.32.13"
"""The kubelet of nodes that are upgraded."""
KUBELETS = "/srv/kubelets"
"""Where a node has them all, by version."""
CONTROL_PLANE = ("kube-apiserver", "kubectl", "kube-controller-manager", "kube-scheduler")
PROGRAMS = "/srv/kubernetes"
"""Where a node has those, of the version `KUBERNETES`."""
NEXT = "99.0"
FOLDER = "E2E_FOLDER"
GROUP = "E2E_GROUP"


@dataclass(frozen=True)
class Parts:
    """Folders of one run; `group` begins the names of its control groups."""

    folder: Path
    group: str

    @classmethod
    def of_this_run(cls) -> "Parts | None":
        """What `python -m tests.e2e` prepared; None outside of it."""
        folder = os.environ.get(FOLDER)
        return cls(Path(folder), os.environ[GROUP]) if folder else None

    @property
    def root(self) -> Path:
        """Debian, as debootstrap left it."""
        return self.folder / "root"

    @property
    def layer(self) -> Path:
        """What lies over the root on each node: kubelets, and the unpacked archives in /srv/VERSION."""
        return self.folder / "layer"

    @property
    def images(self) -> Path:
        """docker-registry's storage."""
        return self.folder / "images"

    @property
    def slots(self) -> Path:
        """Whose files are places for nodes."""
        return self.folder / "slots"

    @property
    def base(self) -> str:
        """What `System` begins with."""
        return f"{self.layer}:{self.root}"


def prepare(
    parts: Parts, root: Path, kubelets: Mapping[str, Path], control_plane: Sequence[Path], archive: Path
) -> None:
    """Make it all, of what is in the cache and in dist/."""
    parts.root.mkdir()
    subprocess.run(["tar", "-xzf", root, "-C", parts.root], check=True)
    place = parts.layer / KUBELETS[1:]
    programs = parts.layer / PROGRAMS[1:]
    for folder, files in ((place, kubelets), (programs, {path.name: path for path in control_plane})):
        folder.mkdir(parents=True)
        for name, path in files.items():
            shutil.copyfile(path, folder / name)
            (folder / name).chmod(0o755)
    installed = parts.layer / "usr/bin/kubelet"
    installed.parent.mkdir(parents=True)
    installed.hardlink_to(place / KUBERNETES)
    unpack(archive, parts.layer / "srv")
    parts.images.mkdir()
    command = ["unshare", "--net", sys.executable, "-m", "tests.e2e.images", str(parts.root), str(parts.images)]
    subprocess.run(command, check=True)


def unpack(archive: Path, folder: Path) -> None:
    """The archive, and the same program as a next version's."""
    subprocess.run(["tar", "-xzf", archive, "-C", folder], check=True)
    (folder / archive.name.removesuffix(".tar.gz")).rename(folder / VERSION)
    (folder / NEXT).mkdir()
    for script in ("install.sh", "uninstall.sh", "status.sh"):
        shutil.copy(folder / VERSION / script, folder / NEXT / script, follow_symlinks=False)
    another_version.make(folder / VERSION / "bundle", folder / NEXT / "bundle", NEXT)


def built() -> Path | None:
    """The archive that `make packages` made, in dist/ or where PACKAGES says."""
    found = sorted((ROOT / os.environ.get("PACKAGES", "dist")).glob(f"{PROGRAM}-{VERSION}-linux-*.tar.gz"))
    return found[0] if len(found) == 1 else None
