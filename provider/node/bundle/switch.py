"""`current`, which says the version that is in force, and the link that the kubelet runs."""

from provider.node.files import Change, Folder, Link, NodeError, Tree
from provider.places import PROGRAM


def link_changes(tree: Tree, prefix: str, version: str) -> list[Change]:
    """Return what it takes to let a version be in force: the program's link, then `current`, one rename each.

    The folders that these need are the caller's. Raises NodeError where a directory is in the way.
    """
    wanted = [(f"{prefix}/bin/{PROGRAM}", Link(f"../current/{PROGRAM}")), (f"{prefix}/current", Link(version))]
    changes = [Change(path, state, link) for path, link in wanted if (state := tree.state(path)) != link]
    for change in changes:
        if isinstance(change.before, Folder):
            raise NodeError(f"{change.path}: is a directory, where a link of ours is to be: remove it")
    return changes
