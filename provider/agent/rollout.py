"""The roll-out: who may restart a kubelet now, and what is written down of it. Pure.

Lease `rollout` is the record: which node was the first to be well with a version, and which nodes failed. K Leases
`rollout.slot-N` are the slots: who holds one may restart its kubelet.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from lightkube.models.coordination_v1 import LeaseSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.coordination_v1 import Lease

from provider.kubernetes.leases import micro_time
from provider.kubernetes.names import PREFIX
from provider.kubernetes.node_lease import KIND
from provider.places import PROGRAM

RECORD = "rollout"
LABELS = {KIND: "rollout", "app.kubernetes.io/managed-by": PROGRAM}
"""Of record and slots."""
CANARY_VERSION, CANARY_NODE, STOPPED = (f"{PREFIX}{name}" for name in ("canary-version", "canary-node", "stopped"))

STOP_SECONDS = 900
"""How long a node that failed holds the others up after its last try: one that is gone does not for ever."""
GPU_SECONDS = 60
"""How long a GPU node waits at least: the other nodes' pods start at the same time as its own."""
REMOVAL = "removal"
"""Stands in the place of a version while the program is taken off all nodes."""
REASON_LIMIT = 200
"""Characters."""
SOON_SECONDS, LATE_SECONDS, SLOWER = 20.0, 60.0, 10.0
"""The longest pause between two looks: at first, and after some minutes; a second more for each `SLOWER` waited."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A node that failed, and holds the others up."""

    reason: str
    until: float
    """Seconds since the epoch, by that node's clock."""
    version: str
    """What it failed with; `REMOVAL` where it is being taken away."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of the roll-out."""

    canary_version: str = ""
    """The version that a node has been restarted with and is well; empty for none."""
    canary_node: str = ""
    stopped: Mapping[str, Stop] = field(default_factory=dict)
    """The nodes that failed, by name."""

    def stops(self, node: str, version: str, now: float) -> Mapping[str, Stop]:
        """Return the nodes that hold `node` up; it is never held up by itself, nor by another version's failure."""
        return {
            name: stop
            for name, stop in self.stopped.items()
            if name != node and stop.version == version and now < stop.until
        }


@dataclass(frozen=True, slots=True)
class Asking:
    """A node that wants to restart its kubelet."""

    node: str
    version: str
    """`REMOVAL` for a removal."""
    slots: int
    gpu: bool = False

    @property
    def removes(self) -> bool:
        """Tell whether the program is taken away: that needs no canary."""
        return self.version == REMOVAL


@dataclass(frozen=True, slots=True)
class Seen:
    """What a node sees of the others."""

    record: Record
    held: Mapping[int, str]
    """The slots that somebody holds, and who; one whose holder has died is none of these."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The slots that may be taken, the best one first; with none, `reason` says what is waited for."""

    slots: Sequence[int]
    reason: str = ""


def slot_name(number: int) -> str:
    """Return the name of a slot's Lease."""
    return f"{RECORD}.slot-{number}"


def judge(asking: Asking, seen: Seen, now: float, *, others: bool = False) -> Verdict:
    """Decide what a node may do now.

    `now`: seconds since the epoch. `others`: whether nodes without GPU are not done yet.
    """
    stops = seen.record.stops(asking.node, asking.version, now)
    if stops:
        name, stop = next(iter(stops.items()))
        return Verdict((), f"the roll-out is stopped: node {name} failed: {stop.reason}")
    if asking.gpu and others:
        return Verdict((), "GPU nodes are the last, and others are not done")
    allowed = range(asking.slots)
    is_proven = asking.removes or seen.record.canary_version == asking.version
    if not is_proven:
        allowed = range(1)
    mine = [number for number in allowed if seen.held.get(number) == asking.node]
    free = [number for number in allowed if number not in seen.held]
    if mine or free:
        # Nodes that begin at the same moment do not all want the same slot.
        turn = sum(asking.node.encode()) % len(free) if free else 0
        return Verdict((*mine, *free[turn:], *free[:turn]))
    if not is_proven:
        return Verdict((), f"another node is the first to get version {asking.version}")
    return Verdict((), "all slots are taken by other nodes")


def pause_seconds(waited: float, chance: float) -> float:
    """Return how long to wait until the next look. `waited`: seconds so far; `chance`: from 0 to 1."""
    longest = min(SOON_SECONDS + waited / SLOWER, LATE_SECONDS)
    return longest * (1 + chance) / 2


def with_failure(record: Record, asking: Asking, reason: str, now: float) -> Record:
    """Return the record with a node's failure, and without those that no longer count."""
    short = " ".join(reason.split())[:REASON_LIMIT]
    kept = _current(record.stopped, now)
    return replace(record, stopped={**kept, asking.node: Stop(short, now + STOP_SECONDS, asking.version)})


def with_success(record: Record, asking: Asking, now: float, *, restarted: bool) -> Record:
    """Return the record with a node's success. `restarted`: its kubelet was, and so it shows something of others."""
    kept = {name: stop for name, stop in _current(record.stopped, now).items() if name != asking.node}
    if asking.removes or not restarted or record.canary_version == asking.version:
        return replace(record, stopped=kept)
    return Record(asking.version, asking.node, kept)


def record_lease(record: Record, namespace: str, now: float, resource_version: str | None) -> Lease:
    """Return the Lease that says so. `resource_version`: of the one that it replaces; None: there is none."""
    stopped = {
        name: {"reason": stop.reason, "until": int(stop.until), "version": stop.version}
        for name, stop in record.stopped.items()
    }
    said = {
        CANARY_VERSION: record.canary_version,
        CANARY_NODE: record.canary_node,
        STOPPED: json.dumps(stopped) if stopped else "",
    }
    holder = f"stopped by {', '.join(sorted(stopped))}" if stopped else f"{record.canary_version} goes on"
    return Lease(
        metadata=ObjectMeta(
            name=RECORD,
            namespace=namespace,
            labels=LABELS,
            annotations={key: value for key, value in said.items() if value},
            resourceVersion=resource_version,
        ),
        spec=LeaseSpec(holderIdentity=holder.strip(), leaseDurationSeconds=STOP_SECONDS, renewTime=micro_time(now)),
    )


def read_record(lease: Lease) -> Record:
    """Return what the Lease says; what cannot be read counts as not there."""
    said = (lease.metadata.annotations or {}) if lease.metadata else {}
    return Record(said.get(CANARY_VERSION, ""), said.get(CANARY_NODE, ""), _stopped(said.get(STOPPED, "")))


def slot_lease(
    number: int, namespace: str, holder: str, seconds: int, now: float, resource_version: str | None
) -> Lease:
    """Return a slot's Lease. `holder`: a node; empty: it is free."""
    return Lease(
        metadata=ObjectMeta(
            name=slot_name(number), namespace=namespace, labels=LABELS, resourceVersion=resource_version
        ),
        spec=LeaseSpec(holderIdentity=holder or None, leaseDurationSeconds=seconds, renewTime=micro_time(now)),
    )


def _current(stopped: Mapping[str, Stop], now: float) -> dict[str, Stop]:
    return {name: stop for name, stop in stopped.items() if now < stop.until}


def _stopped(text: str) -> dict[str, Stop]:
    try:
        found = json.loads(text or "{}")
        return {
            str(name): Stop(str(stop["reason"])[:REASON_LIMIT], float(stop["until"]), str(stop["version"]))
            for name, stop in found.items()
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
