"""A line of `status`, and what is kept of credentials on a node, which some of the lines are about."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from provider.answers import Answer
from provider.config.values import Configuration
from provider.node.docker_config import Chosen
from provider.places import PROGRAM
from provider.refusals import Refusal

State = Literal["ok", "note", "pending", "wrong"]
"""`pending`: right, and not in effect before the kubelet's next start. `note`: worth knowing, and no fault."""

REPAIR = f"`{PROGRAM} repair` mends it"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at."""

    subject: str
    state: State
    detail: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of credentials on this node."""

    answers: Sequence[Answer] = ()
    refusals: Sequence[Refusal] = ()
    problem: str = ""
    """Why they cannot be read, if they cannot; or what is wrong with the configuration."""
    fingerprint: str = ""
    """Of the configuration; answers made under another are not used."""
    domains: Sequence[str] = ()
    """Custom domains of the configured instances, as far as this node knows them, that matchImages must have."""
    configuration: Configuration | None = None
    """None where it cannot be read."""
    chosen: Chosen | None = None
    """What is delivered by the kubelet's config.json; None where nothing is."""


def as_text(lines: Sequence[Line], pending: str) -> str:
    """Return aligned lines, and what they come to. `pending`: what is said where some of them are."""
    shown = [f"{line.state:<8}{line.subject:<15}" + line.detail.replace("\n", "\n" + " " * 23) for line in lines]
    wrong = sum(line.state == "wrong" for line in lines)
    come_to = [f"{wrong} to mend"] if wrong else []
    come_to += [pending] if any(line.state == "pending" for line in lines) else []
    return "\n".join([*shown, "", ", ".join(come_to) or "all well", ""])
