"""What would change, for people to read (`--dry-run`): a diff of what the kubelet reads, a line for all else."""

import difflib
from collections.abc import Iterable

from provider.node.files import Change, File, Folder, Link, State


def named(changes: Iterable[Change]) -> str:
    """Return a line for each change: what is there, and what will be."""
    return "".join(
        f"# {change.path}: {_described(change.before)} -> {_described(change.after)}\n" for change in changes
    )


def shown(changes: Iterable[Change]) -> str:
    """Return the same, with a unified diff of each file that stays or is new; nothing for no change."""
    return "".join(line for change in changes for line in _lines(change))


def _lines(change: Change) -> Iterable[str]:
    before, after = change.before, change.after
    if isinstance(after, File):
        yield from _diff(change.path, before, after)
    if _described(before) != _described(after):
        yield named([change])


def _diff(path: str, before: State, after: State) -> Iterable[str]:
    old, new = _text(before), _text(after)
    names = [path if isinstance(state, File) else "/dev/null" for state in (before, after)]
    for line in difflib.unified_diff(old, new, names[0], names[1]):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _text(state: State) -> list[str]:
    return state.content.decode(errors="replace").splitlines(keepends=True) if isinstance(state, File) else []


def _described(state: State) -> str:
    match state:
        case None:
            return "nothing"
        case File(_, mode, uid, gid):
            return f"file {mode:04o} {uid}:{gid}"
        case Folder(mode, uid, gid):
            return f"directory {mode:04o} {uid}:{gid}"
        case Link(target):
            return f"link to {target}"
