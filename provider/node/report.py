"""The node's report: what `status --json` says, left in a file for the agent, which sees no more of the node.

`repair`, every five minutes, and `install` write it when they are done.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from provider.node.files import File, NodeError, Tree
from provider.node.private_folder import make_private
from provider.places import DEFAULTS

FOLDER = f"{DEFAULTS['--state-dir']}/report"
NAME = "status.json"
LIMIT = 4 << 20
"""Bytes that are read."""
STALE_SECONDS = 20 * 60
"""The timer has missed its turn four times."""
LACKS = "matchImages lacks"
"""In the line of a provider file that is right, but knows too few of the configuration's domains."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The last time that a host was refused."""

    moment: float
    cause: str
    """`refused`, `unreachable` or `configuration`."""
    line: str
    """Which host, and why: the same on every node that is refused the same."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the agent takes from it. Times are seconds since the epoch."""

    written: float
    version: str
    """Of the program that is installed; empty where none is."""
    restart_pending: bool
    wrong: tuple[str, ...]
    """What is to be mended, a line each."""
    waiting: tuple[str, ...]
    """What is right and not in effect yet, or is to be taken up by the next `install`."""
    refusals: tuple[Refusal, ...]
    """The newest first."""

    def is_stale(self, now: float) -> bool:
        """Tell whether nobody has looked at the node for long."""
        return now - self.written > STALE_SECONDS


def write(fields: Mapping[str, Any], folder: str = FOLDER) -> None:
    """Leave the report, as a whole or not at all, readable by this user alone. Raises NodeError."""
    path = f"{folder}/{NAME}"
    try:
        make_private(folder)
    except OSError as error:
        raise NodeError(f"{folder}: {error.strerror}") from None
    Tree().put(path, File(json.dumps(fields).encode() + b"\n", 0o600, os.geteuid(), os.getegid()))


def read(folder: str = FOLDER) -> Report | None:
    """Return the report; None where there is none. Raises NodeError for one that cannot be read."""
    path = f"{folder}/{NAME}"
    try:
        with open(path, "rb") as file:
            written = os.fstat(file.fileno()).st_mtime
            content = file.read(LIMIT)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NodeError(f"{path}: {error.strerror}") from None
    try:
        return parse(json.loads(content), written)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise NodeError(f"{path}: is no report of this program's status") from None


def parse(fields: Mapping[str, Any], written: float) -> Report:
    """Return what the agent takes from the fields of `status --json`.

    Raises ValueError, TypeError, KeyError or AttributeError for anything else.
    """
    lines = [(line["state"], line["subject"], line["detail"]) for line in fields["lines"]]
    told = [(state, LACKS in detail, f"{subject}: {detail}") for state, subject, detail in lines]
    return Report(
        written=written,
        version=str((fields["installed"] or {}).get("version", "")),
        restart_pending=bool(fields["restartPending"]),
        wrong=tuple(line for state, lacks, line in told if state == "wrong" and not lacks),
        waiting=tuple(line for state, lacks, line in told if state == "pending" or (state == "wrong" and lacks)),
        refusals=tuple(_refusal(refusal) for refusal in fields["refusals"]),
    )


def _refusal(fields: Mapping[str, Any]) -> Refusal:
    code = f" (Code {fields['code']})" if fields["code"] else ""
    return Refusal(_seconds(fields["time"]), str(fields["cause"]), f"{fields['host']}: {fields['message']}{code}")


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
