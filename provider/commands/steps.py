"""Checks in their order, as `doctor` goes through them: what became of each, and what is left out behind a failure."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from provider.errors import ProviderError

State = Literal["ok", "failed", "skipped"]
Subject = TypeVar("Subject")


class Skip(Exception):
    """A step that there is nothing to check for; the text says why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a step. `detail` says what was found, what failed and what to do, or why it was skipped."""

    step: str
    state: State
    detail: str
    exit_status: int = 0


def walk(subject: Subject, steps: Iterable[tuple[str, Callable[[Subject], str], tuple[str, ...]]]) -> Iterator[Finding]:
    """Yield a finding for each step (name, what is done, the steps that it needs) as soon as it is there.

    Those behind a failure that need it are skipped.
    """
    failed: set[str] = set()
    for name, step, needs in steps:
        missing = [need for need in needs if need in failed]
        if missing:
            failed.add(name)
            yield Finding(name, "skipped", f"needs: {', '.join(missing)}")
            continue
        try:
            yield Finding(name, "ok", step(subject))
        except Skip as reason:
            failed.add(name)
            yield Finding(name, "skipped", str(reason))
        except ProviderError as error:
            failed.add(name)
            yield Finding(name, "failed", str(error), error.exit_status)
