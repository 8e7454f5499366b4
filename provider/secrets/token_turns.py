"""When tokens are asked for. Pure: both clocks go in."""

import random
from collections.abc import Callable
from typing import Literal

LOOK_SECONDS = 30.0
"""How often the clock on the wall is looked at: it may jump, and we may have been stopped for hours."""
JUMP_SECONDS = 30.0
"""By how much the clock on the wall moves otherwise than the other one when somebody has set it."""
FIRST_SECONDS, LONGEST_SECONDS = 30.0, 300.0
"""The wait after a failure, which doubles."""
EXPECTED_SECONDS = 1800.0
"""The wait where nothing failed but what nobody configured."""

Turn = Literal["", "due", "all"]


class Turns:
    """Decides whether it is time. `now`: seconds since the epoch; `monotonic`: of a clock that nobody sets."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._asked_for = True
        self._offset: float | None = None
        self._every = False
        self._renew = 0
        self._failures = 0
        self._again: float | None = None

    def ask_soon(self) -> None:
        """Let the next look find it time: the configuration or an identity is another one."""
        self._asked_for = True

    def look(self, now: float, monotonic: float) -> Turn:
        """Tell whether to ask now: for what is `due`, or for `all` since what the clock said before counts no more.

        A machine that was suspended looks like one whose clock was set.
        """
        offset = now - monotonic
        if self._offset is not None and abs(offset - self._offset) > JUMP_SECONDS:
            self._every = True
        self._offset = offset
        if self._every:
            self._asked_for = False
            return "all"
        if self._asked_for:
            # What is asked for from now on comes too late for whoever begins now.
            self._asked_for = False
            return "due"
        if self._again is not None:
            return "due" if monotonic >= self._again else ""
        return "due" if self._renew and now >= self._renew else ""

    def done(self, renew: int, *, failed: bool, expected: bool, monotonic: float) -> None:
        """Take how it went. `renew`: when the first token is due, 0 where there is none; `failed`: some were not had.

        `expected`: all that failed is what nobody configured.
        """
        self._every = False
        self._renew = renew
        if failed:
            wait = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(self._failures, 10))
            self._failures += 1
            self._again = monotonic + wait * (0.5 + 0.5 * self._chance())
            return
        self._failures = 0
        self._again = monotonic + EXPECTED_SECONDS if expected else None
