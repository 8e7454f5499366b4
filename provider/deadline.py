"""The time that a whole request has, shared by everything that waits."""

import time
from collections.abc import Callable


class Deadline:
    """A point in time, by a clock that nobody turns."""

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._end = monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds that are left, never less than 0."""
        return max(0.0, self._end - self._monotonic())
