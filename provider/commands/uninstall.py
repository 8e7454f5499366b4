"""`uninstall`: takes this program off the node; what install found comes back."""

import os
from collections.abc import Sequence
from typing import TextIO

from provider import environment
from provider.commands.node_common import (
    check_json,
    check_root,
    end_in_order,
    foreseen,
    node_parser,
    offer_json,
    recover,
    sayer,
)
from provider.node.bundle.prefix import is_package, prefix_for
from provider.node.bundle.source import source
from provider.node.bundle.units import unit_changes
from provider.node.detect.found import Found
from provider.node.difference import named, shown
from provider.node.machine import Machine, open_machine
from provider.node.plan import OWN_FILE, with_folders
from provider.node.removal import plan_removal, remove
from provider.places import PROGRAM

ROLLBACK = f"{PROGRAM}-rollback."


def run(arguments: Sequence[str], stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Uninstall, or show what that would change."""
    made = node_parser(
        "uninstall",
        "Give the kubelet back what it had, restart it, see it well, and take the program, its units, answers and "
        "identities away. The configuration stays, and so does what others have changed since.",
        restart="now",
    )
    offer_json(made)
    parsed = made.parse_args(list(arguments))
    check_json(made, parsed)
    root, say = check_root(parsed.root), sayer(stderr)
    environment.take(os.environ)
    machine = open_machine(root, say)
    if parsed.dry_run:
        planned = plan_removal(machine)
        if parsed.json:
            count = len(planned.noticed) + len(planned.later)
            runs, now = planned.found is not None and planned.found.process is not None, parsed.restart == "now"
            lags = has_our_flags(planned.found)
            # One that was not restarted when the rest was taken away is left to its next start.
            now = now and (planned.restarts or not lags)
            stdout.write(foreseen(machine, count, runs=runs, pending=planned.restarts or lags, restart=now))
            return 0
        stdout.write(shown(planned.noticed) + named(planned.later))
        restarts = (
            f"; {planned.found.unit} would be restarted" if planned.restarts and planned.found is not None else ""
        )
        say(f"nothing was changed; the program, its answers and identities would go as well{restarts}")
        return 0
    end_in_order()
    with machine.generations.lock():
        recover(machine)
        was_there = bool(machine.generations.installed() or machine.tree.names(prefix_for(machine.tree)))
        if was_there:
            _have_rollback(machine)
        planned = plan_removal(machine)
        left = remove(machine, planned, restart=parsed.restart == "now")
    if left:
        say(f"left, since it is not ours to remove: {', '.join(left)}")
    if is_package(machine.tree):
        say(f"the kubelet no longer uses us; the package is still there: remove {PROGRAM} with the package manager")
    elif planned.restarts and parsed.restart != "now" and planned.found is not None:
        say(
            f"uninstalled; until {planned.found.unit} is started anew its kubelet asks for a program that is gone, and "
            "images that need credentials of ours are not pulled"
        )
    else:
        say("uninstalled" if was_there or planned.noticed else "nothing was installed; nothing was changed")
    return 0


def has_our_flags(found: Found | None) -> bool:
    """Tell whether the kubelet that runs was started with our flags, whatever its next start has."""
    return found is not None and found.live is not None and found.live.config == OWN_FILE


def _have_rollback(machine: Machine) -> None:
    """Put the units back that undo a change, where a cleaned disk has lost them: nothing is changed without them."""
    bundle = source()
    missing = unit_changes(machine.tree, prefix_for(machine.tree), bundle)
    changes = [change for change in missing if ROLLBACK in change.path and change.before is None]
    for change in with_folders(machine.tree, changes):
        machine.tree.put(change.path, change.after)
    if changes and machine.systemd is not None:
        machine.systemd.reload()
