"""How often a node failed, in its own Lease: each try restarts its kubelet, so that the pause between them grows. Pure.

The kubelet's own pause for a container that fails is in the kubelet's memory, which each try takes from it.
"""

import json
from dataclasses import asdict, dataclass

from provider.agent.rollout import REASON_LIMIT

PAUSES = (300.0, 900.0, 3600.0)
"""Seconds after the first failure, the second, and each one more."""


@dataclass(frozen=True, slots=True)
class Tries:
    """The tries of one node that failed, one after the other."""

    count: int = 0
    last: float = 0.0
    """When the last one failed, in seconds since the epoch."""
    work: str = ""
    """What was tried."""
    reason: str = ""

    def next(self, work: str) -> float:
        """Return when `work` may be tried; something else than what failed may be at once."""
        if not self.count or work != self.work:
            return 0.0
        return self.last + PAUSES[min(self.count, len(PAUSES)) - 1]

    def is_over(self, work: str, now: float) -> bool:
        """Tell whether `work` may be tried now. A clock that was far ahead when it failed holds nothing up."""
        return now >= self.next(work) or self.last - now > PAUSES[-1]

    def failed(self, work: str, reason: str, now: float) -> "Tries":
        """Return them with one failure more."""
        count = self.count + 1 if work == self.work else 1
        return Tries(count, now, work, " ".join(reason.split())[:REASON_LIMIT])


def as_text(tries: Tries) -> str:
    """Return what the Lease keeps of them; empty where there was none."""
    return json.dumps({**asdict(tries), "last": int(tries.last)}) if tries.count else ""


def read_tries(text: str) -> Tries:
    """Return what the Lease says; what cannot be read counts as not there."""
    try:
        said = json.loads(text or "{}")
        found = Tries(int(said["count"]), float(said["last"]), str(said["work"]), str(said["reason"])[:REASON_LIMIT])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return Tries()
    return found if found.count > 0 else Tries()
