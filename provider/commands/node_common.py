"""What the commands that change a node share: their options, root, and lines for people."""

import argparse
import hashlib
import json
import os
import signal
from collections.abc import Callable
from dataclasses import asdict
from types import FrameType
from typing import TextIO

from provider.errors import ConfigurationError
from provider.node.files import NodeError
from provider.node.machine import Machine
from provider.node.record import Record
from provider.places import DEFAULTS, PROGRAM, Places

Say = Callable[[str], None]
EXIT_STATUSES = (
    "exit status: 0 done, 1 the node refused and is as it was, 2 wrong use or wrong configuration, 3 this node can "
    "never have it: its kubelet is too old, or it has none, or no systemd"
)


def node_parser(command: str, description: str, *, restart: str) -> argparse.ArgumentParser:
    """Return a parser with the options that all of them have; `restart`: what --restart is without being given."""
    made = argparse.ArgumentParser(
        f"{PROGRAM} {command}", description=description, epilog=EXIT_STATUSES, allow_abbrev=False
    )
    made.add_argument("--root", metavar="DIR", help="work on the tree of an image instead of this machine")
    made.add_argument(
        "--restart",
        choices=("now", "never"),
        default=restart,
        help="whether to restart the kubelet where it must start anew; never: it takes effect at its next start "
        "(default: %(default)s)",
    )
    made.add_argument("--dry-run", action="store_true", help="show what would change, and change nothing")
    return made


def offer_json(parser: argparse.ArgumentParser) -> None:
    """Add the option of `foreseen`."""
    parser.add_argument(
        "--json",
        action="store_true",
        help="with --dry-run: print how many changes there would be, whether another program would be placed, and "
        "whether the kubelet would be restarted",
    )


def check_json(parser: argparse.ArgumentParser, parsed: argparse.Namespace) -> None:
    """End with exit status 2 where the option stands alone."""
    if parsed.json and not parsed.dry_run:
        parser.error("--json goes with --dry-run")


def foreseen(
    machine: Machine,
    changes: int,
    *,
    runs: bool,
    pending: bool,
    restart: bool,
    program: bool = False,
    change: str = "",
) -> str:
    """Return what `--dry-run --json` prints.

    `runs`: whether the kubelet does. `pending`: whether one must start anew for what is, or would be, on the disk.
    `restart`: whether it may be restarted now. An earlier change that is not settled may be put back first, with a
    restart of its own. `program`: whether another program would be placed. `change`: tells apart what a kubelet would
    read.
    """
    unsettled = bool(machine.generations.pending())
    restarts = restart and runs and (pending or unsettled)
    told = {"changes": changes, "program": program, "restart": restarts, "pending": pending, "change": change}
    return json.dumps(told) + "\n"


def change_of(record: Record) -> str:
    """Return what tells apart what a kubelet would read after an install; the same on nodes that are alike."""
    attributes = asdict(record.token_attributes) if record.token_attributes is not None else None
    read = [record.delivery, record.mode, record.provider_file, record.bin_dir, record.domains, attributes]
    return hashlib.sha256(json.dumps(read).encode()).hexdigest()[:16]


def check_root(root: str | None) -> str:
    """Return --root as a path without end slash; empty for this machine, which None means.

    Raises ConfigurationError; an empty path is an image's whose variable was never set. Raises NodeError for an
    ordinary user.
    """
    if os.geteuid():
        raise NodeError("root is needed: run this with sudo")
    if root is None:
        return ""
    if not os.path.isabs(root) or not os.path.normpath(root).strip("/"):
        raise ConfigurationError(
            f"--root {root!r}: must be the absolute path of an image's tree; without --root it is this machine"
        )
    return os.path.normpath(root)


def sayer(stderr: TextIO) -> Say:
    """Return what shows lines to whoever runs the command."""

    def say(line: str) -> None:
        stderr.write(f"{PROGRAM}: {line}\n")
        stderr.flush()

    return say


class Interrupted(NodeError):
    """Somebody ended the command; what it had begun is put back."""


def end_in_order() -> None:
    """Let a signal end the command as an error does, so that a change under way is put back."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        # Once: putting back is not to be interrupted.
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(f"ended by {signal.Signals(number).name}")

    for each in SIGNALS:
        # nohup(1) has SIGHUP ignored.
        if signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, interrupt)


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def recover(machine: Machine) -> None:
    """Look after what an earlier command left, and say what was put back."""
    line = machine.generations.recover()
    if line:
        machine.say(line)


def places_in(root: str) -> Places:
    """Return the node's usual places, in the tree of an image where one is given."""
    return Places({name: f"{root}{path}" for name, path in DEFAULTS.items()})
