"""How long credentials are kept.

Pure. Times are seconds since the epoch by the node's clock.
"""

from dataclasses import dataclass

MAXIMUM_JITTER = 60.0
"""Seconds by which a renewal comes earlier at most, so that a fleet started together does not ask together."""

JITTER_PART = 0.1
"""The part of the time before the renewal that the jitter may take at most."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """When to renew, and when it ends. `too_short` when all of it is within the threshold."""

    renew: int
    end: int
    too_short: bool


def lifetime(now: float, end: float, threshold: int, chance: float) -> Lifetime:
    """Return when credentials that end at `end` are to be renewed: `threshold` seconds before, less a jitter.

    `chance` is a number from 0 to 1 that chooses the jitter.
    Where they last no longer than the threshold: when half of what is left has gone.
    """
    usable = end - now - threshold
    if usable <= 0:
        return Lifetime(renew=int(now + max(0.0, end - now) / 2), end=int(end), too_short=True)
    jitter = chance * min(MAXIMUM_JITTER, usable * JITTER_PART)
    return Lifetime(renew=int(now + usable - jitter), end=int(end), too_short=False)
