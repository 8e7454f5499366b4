"""`install` and `repair`: the one brings everything into being, the other puts back what drifted."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from provider.node.bundle.place import examine, place
from provider.node.bundle.prefix import is_package
from provider.node.bundle.source import Source
from provider.node.bundle.switch import link_changes
from provider.node.bundle.units import unit_changes
from provider.node.carry_out import Work
from provider.node.delivery_choice import choose_changes
from provider.node.detect.found import Flags, Found
from provider.node.docker_config import BEFORE, CHOSEN
from provider.node.files import Change, File, NodeError, State, Tree
from provider.node.guard import NAME as GUARD
from provider.node.machine import Machine
from provider.node.plan import (
    WITHOUT_TOKENS,
    Choice,
    check_flags,
    check_writable,
    choose,
    effective,
    kubelet_changes,
    provider_change,
    with_folders,
)
from provider.node.provider_file.entry import Entry, TokenAttributes, match_images
from provider.node.record import DATA, Delivery, Record
from provider.node.restore import restorations
from provider.node.token_attributes import obstacle
from provider.places import PROGRAM


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for."""

    prefix: str
    delivery: Delivery
    restart: bool
    """Whether the kubelet may be restarted now."""
    domains: tuple[str, ...]
    """Custom domains that the kubelet is to ask us for, beside ACR's own names."""
    token_attributes: TokenAttributes | None = None
    """What the kubelet is to hand over of pods' ServiceAccounts, once it knows how."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What an install amounts to."""

    found: Found
    bundle: str
    """What becomes of the bundle; empty: it is there."""
    quiet: Sequence[Change]
    noticed: Sequence[Change]
    record: Record
    restart_pending: bool
    """Whether a kubelet must start anew for what is, or will be, on the disk."""

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is to be changed; a restart may still be pending."""
        return not (self.bundle or self.quiet or self.noticed)


def plan(machine: Machine, wish: Wish, source: Source) -> Planned:
    """Decide everything, and touch nothing. Raises ProviderError for what cannot be done."""
    tree = machine.tree
    found = machine.detect()
    earlier = machine.generations.record()
    if earlier is not None and earlier.prefix != wish.prefix:
        raise NodeError(f"it is installed in {earlier.prefix}: to have it in {wish.prefix}, uninstall first")
    choice = Choice("", "", "")
    quiet = unit_changes(tree, wish.prefix, source)
    if not is_package(tree):
        quiet += link_changes(tree, wish.prefix, source.version)
    noticed: list[Change] = []
    if wish.delivery == "flags":
        choice = choose(tree, found, wish.prefix)
        entry = Entry(match_images(wish.domains))
        plain = provider = provider_change(tree, found, choice, entry)
        tokens = wish.token_attributes is not None
        if tokens and not obstacle(tree, found):
            provider = provider_change(tree, found, choice, replace(entry, token_attributes=wish.token_attributes))
        quiet.append(_kept_for_the_guard(tree, plain.after if tokens else None))
        noticed = kubelet_changes(tree, found, choice, provider, wish.prefix, tokens=tokens)
    else:
        quiet += choose_changes(tree, found)
    if earlier is not None and _is_elsewhere(earlier, wish, choice, found):
        wanted = {f"{DATA}/{CHOSEN}", f"{DATA}/{BEFORE}", *(change.path for change in (*quiet, *noticed))}
        noticed += restorations(tree, earlier, machine.generations.original, wanted)
    noticed = [change for change in effective(noticed) if change not in quiet]
    quiet = with_folders(tree, effective(quiet))
    noticed = with_folders(tree, noticed, quiet)
    check_writable(tree, [*quiet, *noticed])
    if wish.delivery == "flags":
        wanted_flags = Flags(choice.provider_file, choice.bin_dir) if choice.mode == "set" else found.flags
        check_flags(tree, found, [*quiet, *noticed], wanted_flags)
    starts = any(_is_read_at_start(change, choice) for change in noticed)
    record = Record(
        program=source.version,
        prefix=wish.prefix,
        delivery=wish.delivery,
        mode=choice.mode,
        provider_file=choice.provider_file,
        bin_dir=choice.bin_dir,
        unit=found.unit,
        kubelet_version=str(found.version or ""),
        placed=time.time() if starts or earlier is None else earlier.placed,
        domains=wish.domains if wish.delivery == "flags" else (),
        token_attributes=wish.token_attributes if wish.delivery == "flags" else None,
    )
    pending = starts or machine.generations.is_unproven()
    return Planned(found, _bundle(tree, source, wish.prefix), quiet, noticed, record, pending)


def carry_out(machine: Machine, wish: Wish, planned: Planned, source: Source | None) -> bool:
    """Do it; `source` None: the bundle is left as it is. Tells whether the kubelet was restarted.

    Raises ProviderError; the node is then as it was.
    """
    found = planned.found
    restart = wish.restart and planned.restart_pending and found.process is not None
    if restart:
        machine.check_health(found)
    if source is not None:
        place(machine.tree, source, wish.prefix, machine.generations.programs())
    if planned.quiet or planned.noticed:
        proves = planned.restart_pending
        work = Work(tuple(planned.quiet), tuple(planned.noticed), planned.record, restart, proves)
        machine.carrier.carry_out(work, found)
    elif restart:
        machine.carrier.restart(found)
    return restart


def _bundle(tree: Tree, source: Source, prefix: str) -> str:
    placed = examine(tree, source, prefix)
    if not placed.changed:
        return ""
    return f"{placed.folder}: {'is put right' if placed.was else 'is put there'}"


def _kept_for_the_guard(tree: Tree, without_tokens: State) -> Change:
    """Return what becomes of the copy of the provider file for kubelets that know no tokens."""
    # Somebody else's may hold secrets.
    after = File(without_tokens.content, 0o600) if isinstance(without_tokens, File) else None
    return Change(WITHOUT_TOKENS, tree.state(WITHOUT_TOKENS), after)


def _is_elsewhere(earlier: Record, wish: Wish, choice: Choice, found: Found) -> bool:
    """Tell whether an earlier install put things where this one would not."""
    was = (earlier.delivery, earlier.mode, earlier.provider_file, earlier.bin_dir, earlier.unit)
    return was != (wish.delivery, choice.mode, choice.provider_file, choice.bin_dir, found.unit)


def _is_read_at_start(change: Change, choice: Choice) -> bool:
    """Tell whether a kubelet must start anew for a change: all but the guard, and the program's link."""
    name = change.path.rpartition("/")[2]
    return name not in (GUARD, PROGRAM) and isinstance(change.after or change.before, File)
