"""One node command at a time: a lock on the folder that all of them write to, which undo.sh takes too."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator

from provider.node.files import Folder, NodeError, Tree
from provider.node.record import DATA, NODE

FOLDER = f"{NODE}/generations"
PRIVATE = Folder(0o700)
LOCK_SECONDS = 120


@contextlib.contextmanager
def lock(tree: Tree) -> Iterator[None]:
    """Keep all other node commands out. Raises NodeError when another one is still at work after two minutes."""
    _make_folders(tree)
    place = tree.at(NODE)
    end = time.monotonic() + LOCK_SECONDS
    while True:
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            while not _try_lock(descriptor):
                if time.monotonic() > end:
                    raise NodeError("another install, repair or uninstall is at work on this node: wait for it")
                time.sleep(0.2)
            # Who had it before us may have taken the folder away.
            if _is_at(descriptor, place):
                try:
                    yield
                finally:
                    _remove_empty(tree)
                return
        finally:
            os.close(descriptor)
        _make_folders(tree)


def _make_folders(tree: Tree) -> None:
    for folder, state in ((DATA, Folder(0o755)), (NODE, PRIVATE), (FOLDER, PRIVATE)):
        if tree.state(folder) is None:
            tree.put(folder, state)


def _remove_empty(tree: Tree) -> None:
    """Take the folders away that were made for the lock alone."""
    for folder in (FOLDER, NODE, DATA):
        with contextlib.suppress(OSError):
            os.rmdir(tree.at(folder))


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, place: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(place))
    except FileNotFoundError:
        return False
