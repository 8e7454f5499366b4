"""The image: what is in it, whether other tools understand it, and whether containerd runs it."""

import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

from provider.places import PROGRAM
from provider.version import VERSION
from tests.systems.system import System

ROOT = Path(__file__).parents[2]
ENTRYPOINT = f"/opt/{PROGRAM}/current/{PROGRAM}"
NAME = f"localhost/{PROGRAM}:{VERSION}"
CONTAINERD = """
version = 2
root = "/var/lib/trial"
state = "/run/trial"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "/run/trial/containerd.sock"
"""


def in_containerd(script: str) -> str:
    """A script that runs with a containerd of its own, in which the image is, and ends it whatever happens."""
    return f"""
        containerd --config /containerd.toml 2>/containerd.log &
        containerd=$!
        trap 'kill $containerd; wait $containerd || true' EXIT
        export CONTAINERD_ADDRESS=/run/trial/containerd.sock
        for _ in $(seq 100); do
            ! ctr version >/dev/null 2>&1 || break
            sleep 0.1
        done
        ctr image import --snapshotter native --base-name {NAME.partition(":")[0]} /image.tar >&2
        {script}"""


def start(system: System, arguments: str = "") -> str:
    # The group would be one of this machine's: at the top, where runc takes all of it away again.
    return f"ctr run --rm --snapshotter native --cgroup /{system.group}.container {NAME} trial {arguments}"


def test_containerd_runs_it(system: System, image: Path) -> None:
    system.put("/image.tar", image)
    system.put("/containerd.toml", CONTAINERD.encode())
    said = system.run(in_containerd(start(system, f"{ENTRYPOINT} version")))
    assert said == f"{PROGRAM} {VERSION}\n"


def test_skopeo_understands_it(system: System, image: Path) -> None:
    system.put("/image.tar", image)
    said = system.run(
        """skopeo inspect oci-archive:/image.tar
        skopeo inspect --config oci-archive:/image.tar
        skopeo --insecure-policy copy --quiet oci-archive:/image.tar docker-archive:/docker.tar:localhost/copy:1 >&2
        skopeo inspect docker-archive:/docker.tar
        dpkg --print-architecture"""
    )
    described, configuration, copied, architecture = parts(said)
    assert described["Labels"]["org.opencontainers.image.version"] == VERSION
    assert described["Architecture"] == copied["Architecture"] == architecture
    assert len(described["Layers"]) == len(copied["Layers"]) == 1
    assert configuration["config"]["Entrypoint"] == [ENTRYPOINT]


def test_nothing_is_in_it_but_the_bundle_and_authorities(image: Path, unpacked: Path) -> None:
    bundle = unpacked / "bundle"
    expected = {f"opt/{PROGRAM}/{VERSION}/{path.relative_to(bundle)}" for path in bundle.rglob("*")}
    expected |= {"opt", f"opt/{PROGRAM}", f"opt/{PROGRAM}/{VERSION}", f"opt/{PROGRAM}/current"}
    for path in (Path("etc/ssl/certs/ca-certificates.crt"), Path("usr/share/licenses/certifi/LICENSE")):
        expected |= {str(place) for place in (path, *path.parents[:-1])}
    members = layer(image)
    assert {member.name for member in members} == expected
    assert {(member.uid, member.gid) for member in members} == {(0, 0)}
    modes = {member.name: member.mode for member in members}
    assert modes[f"opt/{PROGRAM}/{VERSION}/{PROGRAM}"] == 0o755
    assert modes[f"opt/{PROGRAM}/{VERSION}/sbom.cdx.json"] == 0o644


def test_the_containerfile_makes_the_same(system: System, image: Path) -> None:
    system.put("/Containerfile", ROOT / "packaging/image/Containerfile")
    shutil.copytree(ROOT / "build/image/rootfs", system.folder / "upper/context/rootfs", symlinks=True)
    said = system.run(
        """buildah() { command buildah --root /storage --runroot /run/storage --storage-driver vfs "$@"; }
        buildah build --quiet --isolation chroot --file /Containerfile --tag trial /context >&2
        buildah push --quiet trial oci-archive:/built.tar >&2
        skopeo inspect --config oci-archive:/built.tar
        echo end"""
    )
    configuration = parts(said)[0]["config"]
    assert configuration["Entrypoint"] == [ENTRYPOINT]
    assert configuration["Labels"].items() >= {"org.opencontainers.image.title": PROGRAM}.items()
    ours, theirs = (
        sorted((member.name, member.mode & 0o7777, member.linkname) for member in layer(path))
        for path in (image, system.folder / "upper/built.tar")
    )
    assert theirs == ours


def layer(image: Path) -> list[tarfile.TarInfo]:
    with tarfile.open(image) as archive:

        def content(name: str) -> bytes:
            file = archive.extractfile(name)
            assert file is not None
            return file.read()

        manifest = json.loads(content(blob(json.loads(content("index.json"))["manifests"][0])))
        with tarfile.open(fileobj=archive.extractfile(blob(manifest["layers"][0]))) as packed:
            return packed.getmembers()


def blob(described: dict[str, Any]) -> str:
    digest = described["digest"]
    assert isinstance(digest, str)
    return f"blobs/{digest.replace(':', '/')}"


def parts(said: str) -> tuple[Any, ...]:
    """JSON values one after the other, and the last line."""
    decoder = json.JSONDecoder()
    *_, last = said.strip().splitlines()
    values, at = [], 0
    while said[at:].lstrip().startswith("{"):
        at += len(said[at:]) - len(said[at:].lstrip())
        value, at = decoder.raw_decode(said, at)
        values.append(value)
    return *values, last
