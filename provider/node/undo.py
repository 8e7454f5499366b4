"""The script that puts back what was before a change, in plain sh: it works with our bundle gone.

It lies in the change's own folder and is run by `…-rollback.service`: by its timer, and at boot before the kubelet; or
by the node commands, when the kubelet does not become healthy, and when they find a change that was cut short.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from provider.node.files import Change, File, Folder, Link
from provider.node.undo_script import TEMPLATE
from provider.places import PROGRAM

TIMER = f"{PROGRAM}-rollback.timer"
STEADY_SECONDS = 15
"""A kubelet that has run for so long has read its provider file; one that dislikes it exits within a few."""

WATCH_SECONDS = 20
"""How long is waited for a kubelet that was started a moment ago to have run for so long."""

LOCK_SECONDS = 20
"""How long is waited for whoever holds the lock, who may be hung."""

UNPROVEN = "unproven"
"""File in a change's folder, until a kubelet that started after the change has shown that it accepts it."""

RESTARTING = "restarting"
"""File in a change's folder: the kubelet was, or is about to be, restarted with the change."""


@dataclass(frozen=True, slots=True)
class Way:
    """A change to go back on, with the names of copies in its folder: of the file before and after it, if it is one."""

    change: Change
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Undo:
    """What the script of one change needs to know."""

    folder: str
    """`DATA/node`."""
    generation: str
    """`generations/N`."""
    previous: str
    """The generation to be in force again, empty for none: the last that a kubelet has started with."""
    removes: bool
    """Whether the change takes everything of ours away, so that no generation is in force after it."""
    unit: str
    """The kubelet's unit."""
    ran: bool
    """Whether the kubelet ran before the change, so that it is to run after the script too."""
    ways: tuple[Way, ...]
    words: tuple[str, ...] = ()
    """The flags that the change set, for a file that others have changed since."""


def script(undo: Undo) -> str:
    """Return the text of the script."""
    text = TEMPLATE
    values = {
        "PROGRAM": PROGRAM,
        "NODE": shlex.quote(undo.folder),
        "GENERATION": shlex.quote(undo.generation),
        "COMMITTED": _committed(undo),
        "UNIT": shlex.quote(undo.unit),
        "RAN": "yes" if undo.ran else "",
        "TIMER": TIMER,
        "LOCK_SECONDS": str(LOCK_SECONDS),
        "STEADY_SECONDS": str(STEADY_SECONDS),
        "WATCH_SECONDS": str(WATCH_SECONDS),
        "UNPROVEN": UNPROVEN,
        "RESTARTING": RESTARTING,
        # The words are plain: flag_places sees to it.
        "WITHOUT_WORDS": shlex.quote(";".join(f"s# *{word}##g" for word in undo.words) or ";"),
        "STAGING": "\n".join(line for way in reversed(undo.ways) for line in _stage(way)),
        "BACK": "\n".join(f"come_back {shlex.quote(way.change.path)}" for way in reversed(undo.ways)),
        "REMOVAL": "\n".join(line for way in reversed(undo.ways) for line in _remove(way)),
        "INSTALLED": _installed(undo.previous),
    }
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def _committed(undo: Undo) -> str:
    if undo.removes:
        return '[ ! -L "$node/installed" ]'
    return '[ "$(readlink "$node/installed")" = "$generation" ]'


def _stage(way: Way) -> Sequence[str]:
    """Return the commands that lay beside a path what was there before."""
    path = shlex.quote(way.change.path)
    match way.change.before:
        case File():
            return [f"stage_file {path} {shlex.quote(way.before)} {shlex.quote(way.after)}"]
        case Link(target):
            return [f"stage_link {path} {shlex.quote(target)}"]
        case Folder(mode, uid, gid):
            return [f"have_folder {path} {uid}:{gid} {mode:o}"]
    if isinstance(way.change.after, File) and PROGRAM not in way.change.path:
        # Made for the flags alone; others may have put theirs into it.
        return [f"stage_rest {path} {shlex.quote(way.after)}"]
    return []


def _remove(way: Way) -> Sequence[str]:
    """Return the commands for a path at which nothing was."""
    if way.change.before is not None:
        return []
    path = shlex.quote(way.change.path)
    if isinstance(way.change.after, Folder):
        return [f'rmdir "$root"{path} 2>/dev/null']
    if isinstance(way.change.after, File) and PROGRAM not in way.change.path:
        return [f"remove_file {path} {shlex.quote(way.after)}"]
    return [f'[ -d "$root"{path} ] || rm -f "$root"{path} || failed=yes']


def _installed(generation: str) -> str:
    """Return the command that lets a generation be in force; an empty one: none."""
    if not generation:
        return 'rm -f "$node/installed" || failed=yes'
    new = '"$node/.installed.undo.new"'
    quoted = shlex.quote(generation)
    return f'rm -f {new}; {{ ln -s {quoted} {new} && mv -fT {new} "$node/installed"; }} || failed=yes'
