"""Waiting for one's turn in the roll-out, and telling the others how it went."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal, TypeVar

from provider.agent.place_telling import Telling
from provider.agent.rollout import STOP_SECONDS, Record
from provider.agent.rollout_rules import (
    GPU_SECONDS,
    Asking,
    Seen,
    judge,
    mended,
    pause_seconds,
    with_failure,
    with_presence,
    with_success,
)
from provider.agent.rollout_tries import Tries
from provider.agent.slots import Clocks, Slots
from provider.kubernetes.client import ApiFailure
from provider.kubernetes.node_lease import State

REFUSALS = (401, 403, 404, 422)
"""Answers that stay the same until somebody changes the cluster."""
TRIES, PAUSE_SECONDS = 6, 5.0
"""How often the end is told to an API server that does not answer."""

MEANWHILE_SECONDS = 30.0
"""How long what goes on while a node waits is not done again: about once a minute it is, as the pauses are."""
LOOK_SECONDS = 300.0
"""How long a node that failed waits until it is looked at anew, whether something else is to be done by now."""

Result = TypeVar("Result")
Waited = Literal["taken", "ended", "look again"]


class Turn:
    """One node's turn. `say` takes lines for people."""

    def __init__(
        self,
        asking: Asking,
        slots: Slots,
        telling: Telling,
        clocks: Clocks,
        say: Callable[[str], None],
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        self._asking = asking
        self._slots = slots
        self._telling = telling
        self._clocks = clocks
        self._say = say
        self._meanwhile = meanwhile

    def planned(self, change: str, *, restarts: bool) -> None:
        """Take down what this node's kubelet would read, and whether it would be restarted."""
        self._asking = replace(self._asking, change=change, restarts=restarts)

    def wait(self) -> Waited:
        """Wait until a slot is taken or none is needed, or this process is to end, or the node is to be looked at anew.

        Raises ApiFailure where the API server refuses for good; one that does not answer is waited for.
        """
        began = furnished = self._clocks.monotonic()
        may_pause = True
        while True:
            waited, at_least = self._clocks.monotonic() - began, 0.0
            state: State = "waiting"
            try:
                # Asked for once, and while it counts.
                failed = self._failed() if may_pause else None
                may_pause = failed is not None
                if failed is not None and waited >= LOOK_SECONDS:
                    self._slots.change(lambda record: with_presence(record, self._asking, self._clocks.now()))
                    return "look again"
                state, reason = self._pausing(failed) if failed is not None else ("waiting", self._try(waited))
            except ApiFailure as failure:
                if failure.status in REFUSALS:
                    raise
                reason, at_least = str(failure), failure.retry_after
            if not reason:
                return "taken"
            if self._telling.keep(state, reason):
                self._say(f"waiting: {reason}")
            if self._clocks.wait(max(at_least, pause_seconds(waited, random.random()))):  # noqa: S311 (spreads nodes)
                return "ended"
            if self._clocks.monotonic() - furnished >= MEANWHILE_SECONDS:
                self._meanwhile()
                furnished = self._clocks.monotonic()

    def succeeded(self, *, used: bool) -> None:
        """Tell the others that the node is well, and give the slot back. `used`: its kubelet runs with the change."""
        self._tell_others(lambda record: with_success(record, self._asking, self._clocks.now(), used=used))

    def mended(self) -> None:
        """Tell the others of a node that failed and is well with nothing done. Raises ApiFailure."""
        if self._asking.node in self._slots.record().stopped:
            self._tell_others(lambda record: mended(record, self._asking.node, self._clocks.now()))

    def _tell_others(self, how: Callable[[Record], Record]) -> None:
        changed = self._insist(lambda: self._slots.change(how))
        self.end()
        before, after = changed or (Record(), Record())
        asking, now = self._asking, self._clocks.now()
        if asking.node in before.stopped and not after.stops("", asking.version, asking.change, now):
            self._telling.event(
                "RolloutResumed", f"node {asking.node} is well now: the roll-out goes on", warning=False
            )

    def failed(self, reason: str) -> None:
        """Tell the others that the node failed with what was to be done, before its slot is given back.

        Where its kubelet was to be restarted it makes a pause then before the next try.
        """
        asking = self._asking

        def record() -> Record:
            return self._slots.change(lambda record: with_failure(record, asking, reason, self._clocks.now()))[1]

        if asking.restarts:
            self._insist(lambda: self._write_try(reason))
            after = self._insist(record)
        else:
            after = self._insist(record, tries=1)
        self.end()
        if after is None or asking.node not in after.holding(self._clocks.now()):
            self.warn(reason)
            return
        is_first = not after.is_proven(asking.version, asking.change)
        how = "until it is well" + ("" if is_first else f", or {STOP_SECONDS // 60} minutes after its first failure")
        self._telling.event(
            "RolloutStopped", f"node {asking.node} failed: {reason}. Other nodes wait {how}", warning=True
        )

    def warn(self, reason: str) -> None:
        """Tell people of a node that failed and stops nobody."""
        self._telling.event("NodeFailed", f"node {self._asking.node} failed: {reason}", warning=True)

    def _write_try(self, reason: str) -> None:
        tries = self._telling.tries().failed(self._asking.work, reason, self._clocks.now())
        self._telling.tried(tries)
        self._telling.write("failed", reason)

    def end(self) -> None:
        """Give the slot back, if one is held."""
        if self._slots.taken is not None:
            self._insist(self._slots.release)

    def _failed(self) -> Tries | None:
        """Return the tries that failed with the same and too short a time ago."""
        tries = self._telling.tries()
        return None if tries.is_over(self._asking.work, self._clocks.now()) else tries

    def _pausing(self, tries: Tries) -> tuple[State, str]:
        at = datetime.fromtimestamp(tries.next(self._asking.work), UTC).strftime("%H:%M:%SZ")
        times = "once" if tries.count == 1 else f"{tries.count} times"
        return "failed", f"{tries.reason}; it failed {times}, and is tried again at {at}"

    def _try(self, waited: float) -> str:
        """Take a slot if one may; returns what is waited for, empty where one was taken or none is needed."""
        asking = self._asking
        seen = self._slots.look(asking.slots)
        others = asking.gpu and (waited < GPU_SECONDS or self._slots.others_at_work())
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
        return "another node is the first" if again.slots else again.reason

    def _insist(self, call: Callable[[], Result], tries: int = TRIES) -> Result | None:
        """Try for half a minute; None, and a warning, where it was in vain."""
        for tried in range(tries):
            try:
                return call()
            except ApiFailure as failure:
                is_last = tried + 1 == tries or failure.status in REFUSALS
                if is_last or self._clocks.wait(PAUSE_SECONDS):
                    self._say(f"warning: {failure}")
                    return None
        return None
