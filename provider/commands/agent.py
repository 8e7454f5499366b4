"""`agent`: what runs in pods of a cluster. Which duty is the first argument; the chart has the command lines."""

import argparse
import importlib
import os
import signal
from collections.abc import Sequence
from types import FrameType
from typing import TextIO

from provider.kubernetes.names import NAMESPACE
from provider.places import PROGRAM

DUTIES = {
    "place": ("provider.agent.place", "put the program on the node that the pod is on, or take it off"),
    "node": ("provider.agent.node", "keep configuration and identities of the node in step with the cluster"),
    "secrets": ("provider.secrets.run", "keep the compatibility Secrets, and answer the webhook"),
    "tokens": ("provider.secrets.asking", "get the tokens for the compatibility Secrets once, and end"),
}
"""Each is a module with `add_options(parser)` and `run(parsed, stdout, stderr) -> exit status`."""
ALONE = ("tokens",)
"""Duties that ask no API server."""


def run(arguments: Sequence[str], stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Do the duty that the first argument names."""
    name = arguments[0] if arguments else ""
    if name in DUTIES:
        return _run(name, arguments[1:], stdout, stderr)
    made = argparse.ArgumentParser(
        f"{PROGRAM} agent",
        description="Runs in the pods that the chart makes. `agent DUTY --help` tells more.",
        allow_abbrev=False,
    )
    duties = made.add_subparsers(metavar="DUTY", required=True)
    for duty, (_, summary) in DUTIES.items():
        duties.add_parser(duty, help=summary, add_help=False)
    made.parse_args(list(arguments))
    return 2


def _run(name: str, arguments: Sequence[str], stdout: TextIO, stderr: TextIO) -> int:
    place, summary = DUTIES[name]
    if name not in ALONE:
        end_while_loading()
    duty = importlib.import_module(place)
    made = argparse.ArgumentParser(f"{PROGRAM} agent {name}", description=f"To {summary}.", allow_abbrev=False)
    if name not in ALONE:
        made.add_argument(
            "--namespace", metavar="NAME", default=NAMESPACE, help="where our Leases are (default: %(default)s)"
        )
        made.add_argument(
            "--kubeconfig", metavar="FILE", default="", help="how to reach the API server (default: as a pod does)"
        )
    duty.add_options(made)
    return int(duty.run(made.parse_args(list(arguments)), stdout, stderr))


def end_while_loading() -> None:
    """Let SIGTERM and SIGINT end it at once until the duty says otherwise; nothing has been done by then.

    The kernel drops a signal that a container's first process has no handler for, and the pod would go on until its
    grace period is over.
    """

    def end(number: int, frame: FrameType | None) -> None:
        os._exit(1)

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, end)
