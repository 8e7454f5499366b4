"""The agent's image in the registry, as it was built and in variants, each with the cloud's authority on top.

The image trusts the authorities that it brings; those who inspect TLS put a layer with their own over it, as
is done here.

`python -m tests.e2e.agent_images ROOT FOLDER ARCHIVE AUTHORITY` pushes them, and ends. It gives the network namespace
that it is started in a loopback device.
"""

import gzip
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provider.places import PROGRAM
from provider.version import VERSION
from tests.cloud.images import digest
from tests.e2e.images import Writer
from tests.e2e.parts import NEXT, ROOT, Parts
from tests.e2e.registry import HOST, PORT, Registry
from tests.frozen import another_version
from tests.frozen.enter import set_address

REPOSITORY = "agent"
HOME = f"opt/{PROGRAM}"
AUTHORITIES = "etc/ssl/certs/ca-certificates.crt"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True)
class Image:
    """What is in the archive of an image of one layer."""

    configuration: dict[str, Any]
    layers: Sequence[bytes]
    """As tar files."""

    @classmethod
    def read(cls, archive: Path) -> "Image":
        with tarfile.open(archive) as opened:

            def content(name: str) -> bytes:
                file = opened.extractfile(name)
                assert file is not None, name
                return file.read()

            def blob(described: Mapping[str, str]) -> bytes:
                return content(f"blobs/{described['digest'].replace(':', '/')}")

            manifest = json.loads(blob(json.loads(content("index.json"))["manifests"][0]))
            layers = [gzip.decompress(blob(described)) for described in manifest["layers"]]
            return cls(json.loads(blob(manifest["config"])), layers)

    def push(self, writer: Writer, tag: str, more: bytes) -> None:
        """Put it into the registry, with one more layer on top."""
        layers = [*self.layers, more]
        fields = {key: value for key, value in self.configuration.items() if key != "history"}
        fields["rootfs"] = {"type": "layers", "diff_ids": [digest(one) for one in layers]}
        configuration = json.dumps(fields).encode()
        packed = [gzip.compress(one, 1, mtime=0) for one in layers]
        for data in (*packed, configuration):
            writer.put_blob(REPOSITORY, data)
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _described("application/vnd.oci.image.config.v1+json", configuration),
            "layers": [_described(LAYER_TYPE, one) for one in packed],
        }
        writer.put_manifest(REPOSITORY, tag, json.dumps(manifest).encode(), MANIFEST_TYPE)


def push(parts: Parts, archive: Path, authority: bytes) -> None:
    """Put the images that `tags` names into the registry's storage, with this authority; in a process of its own."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(authority)
        file.flush()
        command = ["unshare", "--net", sys.executable, "-m", "tests.e2e.agent_images"]
        arguments = [str(parts.root), str(parts.images), str(archive), file.name]
        subprocess.run([*command, *arguments], check=True, cwd=ROOT)


def tag(version: str, authority: bytes) -> str:
    """The tag of a version's image with an authority."""
    return f"{version}-{digest(authority).partition(':')[2][:12]}"


def main(root: Path, folder: Path, archive: Path, authority: Path) -> None:
    set_address("lo", HOST)
    image = Image.read(archive)
    trusted = authority.read_bytes()
    top = _layer({AUTHORITIES: trusted})
    with Registry(root, folder, read_only=False), tempfile.TemporaryDirectory() as work:
        writer = Writer(HOST, PORT)
        image.push(writer, tag(VERSION, trusted), top)
        for version in (NEXT,):
            bundle = Path(work) / version
            another_version.make(_unpacked(image, Path(work)), bundle, version)
            Image(image.configuration, [_tree(bundle, version)]).push(writer, tag(version, trusted), top)


def _unpacked(image: Image, folder: Path) -> Path:
    """The bundle in it."""
    for one in image.layers:
        with tarfile.open(fileobj=io.BytesIO(one)) as layer:
            layer.extractall(folder / "image", filter="tar")
    return folder / "image" / HOME / VERSION


def _tree(bundle: Path, version: str) -> bytes:
    """A layer with a bundle at its place, and the link to it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        layer.add(bundle, f"{HOME}/{version}")
        link = tarfile.TarInfo(f"{HOME}/current")
        link.type, link.linkname = tarfile.SYMTYPE, version
        layer.addfile(link)
    return buffer.getvalue()


def _layer(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        for path, data in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), 0o644
            layer.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _described(media_type: str, data: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
