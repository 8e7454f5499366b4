"""An OCI image layout in one archive: blobs, manifest and index, as values; no file is read or written here.

https://github.com/opencontainers/image-spec
"""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

_MEDIA = "application/vnd.oci.image"


class Entry(NamedTuple):
    """One member of the layer; exactly one of `content` and `target` says what it is, neither: a folder."""

    path: str
    mode: int
    content: bytes | None = None
    target: str | None = None


class About(NamedTuple):
    """What an image says of itself. `architecture`: as OCI spells it, amd64 or arm64; `epoch`: seconds."""

    architecture: str
    entrypoint: str
    labels: Mapping[str, str]
    tag: str
    epoch: int


def layer(entries: Iterable[Entry], epoch: int) -> bytes:
    """Return an uncompressed layer: everything is root's, and as old as `epoch`, in seconds."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for entry in entries:
            member = _member(entry.path, entry.mode, epoch)
            if entry.target is not None:
                member.type, member.linkname = tarfile.SYMTYPE, entry.target
            elif entry.content is None:
                member.type = tarfile.DIRTYPE
            else:
                member.size = len(entry.content)
            archive.addfile(member, io.BytesIO(entry.content or b""))
    return buffer.getvalue()


def image(uncompressed: bytes, about: About) -> bytes:
    """Return the archive of an image of one layer."""
    created = datetime.fromtimestamp(about.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    packed = gzip.compress(uncompressed, 9, mtime=0)
    configuration = {
        "architecture": about.architecture,
        "os": "linux",
        "created": created,
        "config": {"Entrypoint": [about.entrypoint], "WorkingDir": "/", "Labels": dict(about.labels)},
        "rootfs": {"type": "layers", "diff_ids": [_digest(uncompressed)]},
        "history": [{"created": created, "created_by": "packaging/image"}],
    }
    blobs = [packed, _json(configuration)]
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_MEDIA}.manifest.v1+json",
        "config": _descriptor(f"{_MEDIA}.config.v1+json", blobs[1]),
        "layers": [_descriptor(f"{_MEDIA}.layer.v1.tar+gzip", packed)],
    }
    blobs.append(_json(manifest))
    described = _descriptor(f"{_MEDIA}.manifest.v1+json", blobs[2]) | {
        "platform": {"architecture": about.architecture, "os": "linux"},
        "annotations": {"org.opencontainers.image.ref.name": about.tag},
    }
    index = {"schemaVersion": 2, "mediaType": f"{_MEDIA}.index.v1+json", "manifests": [described]}
    files = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": _json(index)}
    files |= {f"blobs/{_digest(blob).replace(':', '/')}": blob for blob in blobs}
    folders = [Entry("blobs", 0o755), Entry("blobs/sha256", 0o755)]
    return layer([*folders, *(Entry(path, 0o644, files[path]) for path in sorted(files))], about.epoch)


def _member(path: str, mode: int, epoch: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.mode, member.mtime = mode, epoch
    return member


def _descriptor(media_type: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(blob), "size": len(blob)}


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
