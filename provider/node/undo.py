"""The script that puts back what was before a change, in plain sh: it works with our bundle gone.

It lies in the change's own folder and is run by `…-rollback.service`: by its timer, and at boot before the kubelet; or
by the node commands, when the kubelet does not become healthy, and when they find a change that was cut short.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from provider.node.files import Change, File, Folder, Link
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
    changes: tuple[tuple[Change, str], ...]
    """With the name of the copy, in the change's folder, of what was there before; for a file alone."""


def script(undo: Undo) -> str:
    """Return the text of the script."""
    lines = [
        *_HEAD.format(
            program=PROGRAM,
            node=shlex.quote(undo.folder),
            generation=shlex.quote(undo.generation),
            committed=_committed(undo),
            unit=shlex.quote(undo.unit),
            ran="yes" if undo.ran else "",
            timer=TIMER,
            seconds=LOCK_SECONDS,
            steady=STEADY_SECONDS,
            watch=WATCH_SECONDS,
            unproven=UNPROVEN,
            restarting=RESTARTING,
        ).splitlines(),
        "# What was there before, the last change first.",
        *(line for change, copy in reversed(undo.changes) for line in _put_back(change, copy)),
        *_installed(undo.previous),
        *_TAIL.splitlines(),
        "",
    ]
    return "\n".join(lines)


def _committed(undo: Undo) -> str:
    if undo.removes:
        return '[ ! -L "$node/installed" ]'
    return '[ "$(readlink "$node/installed")" = "$generation" ]'


def _put_back(change: Change, copy: str) -> Sequence[str]:
    """Return the commands for one path: each can be run again, and leaves old or new, never half."""
    path = f'"$root"{shlex.quote(change.path)}'
    match change.before:
        case None if isinstance(change.after, Folder):
            return [f"rmdir {path} 2>/dev/null"]
        case None:
            return [f"rm -f {path}"]
        case File():
            return [f"put_back {shlex.quote(copy)} {path}"]
        case Link(target):
            new = f'"$root"{shlex.quote(_beside(change.path))}'
            return [f"rm -f {new}", f"ln -s {shlex.quote(target)} {new} && mv -fT {new} {path}"]
        case Folder(mode, uid, gid):
            return [f"[ -d {path} ] || mkdir {path}", f"chown {uid}:{gid} {path}", f"chmod {mode:o} {path}"]


def _beside(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/.{name}.undo.new"


def _installed(generation: str) -> Sequence[str]:
    """Return the commands that let a generation be in force; an empty one: none."""
    if not generation:
        return ['rm -f "$node/installed"']
    new = '"$node/.installed.undo.new"'
    return [f"rm -f {new}", f'ln -s {shlex.quote(generation)} {new} && mv -fT {new} "$node/installed"']


_HEAD = """\
#!/bin/sh
# Puts this node back to what it was before a change of {program}, and tells systemd.
# usage: sh undo.sh [locked | now] [ROOT]
#   locked   by whoever has the lock
#   now      that, and whatever the kubelet's health
mode=$1
root=$2
node=$root{node}
generation={generation}
unit={unit}
# Whether the kubelet ran before the change.
ran={ran}
restart=
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
umask 077

say() {{ echo "{program}: $*"; }}
has_systemd() {{ [ -z "$root" ] && [ -d /run/systemd/system ]; }}
finish() {{
    ! has_systemd || systemctl --no-block stop {timer} 2>/dev/null
    exit 0
}}

# Not while the installer is at work; but it may be hung.
if [ -z "$mode" ] && command -v flock >/dev/null && exec 9<"$node"; then
    flock -w {seconds} 9
fi

# look: main, the kubelet's process; age, in seconds; after=yes where it was started after the change.
look() {{
    main=$(systemctl show --property=MainPID "$unit")
    main=${{main#MainPID=}}
    age=0
    after=
    if [ "${{main:-0}}" -gt 0 ] && read -r stat 2>/dev/null <"/proc/$main/stat"; then
        # Behind the program's name: the 20th word is the start, in hundredths of a second since boot.
        # shellcheck disable=SC2086
        set -- ${{stat##*) }}
        read -r up rest </proc/uptime
        age=$((${{up%.*}} - ${{20}} / 100))
        read -r boot moment <"$node/$generation/{unproven}"
        read -r this </proc/sys/kernel/random/boot_id
        if [ "$boot" != "$this" ] || [ $((${{20}} / 100)) -ge "$moment" ]; then after=yes; fi
    fi
}}

if [ "$mode" != now ] && {committed}; then
    if [ ! -e "$node/$generation/{unproven}" ]; then
        rm -f "$node/pending"
        finish
    fi
    has_systemd || exit 0
    # The boot's run, or a kubelet that somebody stopped: it proves nothing.
    [ "$(systemctl show --property=ActiveState "$unit")" != ActiveState=inactive ] || finish
    left={watch}
    look
    # An old kubelet runs on: what the next one will do is still to be seen.
    [ "$after" ] || [ "${{main:-0}}" = 0 ] || finish
    while [ "$age" -lt {steady} ] && [ "$left" -gt 0 ]; do
        sleep 1
        left=$((left - 1))
        look
    done
    if [ "$age" -ge {steady} ]; then
        rm -f "$node/$generation/{unproven}" "$node/pending"
        finish
    fi
    say "the kubelet does not stay since the change: it is undone"
fi

# put_back COPY PATH: bytes, mode, owner and times.
put_back() {{
    new=${{2%/*}}/.${{2##*/}}.undo.new
    if ! cp -p "$node/$generation/$1" "$new" || ! mv -f "$new" "$2"; then say "$2 could not be put back"; fi
    ! command -v restorecon >/dev/null || restorecon "$2"
}}

[ ! -e "$node/$generation/{restarting}" ] || restart=yes"""

_TAIL = """\
sync
say "what was before the change is back"
if has_systemd; then
    systemctl daemon-reload
    # A kubelet that gave up, or that was started with the change.
    if [ "$ran" ] && { [ "$restart" ] || ! systemctl --quiet is-active "$unit"; }; then
        systemctl reset-failed "$unit" 2>/dev/null
        systemctl --no-block restart "$unit"
    fi
fi
rm -f "$node/pending"
finish"""
