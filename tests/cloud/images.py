"""The content of repositories: for each a small image of one layer, made up from its name and always the same."""

import gzip
import hashlib
import io
import json
import tarfile
from functools import lru_cache

from tests.cloud.wire import Answer
from tests.cloud.world import Repository

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def content(repository: Repository, kind: str, reference: str) -> Answer | None:
    """The manifest of a tag or digest, or a blob; None where there is none. `kind` is `manifests` or `blobs`."""
    manifest, blobs = _image(repository.name)
    if kind == "manifests":
        known = reference in repository.tags or reference == digest(manifest)
        body, content_type = (manifest, MANIFEST_TYPE) if known else (None, "")
    else:
        body, content_type = blobs.get(reference), "application/octet-stream"
    if body is None:
        return None
    return Answer(200, body, {"Content-Type": content_type, "Docker-Content-Digest": digest(body)})


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@lru_cache
def _image(name: str) -> tuple[bytes, dict[str, bytes]]:
    tar = _tar({"etc/image": f"{name}\n".encode()})
    layer = gzip.compress(tar, mtime=0)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest(tar)]},
        }
    ).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": CONFIG_TYPE, "size": len(config), "digest": digest(config)},
        "layers": [{"mediaType": LAYER_TYPE, "size": len(layer), "digest": digest(layer)}],
    }
    return json.dumps(manifest).encode(), {digest(config): config, digest(layer): layer}


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, data in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
