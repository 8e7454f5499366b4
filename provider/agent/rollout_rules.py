"""The roll-out's rules: who may change its node now, and what a success or a failure leaves in the record. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from provider.agent.rollout import REASON_LIMIT, REMOVAL, STOP_SECONDS, Record, Stop

GPU_SECONDS = 60
"""How long a GPU node waits at least: the other nodes' pods start at the same time as its own."""
SOON_SECONDS, LATE_SECONDS, SLOWER = 20.0, 60.0, 10.0
"""The longest pause between two looks: at first, and after some minutes; a second more for each `SLOWER` waited."""
MOST_STOPS, MOST_PROVEN = 20, 20
"""Kept in the record."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A node that wants to restart its kubelet, or to get another program without that."""

    node: str
    version: str
    """`REMOVAL` for a removal."""
    slots: int
    gpu: bool = False
    change: str = ""
    """What its kubelet would read, told apart from other things it could; see `install --dry-run --json`."""
    restarts: bool = True
    """Whether its kubelet is to be restarted."""

    @property
    def removes(self) -> bool:
        """Tell whether the program is taken away: that needs no canary, and nobody is held up by a node that fails."""
        return self.version == REMOVAL

    @property
    def work(self) -> str:
        """Return what is to be done, to be told apart from what failed before."""
        return f"{self.version} {self.change}".strip()


@dataclass(frozen=True, slots=True)
class Seen:
    """What a node sees of the others."""

    record: Record
    held: Mapping[int, str]
    """The slots that somebody holds, and who; one whose holder has died is none of these."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The slots that may be taken, the best one first; with none, `reason` says what is waited for.

    With neither, none is needed.
    """

    slots: Sequence[int]
    reason: str = ""


def judge(asking: Asking, seen: Seen, now: float, *, others: bool = False) -> Verdict:
    """Decide what a node may do now.

    `now`: seconds since the epoch. `others`: whether nodes without GPU are not done yet.
    """
    stops = seen.record.stops(asking.node, asking.version, asking.change, now)
    if stops and not asking.removes:
        name, stop = next(iter(stops.items()))
        return Verdict((), f"the roll-out is stopped: node {name} failed: {stop.reason}")
    if not asking.restarts and seen.record.canary_version == asking.version:
        return Verdict(())
    if asking.gpu and others:
        return Verdict((), "GPU nodes are the last, and others are not done")
    allowed = range(asking.slots)
    is_proven = asking.removes or seen.record.is_proven(asking.version, asking.change)
    if not is_proven:
        allowed = range(1)
    mine = [number for number in allowed if seen.held.get(number) == asking.node]
    free = [number for number in allowed if number not in seen.held]
    if mine or free:
        # Nodes that begin at the same moment do not all want the same slot.
        turn = sum(asking.node.encode()) % len(free) if free else 0
        return Verdict((*mine, *free[turn:], *free[:turn]))
    if not is_proven:
        what = "this change of version" if seen.record.canary_version == asking.version else "version"
        return Verdict((), f"another node is the first to get {what} {asking.version}")
    return Verdict((), "all slots are taken by other nodes")


def pause_seconds(waited: float, chance: float) -> float:
    """Return how long to wait until the next look. `waited`: seconds so far; `chance`: from 0 to 1."""
    longest = min(SOON_SECONDS + waited / SLOWER, LATE_SECONDS)
    return longest * (1 + chance) / 2


def with_failure(record: Record, asking: Asking, reason: str, now: float) -> Record:
    """Return the record with a node's failure, and without those that no longer count.

    One that fails again and again with the same tells nothing new: its first failure alone holds others up.
    """
    if asking.removes:
        return record
    short = " ".join(reason.split())[:REASON_LIMIT]
    kept = _current(record.stopped, now)
    before = kept.pop(asking.node, None)
    is_known = before is not None and (before.version, before.change) == (asking.version, asking.change)
    first = before.failed if is_known and before is not None else now
    kept = dict([*kept.items()][-(MOST_STOPS - 1) :])
    stop = Stop(short, now + STOP_SECONDS, asking.version, asking.change, first)
    return replace(record, stopped={**kept, asking.node: stop})


def with_presence(record: Record, asking: Asking, now: float) -> Record:
    """Return the record with the word of a node that failed that it is still there."""
    stop = record.stopped.get(asking.node)
    if stop is None:
        return record
    return replace(record, stopped={**record.stopped, asking.node: replace(stop, until=now + STOP_SECONDS)})


def with_success(record: Record, asking: Asking, now: float, *, used: bool) -> Record:
    """Return the record with a node's success. `used`: its kubelet runs with the change by now, and is well."""
    kept = mended(record, asking.node, now).stopped
    if asking.removes:
        return replace(record, stopped=kept)
    shown, well = (asking.change,) if used else (), now if kept else record.well
    if record.canary_version != asking.version:
        return Record(asking.version, asking.node, kept, shown, well)
    new = [change for change in shown if change not in record.proven]
    return replace(record, stopped=kept, proven=(*record.proven, *new)[-MOST_PROVEN:], well=well)


def mended(record: Record, node: str, now: float) -> Record:
    """Return the record without a node's failure, and without those that no longer count."""
    return replace(record, stopped={name: stop for name, stop in _current(record.stopped, now).items() if name != node})


def _current(stopped: Mapping[str, Stop], now: float) -> dict[str, Stop]:
    return {name: stop for name, stop in stopped.items() if now < stop.until}
