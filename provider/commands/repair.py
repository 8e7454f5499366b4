"""`repair`: puts back what drifted on this node, and nothing else."""

import os
from collections.abc import Sequence
from typing import TextIO

from provider import environment
from provider.commands.node_common import check_root, end_in_order, node_parser, places_in, sayer
from provider.node.bundle.source import source
from provider.node.difference import named, shown
from provider.node.domains import domains_for
from provider.node.files import NodeError
from provider.node.installation import Wish, carry_out, domains_in_entry, plan
from provider.node.machine import open_machine


def run(arguments: Sequence[str], stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Put back what is not as install left it."""
    made = node_parser(
        "repair",
        "Put back what is no longer as install left it. What needs a restart of the kubelet takes effect at its next "
        "start, unless --restart=now is given. A timer runs this every five minutes.",
        restart="never",
    )
    parsed = made.parse_args(list(arguments))
    root, say = check_root(parsed.root), sayer(stderr)
    surroundings = environment.take(os.environ)
    bundle = source()
    machine = open_machine(root, say)
    end_in_order()
    with machine.generations.lock():
        if not parsed.dry_run and machine.generations.recover():
            say("a change that was not ended, or not proven, was looked after")
        record = machine.generations.record()
        if record is None:
            raise NodeError("nothing is installed on this node: use install")
        # What is wrong with the configuration is the renewal's to say, not ours as well.
        told = domains_for(places_in(root), surroundings, lambda line: None, ask=False)
        domains = (*told, *domains_in_entry(machine))
        wish = Wish(record.prefix, record.delivery, parsed.restart == "now", domains)
        planned = plan(machine, wish, bundle)
        changes = [*planned.quiet, *planned.noticed]
        if parsed.dry_run:
            stdout.write(named(planned.quiet) + shown(planned.noticed))
            return 0
        restarted = carry_out(machine, wish, planned, None)
    for change in changes:
        say(f"{change.path} is put right")
    if changes and planned.restart_pending and not restarted:
        say(f"restart pending: it takes effect when {planned.found.unit} is started next")
    return 0
