"""`uninstall`: what install found comes back, and nothing of ours is left.

First what the kubelet reads, with its timer armed; when the kubelet is well without us, the rest.
"""

import contextlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from provider.errors import ProviderError
from provider.node.bundle.contents import HOME
from provider.node.bundle.prefix import INSTEAD
from provider.node.bundle.removal import removal
from provider.node.bundle.units import UNITS, unit_removals
from provider.node.carry_out import Work
from provider.node.detect.found import Flags, Found
from provider.node.docker_config import BEFORE, CHOSEN
from provider.node.files import Change, File, Folder, Link, Tree
from provider.node.guard import NAME as GUARD
from provider.node.guard import STANDS_IN
from provider.node.machine import Machine
from provider.node.plan import OWN_FILE, check_flags, check_next_start, check_writable
from provider.node.record import DATA, Record
from provider.node.restore import restorations, strays
from provider.node.withdrawal import withdraw
from provider.places import DEFAULTS, PROGRAM, Places

ENDED = tuple(f"{PROGRAM}-{name}" for name in ("renew.timer", "repair.timer", "renew.service", "repair.service"))


@dataclass(frozen=True, slots=True)
class Removal:
    """What an uninstall amounts to."""

    found: Found | None
    """The kubelet, if there is one."""
    record: Record | None
    noticed: Sequence[Change]
    """What the kubelet reads at its start."""
    later: Sequence[Change]
    """What goes when the kubelet no longer needs it."""

    @property
    def restarts(self) -> bool:
        """Tell whether a kubelet that runs has read what is taken away."""
        if self.found is None or self.found.process is None:
            return False
        return any(isinstance(change.before, File) and not change.path.endswith(f"/{GUARD}") for change in self.noticed)


def plan_removal(machine: Machine) -> Removal:
    """Decide everything, and touch nothing. Raises ProviderError."""
    tree = machine.tree
    try:
        found = machine.detect()
    except ProviderError as error:
        # Somebody has taken the kubelet away, or starts it in a way of their own: ours goes all the same.
        machine.say(f"{error}")
        found = None
    record = machine.generations.record()
    later = unit_removals(tree)
    changes: list[Change] = []
    if record is not None:
        kept = {f"{DATA}/{CHOSEN}", f"{DATA}/{BEFORE}", *(change.path for change in later)}
        changes = restorations(tree, record, machine.generations.original, kept)
    noticed = [change for change in changes if _is_the_kubelets(change)]
    later += [change for change in changes if not _is_the_kubelets(change)]
    seen = {change.path for change in (*changes, *later)}
    for bin_dir in sorted({record.bin_dir if record else "", found.flags.bin_dir if found else ""} - {""}):
        noticed += strays(tree, found, Flags(OWN_FILE, bin_dir), {*seen, *(change.path for change in noticed)})
        later += _links(tree, bin_dir, seen)
    check_writable(tree, [*noticed, *later])
    if found is not None:
        check_flags(tree, found, [*noticed, *later], found.flags if found.flags.config != OWN_FILE else Flags())
        check_next_start(tree, found, [*noticed, *later])
    return Removal(found, record, noticed, later)


def remove(machine: Machine, planned: Removal, *, restart: bool) -> list[str]:
    """Do it; return what was left in our directories because it is not ours.

    Raises ProviderError; as long as the kubelet reads ours, the node is then as it was.
    """
    restart = restart and planned.restarts
    if planned.found is not None and (planned.noticed or machine.generations.installed()):
        if restart:
            machine.check_health(planned.found)
        work = Work((), tuple(planned.noticed), None, restart, proves=False)
        machine.carrier.carry_out(work, planned.found)
    else:
        for change in planned.noticed:
            machine.tree.put(change.path, change.after)
    return _remove_rest(machine, planned)


def _remove_rest(machine: Machine, planned: Removal) -> list[str]:
    tree = machine.tree
    if machine.systemd is not None:
        machine.systemd.stop(ENDED)
    withdraw(tree, machine.say)
    for change in sorted(planned.later, key=lambda change: isinstance(change.before, Folder)):
        if not (isinstance(change.before, Folder) and tree.names(change.path)):
            tree.put(change.path, change.after)
    if machine.systemd is not None:
        machine.systemd.reload()
    left = []
    record = planned.record
    folders = [change.path for change in planned.later if isinstance(change.before, Folder)]
    for prefix in dict.fromkeys([*([record.prefix] if record is not None else []), HOME, INSTEAD]):
        if prefix == INSTEAD:
            # DATA is there too.
            continue
        left += [f"{prefix}/{name}" for name in removal(tree, prefix, folders)]
    if not tree.root:
        # Ready answers and identities are credentials.
        shutil.rmtree(DEFAULTS["--state-dir"], ignore_errors=True)
    machine.generations.remove()
    # The agent's folder, and whatever a cut has left in it.
    shutil.rmtree(tree.at(os.path.dirname(Places(DEFAULTS).cluster)), ignore_errors=True)
    left += [f"{INSTEAD}/{name}" for name in removal(tree, INSTEAD, folders)]
    configuration = f"/etc/{PROGRAM}"
    with contextlib.suppress(OSError):
        os.rmdir(tree.at(configuration))
    return [*left, *(f"{configuration}/{name}" for name in tree.names(configuration))]


def _is_the_kubelets(change: Change) -> bool:
    """Tell whether a kubelet reads this at its start; drop-ins of our own units it does not."""
    return not isinstance(change.before, Folder | Link) and not change.path.startswith(f"{UNITS}/{PROGRAM}-")


def _links(tree: Tree, bin_dir: str, seen: set[str]) -> list[Change]:
    """Return the removal of what the kubelet runs in a bin directory, where that is ours."""
    path = f"{bin_dir}/{PROGRAM}"
    state = tree.state(path)
    ours = isinstance(state, Link) and state.target.endswith(f"/{PROGRAM}")
    # The guard's, where the program was missing.
    ours = ours or (isinstance(state, File) and STANDS_IN.encode() in state.content)
    return [Change(path, state, None)] if ours and path not in seen else []
