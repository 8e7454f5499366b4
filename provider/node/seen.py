"""What is seen of a node, as values. `provider.node.looking` gathers it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from provider.node.detect.found import Found
from provider.node.provider_file.entry import Entry
from provider.node.record import Record

Pending = Literal["", "unfinished", "unproven"]
"""Whether a change is under way or was cut short, or is there and no kubelet has started with it yet."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit, in systemd's own words."""

    load: str
    """`loaded`, `not-found`, …"""
    active: str
    """`active`, `inactive`, `failed`, …"""
    enabled: str
    """`enabled`, `disabled`, …"""


@dataclass(frozen=True, slots=True)
class ProviderFile:
    """What the kubelet's next start will read, and what it will think of it."""

    path: str
    """Of the file that our entry is in, or ought to be."""
    placed: float
    """When that file was last written, in seconds since the epoch; 0 where it is missing."""
    entry: Entry | None
    problems: tuple[str, ...]
    """Why the kubelet would not start with all that it will read."""


@dataclass(frozen=True, slots=True)
class Seen:
    """All of it. Texts that say what is wrong are empty where nothing is."""

    now: float
    record: Record | None = None
    record_problem: str = ""
    versions: tuple[str, ...] = ()
    current: str = ""
    bundle_problem: str = ""
    """What is missing or damaged in the version that counts."""
    program_problem: str = ""
    """Why PREFIX/bin/PROGRAM does not run."""
    link_problem: str = ""
    """Why the program does not run where the kubelet looks for it."""
    found: Found | None = None
    found_problem: str = ""
    healthy: bool = False
    flags_next: bool = False
    """Whether the flags of the kubelet's next start name what install chose."""
    flags_live: bool | None = None
    """The same of the running one; None where that is not known (no kubelet, or k3s: it has no flags)."""
    provider: ProviderFile | None = None
    drifted: Mapping[str, str] = field(default_factory=dict)
    """Paths of ours alone that are not as install left them, and how."""
    tokens_obstacle: str = ""
    """Why the kubelet would not start with tokenAttributes, and the way out."""
    pending: Pending = ""
    units: Mapping[str, Unit] | None = None
    """None where systemd does not run."""
