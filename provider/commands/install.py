"""`install`: puts the program on this node and lets its kubelet ask it, safely."""

import os
import time
from collections.abc import Sequence
from typing import TextIO

from provider import environment
from provider.commands.node_common import (
    Say,
    change_of,
    check_json,
    check_root,
    end_in_order,
    foreseen,
    node_parser,
    offer_json,
    places_in,
    recover,
    sayer,
)
from provider.commands.reporting import leave_report
from provider.config.values import Configuration
from provider.environment import Environment
from provider.errors import ConfigurationError
from provider.node.bundle.prefix import prefix_for
from provider.node.bundle.source import Source, source
from provider.node.bundle.units import TIMERS
from provider.node.difference import named, shown
from provider.node.domains import domains_for
from provider.node.installation import Planned, Wish, carry_out, plan
from provider.node.machine import Machine, open_machine
from provider.node.provider_file.entry import TokenAttributes
from provider.node.record import Delivery, Record
from provider.node.token_attributes import consequence, hindrance, wanted
from provider.node.withdrawal import withdraw
from provider.places import PROGRAM, Places
from provider.pods import needed_by
from provider.settings import load_settings
from provider.store import Store

WARM = f"{PROGRAM}-warm.service"


def run(arguments: Sequence[str], stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Install, or show what that would change."""
    made = node_parser(
        "install",
        "Put this program on the node, add it to the kubelet's credential providers, restart the kubelet, and see it "
        "well; else everything is put back. A second run changes nothing.",
        restart="now",
    )
    made.add_argument(
        "--prefix",
        metavar="DIR",
        default="",
        help=f"where the program goes, a directory of its own whose last part is {PROGRAM} (default: where it is; else "
        f"/opt/{PROGRAM}, or /var/lib/{PROGRAM} where /opt cannot be written)",
    )
    made.add_argument(
        "--delivery",
        choices=("flags", "docker-config"),
        help="docker-config: no flags and no restart of the kubelet; a timer keeps short-lived entries in its "
        "config.json (default: as it was installed; else flags)",
    )
    offer_json(made)
    parsed = made.parse_args(list(arguments))
    check_json(made, parsed)
    root, say = check_root(parsed.root), sayer(stderr)
    surroundings = environment.take(os.environ)
    bundle = source()
    machine = open_machine(root, say)

    def planned() -> tuple[Wish, Planned]:
        record = machine.generations.record()
        prefix = prefix_for(machine.tree, parsed.prefix or (record.prefix if record is not None else ""))
        delivery = parsed.delivery or (record.delivery if record is not None else "flags")
        domains = _domains(record, root, surroundings, say)
        attributes = _token_attributes(machine, record, places_in(root), delivery)
        wish = Wish(prefix, delivery, parsed.restart == "now", domains, attributes)
        return wish, plan(machine, wish, bundle)

    if parsed.dry_run:
        _, shows = planned()
        if parsed.json:
            told = foreseen(
                machine,
                len(shows.quiet) + len(shows.noticed) + bool(shows.bundle),
                runs=shows.found.process is not None,
                pending=shows.restart_pending,
                restart=parsed.restart == "now",
                program=bool(shows.bundle),
                change=change_of(shows.record),
            )
            stdout.write(told)
            return 0
        stdout.write(named(shows.quiet) + shown(shows.noticed))
        say(_would(shows, restart=parsed.restart == "now"))
        return 0
    end_in_order()
    try:
        with machine.generations.lock():
            recover(machine)
            wish, plan_now = planned()
            restarted = carry_out(machine, wish, plan_now, bundle)
            if wish.delivery == "flags":
                withdraw(machine.tree, say)
            _start_units(machine)
        say(_did(plan_now, bundle, wish, restarted=restarted))
    finally:
        leave_report(root, say)
    return 0


def _domains(record: Record | None, root: str, surroundings: Environment, say: Say) -> tuple[str, ...]:
    """Return the domains for matchImages, sorted; where the cloud does not tell, those of the last install stay."""
    failed = False

    def warn(line: str) -> None:
        nonlocal failed
        failed = True
        say(f"warning: {line}")

    told = domains_for(places_in(root), surroundings, warn, ask=not root)
    kept = record.domains if record is not None and failed else ()
    return tuple(sorted({*told, *kept}))


def _token_attributes(
    machine: Machine, record: Record | None, places: Places, delivery: Delivery
) -> TokenAttributes | None:
    """Return what the kubelet is to hand over of ServiceAccounts; where the node cannot have it, say why.

    Raises ConfigurationError for a delivery that cannot keep to the configuration.
    """
    configuration = load_settings(places, Store(""), time.time(), lambda line: None).configuration
    if delivery == "docker-config":
        _check_delivery(configuration, places)
        if wanted(configuration) is not None:
            machine.say(
                "warning: pods have no roles of their own with --delivery docker-config: its logins are the node's"
            )
        return None
    attributes = wanted(configuration)
    if attributes is None:
        return None
    had = record is not None and record.token_attributes is not None
    reason = hindrance(machine.tree, machine.detect(), had=had)
    if not reason:
        return attributes
    machine.say(
        f"warning: the provider file gets no tokenAttributes, which {places.config} needs: {reason}, then run install "
        f"again; {consequence(configuration)}"
    )
    return None


def _check_delivery(configuration: Configuration, places: Places) -> None:
    needs = needed_by(configuration)
    if needs:
        raise ConfigurationError(
            f"--delivery docker-config gives every pod of the node the same credentials, and {needs} in "
            f"{places.config} forbids that: use --delivery flags"
        )


def _start_units(machine: Machine) -> None:
    """Start the timers, and have the first answers fetched."""
    if machine.systemd is not None:
        for unit in (*TIMERS, WARM):
            machine.systemd.start(unit)


def _would(planned: Planned, *, restart: bool) -> str:
    if planned.is_empty and not planned.restart_pending:
        return "nothing would change"
    parts = [planned.bundle] if planned.bundle else []
    if planned.restart_pending:
        runs = planned.found.process is not None
        parts.append(f"{planned.found.unit} would be restarted" if restart and runs else "a restart is pending")
    return "; ".join(["nothing was changed", *parts])


def _did(planned: Planned, bundle: Source, wish: Wish, *, restarted: bool) -> str:
    """Return the last line: what was done, and what is still to come."""
    pending = ""
    if planned.restart_pending and not restarted:
        pending = f"; restart pending: it takes effect when {planned.found.unit} is started next"
    if planned.is_empty and not restarted:
        return f"version {bundle.version} was installed already{pending}"
    how = {
        "set": f"the kubelet's flags name {planned.record.provider_file}",
        "joined-file": f"an entry is in {planned.record.provider_file}",
        "joined-directory": f"{planned.record.provider_file} is there",
        "": "a timer keeps entries in the kubelet's config.json, which it reads every five minutes",
    }[planned.record.mode]
    return f"version {bundle.version} is installed in {wish.prefix}; {how}{pending}"
