"""What undoing a change does, as data: for a later change to be undone with one that no kubelet has started with."""

import json
from collections.abc import Iterable

from provider.node.files import Change, NodeError, State, Tree
from provider.node.record import Kept, KeptFile, KeptState, kept_state, read_changes, written_changes
from provider.node.undo import Way

NAME = "back.json"


def dump_way_back(previous: str, ways: Iterable[Way]) -> bytes:
    """Return the file's content: the generation to go back to, and what changes for that."""
    kept = [
        Kept(way.change.path, kept_state(way.change.before, way.before), kept_state(way.change.after, way.after))
        for way in ways
    ]
    return json.dumps({"previous": previous, "changes": written_changes(kept)}).encode()


def way_back(tree: Tree, folder: str) -> tuple[str, dict[str, Change]]:
    """Return what a change's folder tells: the generation to go back to, and the changes by path. Raises NodeError."""
    text = tree.text(f"{folder}/{NAME}")
    try:
        fields = json.loads(text or "")
        previous, changes = str(fields["previous"]), read_changes(fields["changes"])
    except (ValueError, KeyError, TypeError):
        raise NodeError(f"{folder}/{NAME}: is damaged: restart the kubelet, and try again") from None
    return previous, {
        kept.path: Change(kept.path, _state(tree, folder, kept.before), _state(tree, folder, kept.after))
        for kept in changes
    }


def _state(tree: Tree, folder: str, state: KeptState) -> State:
    return tree.state(f"{folder}/{state.copy}") if isinstance(state, KeptFile) else state
