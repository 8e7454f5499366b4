"""The commands for people: which there are, and what they have in common."""

import importlib
import sys
from collections.abc import Sequence
from typing import TextIO

from provider.errors import ProviderError
from provider.places import DEFAULTS, PROGRAM

COMMANDS = {
    "get": "what the kubelet would get for an image, and why",
    "doctor": "check every step in order, and explain the first failure",
    "warm": "renew the ready answers that are due soon",
    "config": "check a configuration, show it, print its schema",
    "install": "put this program on the node and let the kubelet ask it",
    "uninstall": "take it off the node; what install found comes back",
    "status": "what is installed, whether the kubelet uses it, what is missing",
    "repair": "put back what drifted since install",
    "agent": "what runs in pods of a cluster; the chart has the command lines",
    "version": "print the version",
}
"""Each is a module of this package with `run(arguments, stdin, stdout, stderr) -> exit status`."""

EXIT_STATUSES = "exit status: 0 done, 1 the cloud or the node refused, 2 wrong use or wrong configuration"


def usage() -> str:
    """Return the help text."""
    lines = [
        f"usage: {PROGRAM} [OPTION ...]              the kubelet's protocol on stdin and stdout",
        f"       {PROGRAM} COMMAND [ARGUMENT ...]",
        "",
        "Gives the kubelet credentials for images on Alibaba Cloud Container Registry (ACR).",
        "",
        "commands:",
        *(f"  {name:<10} {summary}" for name, summary in COMMANDS.items()),
        "",
        "options of the protocol, and of every command that uses what they name:",
        *(f"  {name} PATH  (default: {default})" for name, default in DEFAULTS.items()),
        "",
        f"`{PROGRAM} COMMAND --help` tells more. {EXIT_STATUSES}.",
        "",
    ]
    return "\n".join(lines)


def main(
    arguments: Sequence[str], stdin: TextIO = sys.stdin, stdout: TextIO = sys.stdout, stderr: TextIO = sys.stderr
) -> int:
    """Run the command that the first argument names and return its exit status."""
    name = arguments[0] if arguments else ""
    if name in ("-h", "--help", "help"):
        stdout.write(usage())
        return 0
    if name == "--version":
        name, arguments = "version", ["version"]
    if not name:
        stderr.write(f"{PROGRAM}: the kubelet's request is expected on standard input, not a terminal\n\n{usage()}")
        return 2
    if name not in COMMANDS:
        option = name.partition("=")[0] in DEFAULTS
        wrong = "an option is wrong or lacks its PATH" if option else f"there is no command or option {name!r}"
        stderr.write(f"{PROGRAM}: {wrong}\n\n{usage()}")
        return 2
    command = importlib.import_module(f"provider.commands.{name}")
    try:
        return int(command.run(list(arguments[1:]), stdin, stdout, stderr))
    except ProviderError as error:
        stderr.write(f"{PROGRAM}: {error}\n")
        return error.exit_status
    except BrokenPipeError:
        return 1
