"""What the commands share: the options that say where things are, and a limit on time that nothing can hold up."""

import _thread
import argparse
import os
import time
from collections.abc import Callable, Sequence
from typing import TextIO

from provider.errors import Unreachable
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


def places_of(arguments: argparse.Namespace) -> Places:
    """Return the places that the common options name."""
    return Places({name: getattr(arguments, name[2:].replace("-", "_")) for name in DEFAULTS})


def journal_to(stream: TextIO) -> Callable[[str], None]:
    """Return a journal that a person reads at once."""
    return lambda line: print(f"{PROGRAM}: warning: {line}", file=stream)


def limit_time(seconds: float, stderr: TextIO, what: str) -> None:
    """End the process after some seconds: a DNS server that is silent cannot be interrupted in any other way."""

    def expire() -> None:
        time.sleep(seconds)
        stderr.write(f"{PROGRAM}: {Unreachable(f'no answer within {seconds:g} s while {what}')}\n")
        stderr.flush()
        os._exit(1)

    _thread.start_new_thread(expire, ())


def parse(made: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """Return the parsed arguments; wrong ones end the process with 2, as argparse does."""
    return made.parse_args(list(arguments))
