"""Copies a bundle, byte for byte but for its loader's path, onto the disk."""

import os
from collections.abc import Iterable, Mapping

from provider.node.bundle.contents import LINKS, differences, mode_of, program_for, read, read_checked
from provider.node.bundle.source import Source
from provider.node.files import NodeError, sync_folder
from provider.places import PROGRAM

FOLDER_MODE = 0o755
ROOM = 2
"""So many times what the bundle takes must be free: a node whose disk is full puts its pods out."""


def copy(source: Source, prefix: str, wanted: Mapping[str, str], target: str) -> None:
    """Make the folder `target` with the bundle as it is to be in PREFIX/VERSION.

    `wanted`: its files' checksums there. Raises NodeError for a source that is not whole or a disk without room, and
    OSError.
    """
    _check_room(source, wanted, os.path.dirname(target))
    os.mkdir(target, 0o700)
    folders = [target]
    for folder in sorted({above for name in wanted for above in _folders_of(name)}):
        folders.append(f"{target}/{folder}")
        os.mkdir(folders[-1])
        os.chmod(folders[-1], FOLDER_MODE)
    for name, sha256 in wanted.items():
        if name == PROGRAM:
            content = program_for(read(source.folder, name), prefix, source.version)
        else:
            content = read_checked(source.folder, name, sha256)
        _write(f"{target}/{name}", content, mode_of(name))
    for name, points_to in LINKS.items():
        os.symlink(points_to, f"{target}/{name}")
    # All is written first, so that the disk gets most of it at once.
    for name in wanted:
        _sync(f"{target}/{name}")
    for folder in reversed(folders):
        sync_folder(folder)
    os.chmod(target, FOLDER_MODE)
    wrong = differences(target, wanted)
    if wrong:
        raise NodeError(f"{target}/{wrong[0]}: reads otherwise than it was written: the disk is not to be trusted")


def _check_room(source: Source, names: Iterable[str], folder: str) -> None:
    needed = ROOM * sum(os.path.getsize(f"{source.folder}/{name}") for name in names)
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if free < needed:
        raise NodeError(f"{folder}: {free / 1e6:.0f} MB are free, and {needed / 1e6:.0f} MB are needed")


def _folders_of(name: str) -> list[str]:
    parts = name.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def _write(place: str, content: bytes, mode: int) -> None:
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as out:
        out.write(content)
        os.fchmod(out.fileno(), mode)


def _sync(place: str) -> None:
    descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
