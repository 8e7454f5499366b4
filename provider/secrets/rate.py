"""How fast the API server is asked: so many requests a second for all, and longer and longer waits after failures."""

import asyncio
import random
from collections.abc import Callable

RATE = 200.0
"""Requests a second, of all workers together."""
BURST = 20
"""How many may be sent at once after a quiet time."""
PAUSE_LIMIT = 60.0
"""Seconds; the API server is not obeyed beyond that, since it means well and may be wrong."""
BACK_OFF_FIRST = 0.5
BACK_OFF_LIMIT = 60.0
CONTEST_LIMIT = 600.0
CONTEST_SECONDS = 1800.0
"""After so long without it, what was undone is forgotten."""


class Bucket:
    """A token bucket, and a time in which nobody gets anything. Pure: seconds of any clock go in."""

    def __init__(self, rate: float = RATE, burst: int = BURST) -> None:
        self._interval = 1 / rate
        self._slack = (burst - 1) * self._interval
        self._next = 0.0
        self._paused_until = 0.0

    def reserve(self, now: float) -> float:
        """Take the next place and return how many seconds after `now` it is."""
        moment = max(self._next, now - self._slack)
        self._next = moment + self._interval
        return max(0.0, moment - now)

    def pause(self, now: float, seconds: float) -> None:
        """Let nobody pass for so long; those who wait already have to wait longer, and then come at the usual rate."""
        self._paused_until = max(self._paused_until, now + min(seconds, PAUSE_LIMIT))
        self._next = max(self._next, self._paused_until)

    def paused(self, now: float) -> float:
        """Return how many seconds the pause still lasts."""
        return max(0.0, self._paused_until - now)


class Pace:
    """The bucket for coroutines."""

    def __init__(self, monotonic: Callable[[], float], bucket: Bucket | None = None) -> None:
        self._monotonic = monotonic
        self._bucket = bucket or Bucket()

    async def turn(self) -> None:
        """Return when a request may be sent."""
        wait = self._bucket.reserve(self._monotonic())
        while wait > 0:
            await asyncio.sleep(wait)
            wait = self._bucket.paused(self._monotonic())

    def pause(self, seconds: float) -> None:
        """Let everybody wait for so long."""
        self._bucket.pause(self._monotonic(), seconds)


def back_off(failures: int, limit: float = BACK_OFF_LIMIT, chance: Callable[[], float] = random.random) -> float:
    """Return the seconds to wait after so many failures in a row: anything up to a bound that doubles ("full jitter").

    So those who failed together do not come back together.
    """
    return chance() * min(limit, BACK_OFF_FIRST * 2.0 ** min(failures, 30))


class Contest:
    """Those whose work somebody undoes again and again: they get it done less and less often, so that nobody fights."""

    def __init__(self, forget_seconds: float = CONTEST_SECONDS) -> None:
        self._forget_seconds = forget_seconds
        self._undone: dict[str, tuple[int, float]] = {}

    def undone(self, key: str, now: float) -> float:
        """Return the seconds to wait before it is done again. `now`: seconds of a clock that goes forward."""
        times, last = self._undone.get(key, (0, now))
        times = times + 1 if now - last < self._forget_seconds else 1
        self._undone[key] = (times, now)
        return 0.0 if times == 1 else min(CONTEST_LIMIT, BACK_OFF_FIRST * 2.0 ** min(times, 30))

    def times(self, key: str, now: float) -> int:
        """Return how often it was undone lately."""
        times, last = self._undone.get(key, (0, now))
        return times if now - last < self._forget_seconds else 0

    def clear(self) -> None:
        """Know nothing more of any."""
        self._undone.clear()

    def forget(self, key: str) -> None:
        """Know nothing more of it."""
        self._undone.pop(key, None)
