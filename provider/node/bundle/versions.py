"""The versions in a prefix: which there are, which one counts, which ones a process still runs, and what is left over.

Nothing is taken for ours but by its name and what is in it: in /var/lib the prefix has data beside the versions.
"""

import os
import re
import shutil
import time
from collections.abc import Collection

from provider.node.bundle.contents import LIBRARIES, SUMS
from provider.node.files import Link, NodeError, Tree
from provider.places import PROGRAM

NEW, OLD = ".new-", ".old-"
"""How the names begin of a version that is not whole yet, and of one that is being removed."""

_VERSION = re.compile(r"\d+(\.\d+)*((a|b|rc|\.post|\.dev)\d+)*(\+[a-z0-9.]+)?")
_TEMPORARY = re.compile(r"\.(current|bin)(\.undo)?\.new")  # Tree.put's
_PARTS = (PROGRAM, LIBRARIES, SUMS)
PAUSE_SECONDS = 0.2


def is_version(name: str) -> bool:
    """Tell whether a name is one of a version's folder."""
    return _VERSION.fullmatch(name) is not None


def versions(tree: Tree, prefix: str) -> list[str]:
    """Return the versions in a prefix, damaged ones too, sorted by name."""
    return [name for name in tree.names(prefix) if is_version(name) and _is_bundle(tree, f"{prefix}/{name}")]


def current(tree: Tree, prefix: str) -> str:
    """Return the version that `current` names, empty for none; it need not be there."""
    state = tree.state(f"{prefix}/current")
    return state.target if isinstance(state, Link) and is_version(state.target) else ""


def remove_versions(tree: Tree, prefix: str, gone: Collection[str]) -> None:
    """Remove versions, and what a run that was cut short left. What a cut leaves of one is no version any more.

    Raises NodeError.
    """
    home = tree.root + tree.resolve(prefix)
    try:
        for version in gone:
            os.rename(f"{home}/{version}", f"{home}/{OLD}{version}")
        _clear(tree, prefix)
    except OSError as error:
        raise NodeError(f"{error.filename}: cannot be removed: {error.strerror}") from None


def _clear(tree: Tree, prefix: str) -> None:
    home = tree.root + tree.resolve(prefix)
    for name in tree.names(prefix):
        place = f"{home}/{name}"
        if _TEMPORARY.fullmatch(name):
            os.unlink(place)
        elif name.startswith((NEW, OLD)) and is_version(name[len(NEW) :]) and not os.path.islink(place):
            shutil.rmtree(place)


def running(tree: Tree, prefix: str, proc: str = "/proc", *, but: int = 0) -> set[str]:
    """Return the versions that a process of this machine executes, `but` for one process.

    Told by the program's file, so that neither its name nor another mount namespace matters. In an image nobody runs.
    """
    if tree.root:
        return set()
    home = tree.resolve(prefix)
    programs: dict[tuple[int, int] | None, str] = {}
    for version in versions(tree, prefix):
        key = _identity(f"{home}/{version}/{PROGRAM}")
        if key is not None:
            programs[key] = version
    if not programs:
        return set()
    found = set()
    for pid in os.listdir(proc):
        if pid.isdigit() and int(pid) != but:
            try:
                key = _identity(f"{proc}/{pid}/exe")
            except PermissionError:  # not root: it may be any
                return set(programs.values())
            found.add(programs.get(key, ""))
    return found - {""}


def wait_until_idle(tree: Tree, prefix: str, seconds: float, proc: str = "/proc") -> bool:
    """Wait until no other process executes a version; tells whether that is so. A pull takes 45 seconds at most."""
    end = time.monotonic() + seconds
    while running(tree, prefix, proc, but=os.getpid()):
        if time.monotonic() >= end:
            return False
        time.sleep(PAUSE_SECONDS)
    return True


def _is_bundle(tree: Tree, folder: str) -> bool:
    """Tell whether a folder is a bundle, whatever is left of it."""
    place = tree.at(folder)
    return not os.path.islink(place) and any(os.path.lexists(f"{place}/{part}") for part in _PARTS)


def _identity(path: str) -> tuple[int, int] | None:
    """Return which file that is; None for none. Raises PermissionError."""
    try:
        found = os.stat(path)
    except PermissionError:
        raise
    except OSError:
        return None
    return found.st_dev, found.st_ino
