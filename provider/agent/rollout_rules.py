"""The roll-out's rules: who may restart a kubelet now, and what a success or a failure leaves in the record. Pure."""

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
    """A node that wants to restart its kubelet."""

    node: str
    version: str
    """`REMOVAL` for a removal."""
    slots: int
    gpu: bool = False
    change: str = ""
    """What its kubelet would read, told apart from other things it could; see `install --dry-run --json`."""

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
    """The slots that may be taken, the best one first; with none, `reason` says what is waited for."""

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


def with_failure(record: Record, asking: Asking, reason: str, now: float, *, restarts: bool = True) -> Record:
    """Return the record with a node's failure, and without those that no longer count.

    `restarts`: its kubelet was to be restarted. Such a node makes a pause that grows; one that fails without that is
    tried again at once, again and again, so that its first try alone counts.
    """
    if asking.removes:
        return record
    short = " ".join(reason.split())[:REASON_LIMIT]
    kept = _current(record.stopped, now)
    before = kept.pop(asking.node, None)
    is_known = not restarts and before is not None and before.version == asking.version
    tried = before.tried if is_known and before is not None else now
    kept = dict([*kept.items()][-(MOST_STOPS - 1) :])
    stop = Stop(short, now + STOP_SECONDS, asking.version, asking.change, tried)
    return replace(record, stopped={**kept, asking.node: stop})


def with_presence(record: Record, asking: Asking, now: float) -> Record:
    """Return the record with the word of a node that failed that it is still there."""
    stop = record.stopped.get(asking.node)
    if stop is None:
        return record
    return replace(record, stopped={**record.stopped, asking.node: replace(stop, until=now + STOP_SECONDS)})


def with_success(record: Record, asking: Asking, now: float, *, restarted: bool) -> Record:
    """Return the record with a node's success. `restarted`: its kubelet was, and so it shows something of others."""
    kept = {name: stop for name, stop in _current(record.stopped, now).items() if name != asking.node}
    if asking.removes or not restarted or record.is_proven(asking.version, asking.change):
        return replace(record, stopped=kept)
    if record.canary_version != asking.version:
        return Record(asking.version, asking.node, kept, (asking.change,))
    return replace(record, stopped=kept, proven=(*record.proven, asking.change)[-MOST_PROVEN:])


def _current(stopped: Mapping[str, Stop], now: float) -> dict[str, Stop]:
    return {name: stop for name, stop in stopped.items() if now < stop.until}
