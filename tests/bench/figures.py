"""What is told of a series of times. Pure; all times in seconds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True, slots=True)
class Figures:
    """One series in short."""

    runs: int
    p50: float
    least: float
    spread: float
    """Between the first and the third quartile: half of all runs lie within."""


def figures(seconds: Sequence[float]) -> Figures:
    """Return a series in short; it has one run at least."""
    first, third = quantiles(seconds, n=4, method="inclusive")[::2] if len(seconds) > 1 else (0.0, 0.0)
    return Figures(len(seconds), median(seconds), min(seconds), third - first)


def ratio(one: Figures, base: Figures) -> float:
    """Return how many times as long `one` takes as `base`, by p50."""
    return one.p50 / base.p50


def interleaved(subjects: int, rounds: int) -> Iterator[int]:
    """Yield the index of a subject for each run: all of them in each round, each round beginning with the next one.

    A machine drifts, and what ran before leaves its traces; so all share both alike.
    """
    for start in range(rounds):
        yield from ((start + place) % subjects for place in range(subjects))
