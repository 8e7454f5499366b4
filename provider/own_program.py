"""Runs this program once more, as a child that ends: what it loads goes with it, and what hangs in it ends in time."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

NOT_IN_TIME = -1
"""The status of a child that was killed for being late."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a child left. `status`: its exit status, or NOT_IN_TIME."""

    status: int
    stdout: bytes = field(repr=False)
    stderr: str


def own_command() -> list[str]:
    """Return the command line that starts this program, frozen or from source."""
    if hasattr(sys, "_MEIPASS"):
        return [sys.executable]
    return [sys.executable, "-m", "provider"]


def run_own(arguments: Sequence[str], seconds: float) -> Done:
    """Run this program with arguments, which hold no secret, and return what it left; after `seconds` it is killed."""
    try:
        done = subprocess.run(  # noqa: S603 (our own program, no shell)
            [*own_command(), *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return Done(NOT_IN_TIME, b"", f"no answer within {seconds:g} s")
    return Done(done.returncode, done.stdout, done.stderr.decode(errors="replace"))
