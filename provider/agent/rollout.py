"""The roll-out's record and slots: what nodes write down for one another, in Leases. Pure.

Lease `rollout` is the record: which node was the first to be well with a version, and which nodes failed. K Leases
`rollout.slot-N` are the slots: who holds one may restart its kubelet, or be the first to get a program.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
CANARY_VERSION, CANARY_NODE, PROVEN, WELL, STOPPED = (
    f"{PREFIX}{name}" for name in ("canary-version", "canary-node", "proven", "well", "stopped")
)

STOP_SECONDS = 900
"""How long one node that failed holds others up; and how long one counts of which nothing is heard."""
MANY = 3
"""So many nodes that failed, with none that is well between, are no matter of one node: the others wait until one of
them is mended."""
REMOVAL = "removal"
"""Stands in the place of a version while the program is taken off all nodes."""
REASON_LIMIT = 200
"""Characters."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A node that failed. Times are seconds since the epoch, by that node's clock."""

    reason: str
    until: float
    """When it no longer counts; the node puts that off while it is there."""
    version: str
    """What it failed with."""
    change: str = ""
    """What its kubelet would have read; see `install --dry-run --json`."""
    failed: float = 0.0
    """When it failed first with that."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of the roll-out."""

    canary_version: str = ""
    """The version that a node is well with; empty for none."""
    canary_node: str = ""
    stopped: Mapping[str, Stop] = field(default_factory=dict)
    """The nodes that failed, by name."""
    proven: Sequence[str] = ()
    """What kubelets have read with that version and were well, the newest last."""
    well: float = 0.0
    """When a node was well last while others had failed; seconds since the epoch, by that node's clock."""

    def is_proven(self, version: str, change: str) -> bool:
        """Tell whether a node is well with the same."""
        return self.canary_version == version and change in self.proven

    def failing(self, version: str, now: float) -> Mapping[str, Stop]:
        """Return the nodes that failed with a version and still count."""
        return {name: stop for name, stop in self.stopped.items() if stop.version == version and now < stop.until}

    def holds(self, stop: Stop, change: str, now: float) -> bool:
        """Tell whether a failure that counts holds up who wants `change` with the same version.

        For some time it does in any case. After that it does while no node is well with this version, or with the same
        change; and where many failed since a node was well.
        """
        if now < stop.failed + STOP_SECONDS or self.canary_version != stop.version:
            return True
        is_same = stop.change == change and change not in self.proven
        latest = [each for each in self.failing(stop.version, now).values() if each.failed > self.well]
        return is_same or (stop in latest and len(latest) >= MANY)

    def stops(self, node: str, version: str, change: str, now: float) -> Mapping[str, Stop]:
        """Return the nodes that hold `node` up; it is never held up by itself, nor by another version's failure."""
        return {
            name: stop
            for name, stop in self.failing(version, now).items()
            if name != node and self.holds(stop, change, now)
        }

    def holding(self, now: float) -> Mapping[str, Stop]:
        """Return the nodes that hold up others like them."""
        return {
            name: stop for name, stop in self.stopped.items() if now < stop.until and self.holds(stop, stop.change, now)
        }


def slot_name(number: int) -> str:
    """Return the name of a slot's Lease."""
    return f"{RECORD}.slot-{number}"


def record_lease(record: Record, namespace: str, now: float, resource_version: str | None) -> Lease:
    """Return the Lease that says so. `resource_version`: of the one that it replaces; None: there is none."""
    stopped = {
        name: {
            "reason": stop.reason,
            "until": int(stop.until),
            "version": stop.version,
            "change": stop.change,
            "failed": int(stop.failed),
        }
        for name, stop in record.stopped.items()
    }
    said = {
        CANARY_VERSION: record.canary_version,
        CANARY_NODE: record.canary_node,
        PROVEN: " ".join(record.proven),
        WELL: str(int(record.well)) if record.well else "",
        STOPPED: json.dumps(stopped) if stopped else "",
    }
    holding = record.holding(now)
    holder = f"stopped by {', '.join(sorted(holding))}" if holding else f"{record.canary_version} goes on"
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
    stopped, proven = _stopped(said.get(STOPPED, "")), tuple(said.get(PROVEN, "").split())
    well = said.get(WELL, "")
    well_at = float(well) if well.isdecimal() else 0.0
    return Record(said.get(CANARY_VERSION, ""), said.get(CANARY_NODE, ""), stopped, proven, well_at)


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


def _stopped(text: str) -> dict[str, Stop]:
    try:
        found = json.loads(text or "{}")
        return {
            str(name): Stop(
                reason=str(stop["reason"])[:REASON_LIMIT],
                until=float(stop["until"]),
                version=str(stop["version"]),
                change=str(stop.get("change", "")),
                failed=float(stop.get("failed", 0)),
            )
            for name, stop in found.items()
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
