"""`repair`: puts back what drifted on this node, and nothing else."""

import os
from collections.abc import Callable, Sequence
from typing import TextIO

from provider import environment
from provider.commands.node_common import check_root, end_in_order, node_parser, recover, sayer
from provider.commands.reporting import leave_report
from provider.node.bundle.source import source
from provider.node.difference import named, shown
from provider.node.files import NodeError
from provider.node.installation import Planned, Wish, carry_out, plan
from provider.node.machine import Machine, open_machine


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
    environment.take(os.environ)
    bundle = source()
    machine = open_machine(root, say)
    if machine.generations.record() is None and not machine.generations.pending():
        raise NodeError("nothing is installed on this node: use install")

    def planned() -> tuple[Wish, Planned]:
        record = machine.generations.record()
        if record is None:
            raise NodeError("it was put back a moment ago to what was before the install: use install")
        # Exactly what was installed: neither the configuration nor the cloud is asked what else there might be.
        restart = parsed.restart == "now"
        wish = Wish(record.prefix, record.delivery, restart, record.domains, record.token_attributes)
        return wish, plan(machine, wish, bundle)

    if parsed.dry_run:
        _, shows = planned()
        stdout.write(named(shows.quiet) + shown(shows.noticed))
        say("nothing was changed" if shows.quiet or shows.noticed else "nothing has drifted")
        return 0
    end_in_order()
    try:
        _put_right(machine, bundle.version, planned)
    finally:
        leave_report(root, say)
    return 0


def _put_right(machine: Machine, version: str, planned: Callable[[], tuple[Wish, Planned]]) -> None:
    with machine.generations.lock():
        recover(machine)
        record = machine.generations.record()
        if record is None or record.program != version:
            # What was put back is another version's to repair.
            return
        wish, plan_now = planned()
        restarted = carry_out(machine, wish, plan_now, None)
    changes = [*plan_now.quiet, *plan_now.noticed]
    for change in changes:
        machine.say(f"{change.path} is put right")
    if changes and plan_now.restart_pending and not restarted:
        machine.say(f"restart pending: it takes effect when {plan_now.found.unit} is started next")
