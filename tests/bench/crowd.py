"""Many at once on a cold node: what a node does that starts with fifty pods."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from tests.bench.process import WAIT_SECONDS, Command, Run, Started, Stuck, started
from tests.integration.memory import proportional_memory


@dataclass(frozen=True, slots=True)
class Crowd:
    """What they took together."""

    processes: int
    seconds: float
    """From the first one's start to the last one's end."""
    calls: int
    """Calls that reached ACR."""
    proportional: int
    """Bytes of all at the worst moment, shared pages counted once (Pss)."""


def seconds_together(command: Command, processes: int) -> tuple[float, list[Run]]:
    """Start them all, and return how long they took and what became of each."""
    with ExitStack() as stack:
        start = time.perf_counter()
        all_of_them = [stack.enter_context(started(command)) for _ in range(processes)]
        runs = [process.result() for process in all_of_them]
        return time.perf_counter() - start, runs


def memory_together(command: Command, processes: int) -> int:
    """Start them all and return the most memory that they took together.

    A run of its own: who looks at fifty processes all the time holds them up.
    """
    with ExitStack() as stack:
        all_of_them = [stack.enter_context(started(command)) for _ in range(processes)]
        most = max(_samples(all_of_them))
        for process in all_of_them:
            process.result()
        return most


def _samples(processes: list[Started]) -> Iterator[int]:
    until = time.monotonic() + WAIT_SECONDS
    together = 1
    while together:
        if time.monotonic() > until:
            raise Stuck("some of them did not end")
        # One that has ended and is not yet waited for has no memory any more.
        together = proportional_memory(process.pid for process in processes)
        yield together
        time.sleep(0.02)
