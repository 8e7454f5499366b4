"""Waiting for one's turn in the roll-out, and telling the others how it went."""

import random
from collections.abc import Callable
from typing import TypeVar

from provider.agent.place_telling import Telling
from provider.agent.rollout import (
    GPU_SECONDS,
    STOP_SECONDS,
    Asking,
    Record,
    Seen,
    judge,
    pause_seconds,
    with_failure,
    with_success,
)
from provider.agent.slots import Clocks, Slots
from provider.kubernetes.client import ApiFailure

REFUSALS = (401, 403, 404, 422)
"""Answers that stay the same until somebody changes the cluster."""
TRIES, PAUSE_SECONDS = 6, 5.0
"""How often the end is told to an API server that does not answer."""

Result = TypeVar("Result")


class Turn:
    """One node's turn. `say` takes lines for people."""

    def __init__(
        self, asking: Asking, slots: Slots, telling: Telling, clocks: Clocks, say: Callable[[str], None]
    ) -> None:
        self._asking = asking
        self._slots = slots
        self._telling = telling
        self._clocks = clocks
        self._say = say

    def wait(self) -> bool:
        """Wait until a slot is taken; False where this process is to end before.

        Raises ApiFailure where the API server refuses for good; one that does not answer is waited for.
        """
        began = self._clocks.monotonic()
        while True:
            waited, at_least = self._clocks.monotonic() - began, 0.0
            try:
                reason = self._try(waited)
            except ApiFailure as failure:
                if failure.status in REFUSALS:
                    raise
                reason, at_least = str(failure), failure.retry_after
            if not reason:
                return True
            if self._telling.keep("waiting", reason):
                self._say(f"waiting: {reason}")
            if self._clocks.wait(max(at_least, pause_seconds(waited, random.random()))):  # noqa: S311 (spreads nodes)
                return False

    def succeeded(self, *, restarted: bool) -> None:
        """Tell the others that the node is well. `restarted`: its kubelet was, in the slot that is given back."""
        changed = self._insist(
            "write the roll-out's record",
            lambda: self._slots.change(
                lambda record: with_success(record, self._asking, self._clocks.now(), restarted=restarted)
            ),
        )
        self.end()
        before, after = changed or (Record(), Record())
        asking, now = self._asking, self._clocks.now()
        if asking.node in before.stopped and not after.stops("", asking.version, now):
            self._telling.event(
                "RolloutResumed", f"node {asking.node} is well now: the roll-out goes on", warning=False
            )

    def mended(self) -> None:
        """Tell the others of a node that failed and is well without another restart. Raises ApiFailure."""
        if self._asking.node in self._slots.record().stopped:
            self.succeeded(restarted=False)

    def failed(self, reason: str) -> None:
        """Tell the others that the node failed in its slot, before that is given back."""
        self._insist(
            "write the roll-out's record",
            lambda: self._slots.change(lambda record: with_failure(record, self._asking, reason, self._clocks.now())),
        )
        self.end()
        self._telling.event(
            "RolloutStopped",
            f"node {self._asking.node} failed: {reason}. Other nodes wait until it is well, or {STOP_SECONDS // 60} "
            "minutes after its last try",
            warning=True,
        )

    def end(self) -> None:
        """Give the slot back, if one is held."""
        if self._slots.taken is not None:
            self._insist("give the slot back", self._slots.release)

    def _try(self, waited: float) -> str:
        """Take a slot if one may; returns what is waited for, empty where one was taken."""
        asking = self._asking
        if asking.gpu and waited < GPU_SECONDS:
            return "GPU nodes are the last"
        seen = self._slots.look(asking.slots)
        others = asking.gpu and self._slots.others_at_work()
        verdict = judge(asking, seen, self._clocks.now(), others=others)
        if not verdict.slots:
            return verdict.reason
        number = next(filter(self._slots.take, verdict.slots), None)
        if number is None:
            return "another node was faster"
        # What `look` saw may be of before the last holder's end.
        again = judge(asking, Seen(self._slots.record(), {number: asking.node}), self._clocks.now())
        if number in again.slots:
            return ""
        self._slots.release()
        return again.reason or "another node is the first"

    def _insist(self, what: str, call: Callable[[], Result]) -> Result | None:
        """Try for half a minute; None, and a warning, where it was in vain."""
        for tried in range(TRIES):
            try:
                return call()
            except ApiFailure as failure:
                is_last = tried + 1 == TRIES or failure.status in REFUSALS
                if is_last or self._clocks.wait(PAUSE_SECONDS):
                    self._say(f"warning: {failure}")
                    return None
        return None
