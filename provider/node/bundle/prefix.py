"""PREFIX: the directory of ours that has the bundle's versions, `current` and `bin/`; and whose it is."""

import os
import re
import stat

from provider.node.bundle.contents import HOME
from provider.node.files import Link, NodeError, Tree
from provider.places import PROGRAM

INSTEAD = f"/var/lib/{PROGRAM}"
"""Where /opt cannot be written (ContainerOS: only /etc and /var can)."""

PACKAGE_UNITS = ("/usr/lib/systemd/system", "/lib/systemd/system")
_PLAIN = re.compile(r"(/[A-Za-z0-9._-]+)+")
_VOLATILE = ("/dev", "/etc", "/proc", "/run", "/sys", "/tmp", "/var/run", "/var/tmp")  # noqa: S108
"""What is emptied at a boot or by a cleaner, or is for other things: a kubelet would lose its program there."""


def is_package(tree: Tree) -> bool:
    """Tell whether the bundle and the units are dpkg's or rpm's, and so not ours to place or remove."""
    return any(tree.state(f"{folder}/{PROGRAM}-warm.service") is not None for folder in PACKAGE_UNITS)


def prefix_for(tree: Tree, asked: str = "") -> str:
    """Return the prefix to install to: the one asked for; else where it is installed; else /opt, or /var/lib.

    Raises NodeError for a prefix that cannot be one.
    """
    if is_package(tree):
        if asked.rstrip("/") not in ("", HOME):
            raise NodeError(f"{HOME} belongs to the installed package, which cannot be moved to {asked}")
        return HOME
    if asked:
        check_prefix(asked)
        return asked.rstrip("/")
    for prefix in (HOME, INSTEAD):
        if isinstance(tree.state(f"{prefix}/current"), Link):
            return prefix
    return HOME if _is_usable(tree, HOME) else INSTEAD


def check_prefix(prefix: str) -> None:
    """Raise NodeError for a path that cannot be a directory of ours.

    It stands in units, in shell scripts and in the program's own header, and all in it may be removed.
    """
    path = prefix.rstrip("/")
    parts = path.split("/")
    if _PLAIN.fullmatch(path) is None or "." in parts or ".." in parts:
        raise NodeError(
            f"prefix {prefix!r}: must be an absolute path of letters, digits, '.', '_', '-' and single slashes, "
            "without . or .. as a part"
        )
    if parts[-1] != PROGRAM:
        raise NodeError(f"prefix {prefix}: its last part must be {PROGRAM}, a directory of its own")
    for folder in _VOLATILE:
        if path.startswith(f"{folder}/"):
            raise NodeError(f"prefix {prefix}: what is in {folder} does not stay, or is not for programs")


def check_owner(tree: Tree, prefix: str) -> None:
    """Raise NodeError where others than root could put a program of their own into the prefix."""
    try:
        found = os.stat(tree.at(prefix))
    except FileNotFoundError:
        return
    except OSError as error:
        raise NodeError(f"{prefix}: {error.strerror}") from None
    if found.st_uid not in (0, os.geteuid()) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NodeError(
            f"{prefix}: others than root may write there (owner {found.st_uid}, mode {stat.S_IMODE(found.st_mode):o}), "
            "and the kubelet would run what they put there: chown and chmod it, or remove it"
        )


def _is_usable(tree: Tree, prefix: str) -> bool:
    """Tell whether a folder can be made in the nearest folder that there is, and programs run there."""
    folder = tree.root + tree.resolve(prefix)
    while not os.path.isdir(folder):
        folder = folder.rpartition("/")[0] or "/"
    if os.statvfs(folder).f_flag & os.ST_NOEXEC and not tree.root:
        return False
    # Root too is refused by a file system that is mounted to be read.
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=True)
