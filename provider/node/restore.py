"""What install found comes back: byte for byte, and around what other people have changed since."""

from collections.abc import Callable, Collection
from dataclasses import replace

from provider.node.detect.flag_places import DROP_IN, without_flags
from provider.node.detect.found import Flags, Found
from provider.node.files import Change, File, Folder, Link, NodeError, State, Tree
from provider.node.guard import NAME as GUARD
from provider.node.plan import directory
from provider.node.provider_file.merge import has_entry, without_entry
from provider.node.record import Kept, KeptFile, Record, is_same

UNITS = "/etc/systemd/system"
FLAG_FILES = ("/etc/kubernetes/kubelet-customized-args.conf", "/etc/default/kubelet", "/etc/sysconfig/kubelet")


def restorations(
    tree: Tree, record: Record, original: Callable[[Kept], bytes | None], but: Collection[str] = ()
) -> list[Change]:
    """Return the changes that take ours away, the last made first; `but`: paths that stay.

    A path that is as install left it gets what install found there. In one that somebody has changed since, our
    entry, or our two flags, are taken out and the rest stays; what was made by us alone goes. Raises NodeError.
    """
    changes = []
    for kept in reversed(record.changes):
        if kept.path in but:
            continue
        state = tree.state(kept.path)
        after = _restored(kept, state, record, original)
        if state != after:
            changes.append(Change(kept.path, state, after))
    return changes


def _restored(kept: Kept, state: State, record: Record, original: Callable[[Kept], bytes | None]) -> State:
    if is_same(state, kept.after) and (not isinstance(kept.before, KeptFile) or original(kept) is not None):
        return _original(kept, original)
    match state:
        case None | Folder():
            # Somebody took it away, or put something of theirs into it.
            return state
        case File() if kept.path == record.provider_file and record.mode == "joined-file":
            if not has_entry(state.content, kept.path):
                return state
            content = without_entry(state.content, kept.path)
            return replace(state, content=content) if content is not None else None
        case File():
            content = state.content
            if record.mode == "set":
                content = without_flags(kept.path, content, Flags(record.provider_file, record.bin_dir))
            # A file of ours alone that somebody changed: units, the guard, the provider file. One for flags is theirs.
            return None if kept.before is None and content == state.content else replace(state, content=content)
    # A link of ours, or what stands in for one.
    return _original(kept, original)


def _original(kept: Kept, original: Callable[[Kept], bytes | None]) -> State:
    match kept.before:
        case None | Link() | Folder():
            return kept.before
        case KeptFile(_, mode, uid, gid):
            return File(original(kept) or b"", mode, uid, gid)
    raise NodeError(f"{kept.path}: what was there before the install is not known")


def strays(tree: Tree, found: Found | None, flags: Flags, seen: Collection[str]) -> list[Change]:
    """Return the changes that take ours out of where no record says that it is; `seen`: paths looked after already.

    The record may be lost with its disk, and platforms copy flags from one file to another.
    """
    changes = []
    units = [found.unit] if found is not None else []
    drop_ins = [f"{UNITS}/{unit}.d" for unit in units]
    folders = [*drop_ins, *(f"/etc/rancher/{name}/config.yaml.d" for name in ("k3s", "rke2"))]
    files = [f"{folder}/{name}" for folder in folders for name in tree.names(folder)]
    for path in dict.fromkeys([*FLAG_FILES, *(f"{UNITS}/{unit}" for unit in units), *files]):
        path = tree.resolve(path)
        state = tree.state(path)
        # Somebody else's flags may name the same bin directory: both go, or none.
        if path not in seen and isinstance(state, File) and flags.config.encode() in state.content:
            content = without_flags(path, state.content, flags)
            if content != state.content:
                changes.append(Change(path, state, replace(state, content=content)))
    for path in _provider_files(tree, found):
        state = tree.state(path)
        if path not in (*seen, flags.config) and isinstance(state, File) and has_entry(state.content, path):
            rest = without_entry(state.content, path)
            changes.append(Change(path, state, replace(state, content=rest) if rest is not None else None))
    own = [flags.config, *(f"{folder}/{GUARD}" for folder in drop_ins), *(f"{f}/{DROP_IN}" for f in drop_ins)]
    gone = [path for path in own if path not in seen and isinstance(tree.state(path), File)]
    return [*changes, *(Change(path, tree.state(path), None) for path in gone)]


def _provider_files(tree: Tree, found: Found | None) -> list[str]:
    """Return what the kubelet's next start reads: one file, or those of a directory."""
    if found is None or not found.flags.config:
        return []
    place = tree.resolve(found.flags.config)
    if not isinstance(tree.state(place), Folder):
        return [place]
    return [tree.resolve(f"{place}/{name}") for name in directory(tree, place)]
