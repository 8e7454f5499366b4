"""A bundle of a few small files; its program has a loader's path with room, as the real one has, and cannot run."""

import hashlib
import os
import struct
from pathlib import Path

from provider.node.bundle.contents import DOCKER_HELPER, HOME, LIBRARIES, NODE_FILES, SUMS, mode_of
from provider.node.bundle.source import Source
from provider.node.interpreter import ROOM, with_interpreter
from provider.places import PROGRAM

ROOT = Path(__file__).parents[2]
LOADER = "ld-linux-any.so.2"
_START = 64 + 56


def program(version: str) -> bytes:
    header = struct.pack("<6s26xQ14xHH6x", b"\x7fELF\x02\x01", 64, 56, 1).ljust(64, b"\0")
    entry = struct.pack("<I4xQ16xQ", 3, _START, ROOM).ljust(56, b"\0")
    content = header + entry + b"/".ljust(ROOM, b"\0") + f"the program {version}".encode()
    return with_interpreter(content, f"{HOME}/{version}/{LIBRARIES}/{LOADER}")


def make(folder: Path, version: str = "1.0") -> Source:
    files = {
        PROGRAM: program(version),
        f"{LIBRARIES}/{LOADER}": b"loader",
        f"{LIBRARIES}/provider/__init__.pyc": b"",
        f"{LIBRARIES}/provider/version.pyc": version.encode(),
        f"{LIBRARIES}/python/deep/module.pyc": b"module",
        "sbom.cdx.json": b"{}",
    }
    for name, below in (("systemd", "systemd"), ("tmpfiles.d", "systemd/tmpfiles.d")):
        for path in (path for path in (ROOT / below).iterdir() if path.is_file()):
            files[f"{NODE_FILES}/{name}/{path.name}"] = path.read_bytes()
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        place.chmod(mode_of(name))
    (folder / DOCKER_HELPER).symlink_to(PROGRAM)
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items())]
    (folder / SUMS).write_text("".join(lines))
    return Source(str(folder), version)


def facts(folder: Path) -> dict[str, tuple[int, int, str]]:
    """All below a folder: inode, mode, and content or what a link points to."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_bytes().hex() if path.is_file() else ""
        found[str(path.relative_to(folder))] = (status.st_ino, status.st_mode, content)
    return found
