"""Makes the image of the bundle in dist/: dist/…-image.tar, an OCI archive. Run by `make image`; needs no network.

The same bundle gives the same bytes. The tree of the image stays in build/image/rootfs, for the Containerfile.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import distribution
from pathlib import Path

import certifi

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from layout import About, Entry, image, layer  # noqa: E402

from provider.places import PROGRAM  # noqa: E402
from provider.version import VERSION  # noqa: E402

BUNDLE = ROOT / "dist" / PROGRAM
TREE = ROOT / "build" / "image" / "rootfs"
AUTHORITIES = "etc/ssl/certs/ca-certificates.crt"
"""On a node its own authorities count. In the image there is no node's, and the agent's duties ask the cloud too."""
AUTHORITIES_LICENCE = "usr/share/licenses/certifi/LICENSE"
ENTRYPOINT = f"/opt/{PROGRAM}/current/{PROGRAM}"
LABELS = {
    "org.opencontainers.image.title": PROGRAM,
    "org.opencontainers.image.description": "Kubelet credential provider for Alibaba Cloud Container Registry",
    "org.opencontainers.image.licenses": "Apache-2.0",
    "org.opencontainers.image.version": VERSION,
}


def main(arguments: Sequence[str]) -> int:
    """Make the archive for the one architecture that the arguments name, and return the exit status."""
    if len(arguments) != 1:
        sys.stderr.write("usage: packaging/image/build.py ARCHITECTURE\n")
        return 2
    if not (BUNDLE / PROGRAM).exists():
        sys.stderr.write(f"image: {BUNDLE} is not there: make build\n")
        return 1
    # The time of the commit, which the build gave to every file.
    epoch = int((BUNDLE / PROGRAM).stat().st_mtime)
    lay_out(TREE)
    about = About(arguments[0], ENTRYPOINT, LABELS, VERSION, epoch)
    result = ROOT / "dist" / f"{PROGRAM}-{VERSION}-linux-{about.architecture}-image.tar"
    result.write_bytes(image(layer(entries(TREE), epoch), about))
    print(f"image: {result.relative_to(ROOT)}: {result.stat().st_size / 1e6:.1f} MB")  # noqa: T201
    return 0


def lay_out(tree: Path) -> None:
    """Make the tree of the image: the bundle at the place that its loader's path names, and certificate authorities."""
    shutil.rmtree(tree, ignore_errors=True)
    home = tree / "opt" / PROGRAM
    shutil.copytree(BUNDLE, home / VERSION, symlinks=True)
    (home / "current").symlink_to(VERSION)
    [licence] = (file for file in distribution("certifi").files or () if file.name == "LICENSE")
    for place, source in ((AUTHORITIES, Path(certifi.where())), (AUTHORITIES_LICENCE, Path(str(licence.locate())))):
        (tree / place).parent.mkdir(parents=True)
        shutil.copyfile(source, tree / place)


def entries(tree: Path) -> Iterator[Entry]:
    """Yield what is in a tree, parents first."""
    for path in sorted(tree.rglob("*")):
        place = str(path.relative_to(tree))
        if path.is_symlink():
            yield Entry(place, 0o777, target=os.readlink(path))
        elif path.is_dir():
            yield Entry(place, 0o755)
        else:
            yield Entry(place, 0o755 if path.stat().st_mode & 0o100 else 0o644, path.read_bytes())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
