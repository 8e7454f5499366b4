"""Reads what the kubelet mounts: one folder with a file for each key of a ConfigMap or Secret.

The files are links through `..data`, which the kubelet points at another folder when something has changed; that folder
is read, not the links, so that all keys are of one moment.
"""

import contextlib
import os

DATA = "..data"
FILE_LIMIT = 4 << 20
"""Bytes that are read of one file: more than the API server takes for a whole object."""
TRIES = 3


def read_volume(folder: str) -> dict[str, bytes]:
    """Return the content of each key, sorted by name; nothing where the object, or the folder, is not there.

    Raises OSError for what is there and cannot be read.
    """
    for _ in range(TRIES - 1):
        try:
            return _read(folder)
        except FileNotFoundError:
            # Changed while it was being read.
            continue
    return _read(folder)


def read_key(folder: str, key: str) -> bytes | None:
    """Return the content of one key; None where it is not there. Raises OSError as `read_volume` does.

    It is not there where the folder that it should be in is still in force afterwards.
    """
    for _ in range(TRIES - 1):
        current = _current(folder)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return _content(os.path.join(current, key))
        if _current(folder) == current:
            return None
    return _content(os.path.join(_current(folder), key))


def _current(folder: str) -> str:
    """Return the folder that is in force."""
    try:
        return os.path.join(folder, os.readlink(os.path.join(folder, DATA)))
    except OSError:
        return folder


def _read(folder: str) -> dict[str, bytes]:
    current = _current(folder)
    try:
        names = sorted(os.listdir(current))
    except FileNotFoundError:
        if current != folder:
            raise
        return {}
    # No key begins so; the kubelet's own names do.
    keys = [name for name in names if not name.startswith("..") and not os.path.isdir(os.path.join(current, name))]
    return {key: _content(os.path.join(current, key)) for key in keys}


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(FILE_LIMIT)
