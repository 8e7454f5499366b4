"""Takes the bundle away. What is not recognisably ours stays, and so do the folders that it is in."""

import contextlib
import os
from collections.abc import Iterable

from provider.node.bundle.prefix import is_package
from provider.node.bundle.versions import is_version, remove_versions, versions, wait_until_idle
from provider.node.files import Link, Tree
from provider.places import PROGRAM

PULL_SECONDS = 50.0
"""How long is waited for pulls that began with the bundle."""


def removal(
    tree: Tree, prefix: str, folders: Iterable[str] = (), *, seconds: float = PULL_SECONDS, proc: str = "/proc"
) -> list[str]:
    """Take away versions, links, and the prefix where nothing else is in it; return the names of what else is.

    `folders`: those above it that install made; they go where they are empty. The kubelet must not need the program
    any more: this waits until no process executes it, but no longer than `seconds`. When the running program is in the
    prefix, it can import nothing afterwards. A package's bundle stays. Raises NodeError.
    """
    if is_package(tree):
        return []
    wait_until_idle(tree, prefix, seconds, proc)
    program, current = (tree.state(path) for path in (f"{prefix}/bin/{PROGRAM}", f"{prefix}/current"))
    if isinstance(program, Link):
        tree.put(f"{prefix}/bin/{PROGRAM}", None)
    if isinstance(current, Link) and is_version(current.target):
        tree.put(f"{prefix}/current", None)
    remove_versions(tree, prefix, versions(tree, prefix))
    for folder in (f"{prefix}/bin", prefix, *sorted(folders, key=len, reverse=True)):
        with contextlib.suppress(OSError):
            os.rmdir(tree.root + tree.resolve(folder))
    return tree.names(prefix)
