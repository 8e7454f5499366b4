"""Whether a program that root runs can be changed by others than root."""

import os
import stat
from collections.abc import Iterator

from provider.node.files import NodeError, Tree


def path_problems(tree: Tree, path: str) -> Iterator[str]:
    """Yield what is wrong with a path that root runs a program from: each part, links followed."""
    try:
        resolved = tree.resolve(path)
    except NodeError as error:
        yield str(error)
        return
    parts = resolved.strip("/").split("/")
    for count in range(len(parts) + 1):
        part = "/" + "/".join(parts[:count])
        try:
            status = os.lstat(tree.root + part)
        except OSError as error:
            yield f"{part}: {error.strerror}"
            return
        sticky = status.st_mode & stat.S_ISVTX and stat.S_ISDIR(status.st_mode)
        if status.st_uid != os.geteuid() and status.st_uid != 0:
            yield f"{part} belongs to user {status.st_uid}, not root, who could put another program there"
        elif status.st_mode & 0o022 and not sticky:
            yield f"{part} can be written by others than root (mode {stat.S_IMODE(status.st_mode):04o})"
        if not status.st_mode & 0o100:
            yield f"{part} lacks the x bit (mode {stat.S_IMODE(status.st_mode):04o})"
