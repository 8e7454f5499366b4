"""Real images for every repository of the simulated cloud, pushed to a real registry.

`python -m tests.e2e.images ROOT FOLDER` fills FOLDER, docker-registry's storage, and ends. It gives the network
namespace that it is started in a loopback device.
"""

import gzip
import http.client
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.cloud.default_world import default_world
from tests.cloud.images import CONFIG_TYPE, LAYER_TYPE, MANIFEST_TYPE, digest
from tests.cloud.registry import place_of_host
from tests.e2e.registry import HOST, PORT, Registry
from tests.frozen.enter import set_address

PAUSE = "pause"
PUBLIC = "public/tool"
COMMAND = ("/bin/busybox", "sh", "-c", "trap 'exit 0' TERM; cat /etc/image; while :; do sleep 1000 & wait; done")
PERSONAL_HOST = "registry.{}.aliyuncs.com"
# Debian and OCI spell it alike.
ARCHITECTURE = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()


def repositories() -> Iterator[tuple[str, list[str]]]:
    """Name in the registry and tags of all that can be pulled: the cloud's, and two that need no cloud."""
    world = default_world()
    hosts = [one.domains[0].name for one in world.instances]
    hosts += [PERSONAL_HOST.format(one.region) for one in world.personal_registries]
    for host in hosts:
        place = place_of_host(world, host)
        assert place is not None
        yield from ((f"{place.folder}/{one.name}", one.tags) for one in place.repositories)
    yield from ((name, ["v1"]) for name in (PAUSE, PUBLIC))


class Writer:
    """Pushes to the registry at an address."""

    def __init__(self, host: str, port: int) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=30)

    def push(self, repository: str, tags: list[str], layer_tar: bytes, entrypoint: Sequence[str] = COMMAND) -> None:
        layer = gzip.compress(layer_tar, 1, mtime=0)
        config = json.dumps(
            {
                "architecture": ARCHITECTURE,
                "os": "linux",
                "config": {"Entrypoint": entrypoint, "Env": ["PATH=/bin"]},
                "rootfs": {"type": "layers", "diff_ids": [digest(layer_tar)]},
            }
        ).encode()
        for blob in (layer, config):
            self.put_blob(repository, blob)
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {"mediaType": CONFIG_TYPE, "size": len(config), "digest": digest(config)},
            "layers": [{"mediaType": LAYER_TYPE, "size": len(layer), "digest": digest(layer)}],
        }
        for tag in tags:
            self.put_manifest(repository, tag, json.dumps(manifest).encode(), MANIFEST_TYPE)

    def put_manifest(self, repository: str, tag: str, manifest: bytes, media_type: str) -> None:
        self._send("PUT", f"/v2/{repository}/manifests/{tag}", manifest, media_type)

    def put_blob(self, repository: str, blob: bytes) -> None:
        """Send a layer, packed, or a configuration."""
        upload = self._send("POST", f"/v2/{repository}/blobs/uploads/", b"", "")
        self._send("PUT", f"{upload}&digest={digest(blob)}", blob, "application/octet-stream")

    def _send(self, method: str, path: str, body: bytes, content_type: str) -> str:
        """Send a request that must succeed; returns where the answer points to."""
        self._connection.request(method, path, body, {"Content-Type": content_type} if content_type else {})
        answer = self._connection.getresponse()
        answer.read()
        assert answer.status in (201, 202), f"{method} {path}: {answer.status}"
        return answer.headers.get("Location", "").removeprefix(f"http://{HOST}:{PORT}")


def layer(busybox: bytes, name: str) -> bytes:
    """One layer: a shell, and the image's name."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, data, mode in (("bin/busybox", busybox, 0o755), ("etc/image", f"{name}\n".encode(), 0o644)):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), mode
            archive.addfile(entry, io.BytesIO(data))
        for command in ("sh", "cat", "sleep"):
            link = tarfile.TarInfo(f"bin/{command}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
    return buffer.getvalue()


def main(root: str, folder: str) -> None:
    set_address("lo", HOST)
    busybox = (Path(root) / "bin/busybox").read_bytes()
    with Registry(Path(root), Path(folder), read_only=False):
        writer = Writer(HOST, PORT)
        for name, tags in repositories():
            writer.push(name, tags, layer(busybox, name))


if __name__ == "__main__":
    main(*sys.argv[1:])
