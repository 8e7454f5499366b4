"""The file tree of a node as a value, so that two moments can be compared."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

NOISE = frozenset(
    (
        # No files on a disk.
        *("dev", "proc", "sys", "run", "tmp"),
        # What is written while a system runs, by others.
        *("var/log", "var/cache", "var/tmp", "var/lib/systemd", "var/lib/containerd", "root"),
        # The kubelet's own: pods, checkpoints, certificates, what it remembers of pulled images.
        *("var/lib/kubelet/pods", "var/lib/kubelet/plugins", "var/lib/kubelet/plugins_registry"),
        *("var/lib/kubelet/pod-resources", "var/lib/kubelet/device-plugins", "var/lib/kubelet/checkpoints"),
        *("var/lib/kubelet/image_manager", "var/lib/kubelet/cpu_manager_state", "var/lib/kubelet/memory_manager_state"),
        *("var/lib/kubelet/actuated_pods_state", "var/lib/kubelet/allocated_pods_state", "var/lib/kubelet/pki"),
        *("var/lib/kubelet/dra_manager_state",),
        # Containers, the machine's name for itself, and where the tests put things.
        *("etc/machine-id", "opt/containerd", "etc/cni", "opt/cni", "var/lib/cni", "srv", "node", ".#node.lck"),
        "etc/kubernetes/manifests",
    )
)
"""Paths that differ between two moments without anybody having changed anything."""

Tree = dict[str, str]
"""From the path to kind, mode, owner, and what is in it."""


def tree(root: Path, folders: Iterable[str] = ("",)) -> Tree:
    """All that is below some folders of a root, or below all of it; a folder need not be there."""
    found = (path for folder in folders for path in walk(root / folder, root))
    return {str(path.relative_to(root)): described(path) for path in found}


def walk(folder: Path, root: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        if str(entry.relative_to(root)) in NOISE:
            continue
        yield entry
        if not entry.is_symlink():
            yield from walk(entry, root)


def described(path: Path) -> str:
    """Kind, mode and owner; a file's content as its hash, a link's target; times are not looked at."""
    status = path.lstat()
    content = ""
    if stat.S_ISREG(status.st_mode):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    elif stat.S_ISLNK(status.st_mode):
        content = os.readlink(path)
    return f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid} {content}"


def differences(before: Tree, after: Tree, but_below: tuple[str, ...] = ()) -> list[str]:
    """What came, went or changed, a line each; `but_below`: beginnings of paths that do not matter."""
    paths = sorted(path for path in before.keys() | after.keys() if not path.startswith(but_below))
    return [
        f"{path}: {before.get(path, 'nothing')} -> {after.get(path, 'nothing')}"
        for path in paths
        if before.get(path) != after.get(path)
    ]
