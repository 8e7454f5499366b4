"""What undoing a change does, as data: for a later change to be undone with one that no kubelet has started with."""

import json
from collections.abc import Iterable

from provider.node.files import Change, NodeError, State, Tree
from provider.node.record import Kept, KeptFile, kept_state, read_changes, written_changes

NAME = "back.json"


def dump_way_back(previous: str, changes: Iterable[tuple[Change, str]]) -> bytes:
    """Return the file's content: the generation to go back to, and the changes with the names of their copies."""
    kept = [Kept(change.path, kept_state(change.before, copy), kept_state(change.after)) for change, copy in changes]
    return json.dumps({"previous": previous, "changes": written_changes(kept)}).encode()


def way_back(tree: Tree, folder: str) -> tuple[str, dict[str, Change]]:
    """Return what a change's folder tells: the generation to go back to, and the changes by path. Raises NodeError."""
    text = tree.text(f"{folder}/{NAME}")
    try:
        fields = json.loads(text or "")
        previous, changes = str(fields["previous"]), read_changes(fields["changes"])
    except (ValueError, KeyError, TypeError):
        raise NodeError(f"{folder}/{NAME}: is damaged: restart the kubelet, and try again") from None
    return previous, {kept.path: Change(kept.path, _before(tree, folder, kept), _after(tree, kept)) for kept in changes}


def _before(tree: Tree, folder: str, kept: Kept) -> State:
    return tree.state(f"{folder}/{kept.before.copy}") if isinstance(kept.before, KeptFile) else kept.before


def _after(tree: Tree, kept: Kept) -> State:
    return tree.state(kept.path) if isinstance(kept.after, KeptFile) else kept.after
