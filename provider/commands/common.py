"""What the commands share: the options that say where things are, and a limit on time that nothing can hold up."""

import _thread
import argparse
import os
import time
from typing import TextIO

from provider.errors import Unreachable
from provider.journal import LEVELS, Journal
from provider.places import DEFAULTS, PROGRAM, Places

HELP = {
    "--config": "the configuration: an acr-configuration ConfigMap, or its data alone",
    "--local": "the node's own configuration: endpoints and ca-file",
    "--state-dir": "where the ready answers are",
    "--data-dir": "where the cluster's date is",
}


def parser(command: str, description: str, *options: str) -> argparse.ArgumentParser:
    """Return a parser for one command, with those of the common options that it uses."""
    made = argparse.ArgumentParser(f"{PROGRAM} {command}", description=description, allow_abbrev=False)
    for name in options or DEFAULTS:
        made.add_argument(name, metavar="PATH", default=DEFAULTS[name], help=f"{HELP[name]} (default: %(default)s)")
    return made


def add_cluster_options(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the options of a command that can look at a cluster as well; `what` it does then."""
    parser.add_argument("--cluster", action="store_true", help=what)
    parser.add_argument(
        "--kubeconfig", metavar="FILE", default="", help="with --cluster: how to reach it (default: as kubectl does)"
    )
    parser.add_argument(
        "--namespace",
        metavar="NAME",
        default=PROGRAM,
        help="with --cluster: where our Leases are (default: %(default)s)",
    )


def places_of(arguments: argparse.Namespace) -> Places:
    """Return the places that the common options name."""
    return Places({name: getattr(arguments, name[2:].replace("-", "_")) for name in DEFAULTS})


class StreamJournal(Journal):
    """Shows warnings to whoever runs the command."""

    log_level = "warning"

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, line: str, level: str = "warning") -> None:
        """Show a line, whatever `log-level` says, unless it is mere information."""
        if LEVELS[level] <= LEVELS["warning"]:
            self._stream.write(f"{PROGRAM}: warning: {line}\n")


def limit_time(seconds: float, stderr: TextIO, what: str) -> None:
    """End the process after some seconds: a DNS server that is silent cannot be interrupted in any other way."""

    def expire() -> None:
        time.sleep(seconds)
        stderr.write(f"{PROGRAM}: {Unreachable(f'no answer within {seconds:g} s while {what}')}\n")
        stderr.flush()
        os._exit(1)

    _thread.start_new_thread(expire, ())
