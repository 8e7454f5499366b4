"""Tells the cluster how its node is, from a thread of its own: an API server that is away holds up nothing else."""

import random
import threading
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TypeVar

from lightkube import Client
from lightkube.resources.coordination_v1 import Lease

from provider.agent.node_state import Complaint
from provider.errors import ProviderError, place_of
from provider.kubernetes.client import CONFLICT, NOT_FOUND, ApiFailure, Count, ask
from provider.kubernetes.events import HOUR, event
from provider.kubernetes.names import CONFIG_MAP, SYSTEM_NAMESPACE
from provider.kubernetes.node_lease import SECONDS, NodeState, lease_of, state_of

RENEW_SECONDS = SECONDS / 3
APART_SECONDS = 10.0
"""Between two writes of the Lease at least."""
MOST_APART_SECONDS = 120.0
"""Between two tries at most, while the API server refuses or is away."""
SPREAD_SECONDS = 20.0
"""In which all nodes say what all of them find; the first one to say it is enough."""

Result = TypeVar("Result")


class Turns:
    """When the Lease is to be written. Times are seconds of one clock that does not step."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._said: NodeState | None = None
        self._not_before = 0.0
        self._renew = 0.0
        self._failures = 0

    def is_pause(self, now: float) -> bool:
        """Tell whether the last write, or try, is too near."""
        return now < self._not_before

    def is_due(self, state: NodeState, now: float) -> bool:
        """Tell whether there is something new, or it is time."""
        return state != self._said or now >= self._renew

    def done(self, state: NodeState, now: float) -> None:
        """Take it as written. Nodes that began together do not stay together."""
        self._said, self._failures = state, 0
        self._not_before = now + APART_SECONDS
        self._renew = now + RENEW_SECONDS * (0.9 + 0.2 * self._chance())

    def failed(self, now: float, retry_after: float = 0) -> None:
        """Wait longer each time, and no less than the API server asks for."""
        wait = min(MOST_APART_SECONDS, APART_SECONDS * 2**self._failures)
        self._failures = min(self._failures + 1, 10)
        self._not_before = now + max(retry_after, wait * (0.5 + 0.5 * self._chance()))


def _with_what_was_placed(state: NodeState, placed: NodeState) -> NodeState:
    """Return the state with what `agent place` alone knows. Without the program there is no report either."""
    if placed.state == "unable" and state.state != "removed" and not state.version:
        return replace(state, state="unable", detail=placed.detail, gpu=placed.gpu)
    version = state.version or ("" if state.state == "removed" else placed.version)
    if state.state == "removed" and placed.restart_pending:
        # The kubelet that runs has the flags still; when it has them no longer, the agent's container cannot see.
        state = replace(state, state="pending", detail=placed.detail, restart_pending=True)
    return replace(state, gpu=placed.gpu, version=version)


class Complaints:
    """What is said in Events: once an hour each while it lasts, by whichever node is first."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._from: dict[Complaint, float] = {}
        self._said: dict[Complaint, int] = {}

    def take(self, complaints: Collection[Complaint], now: float) -> None:
        """Take what there is to say now."""
        known = self._from
        self._from = {each: known.get(each, now + SPREAD_SECONDS * self._chance()) for each in complaints}

    def due(self, now: float, epoch: float) -> list[Complaint]:
        """Return what to say. An Event that says the same has another name in each hour, too."""
        hour = int(epoch // HOUR)
        self._said = {each: said for each, said in self._said.items() if said == hour}
        return [each for each, begins in self._from.items() if now >= begins and each not in self._said]

    def done(self, complaint: Complaint, epoch: float) -> None:
        """Take it as said."""
        self._said[complaint] = int(epoch // HOUR)


class Cluster:
    """The API server, as the agent of one node uses it: its Lease, and Events on the ConfigMap."""

    def __init__(
        self,
        namespace: str,
        connect: Callable[[], AbstractContextManager[Client]],
        count: Count,
        say: Callable[[str], None],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._namespace = namespace
        self._connect = connect
        self._count = count
        self._say = say
        self._turns = Turns(chance)
        self._complaints = Complaints(chance)
        self._told: tuple[NodeState, tuple[Complaint, ...]] | None = None
        self._placed: NodeState | None = None
        """What the Lease said when this began."""
        self._has_read = False
        self._trouble = ""
        self._wake = threading.Event()

    def start(self, beside: Callable[[float], None] = lambda now: None) -> None:
        """Begin; it ends with the process. `beside`: what else waits for the API server, called as `take_turn` is."""
        threading.Thread(target=self._go_on, args=(beside,), daemon=True).start()

    def tell(self, state: NodeState, complaints: tuple[Complaint, ...]) -> None:
        """Take how the node is now, and what is to be said in Events. Returns at once."""
        self._told = state, complaints
        self._wake.set()

    def _go_on(self, beside: Callable[[float], None]) -> None:
        while True:
            self._wake.wait(1)
            self._wake.clear()
            beside(time.monotonic())
            self.take_turn(time.monotonic(), time.time())

    def take_turn(self, now: float, epoch: float) -> None:
        """Write what is due, if anything is. `now`: of a clock that does not step; `epoch`: seconds since the epoch."""
        if self._told is None:
            return
        state, complaints = self._told
        self._complaints.take(complaints, now)
        writes, due = self._turns.is_due(state, now), self._complaints.due(now, epoch)
        if self._turns.is_pause(now) or not (writes or due):
            return
        try:
            with self._connect() as client:
                if writes:
                    self._write(client, replace(state, renewed=epoch))
                    self._turns.done(state, now)
                for complaint in due:
                    self._complain(client, complaint, epoch)
                    self._complaints.done(complaint, epoch)
        except ProviderError as error:
            self._turns.failed(now, error.retry_after if isinstance(error, ApiFailure) else 0)
            self._mind(str(error))
        except Exception as error:
            self._turns.failed(now)
            self._mind(place_of(error))
        else:
            self._mind("")

    def _write(self, client: Client, state: NodeState) -> None:
        """Write the node's Lease; which program `agent place` put there, and on what kind of node, stays in it."""
        if not self._has_read:
            self._placed = self._read(client, state.node)
            self._has_read = True
        if self._placed is not None:
            state = _with_what_was_placed(state, self._placed)
        lease = lease_of(state, self._namespace)
        self._ask("PATCH", "write", lambda: client.apply(lease, force=True))

    def _read(self, client: Client, node: str) -> NodeState | None:
        try:
            return state_of(self._ask("GET", "read", lambda: client.get(Lease, node, namespace=self._namespace)))
        except ApiFailure as failure:
            if failure.status != NOT_FOUND:
                raise
            return None

    def _complain(self, client: Client, complaint: Complaint, epoch: float) -> None:
        said = complaint.reason, complaint.text
        made = event("ConfigMap", SYSTEM_NAMESPACE, CONFIG_MAP, *said, warning=True, now=epoch)
        try:
            self._ask("POST", "make", lambda: client.create(made), "an Event on the ConfigMap")
        except ApiFailure as failure:
            if failure.status != CONFLICT:
                raise

    def _ask(self, method: str, verb: str, call: Callable[[], Result], what: str = "the Lease of this node") -> Result:
        try:
            result = ask(f"{verb} {what}", call)
        except ApiFailure as failure:
            self._count(method, failure.status)
            raise
        self._count(method, 201 if method == "POST" else 200)
        return result

    def _mind(self, trouble: str) -> None:
        """Say what goes wrong with the API server once, and that it is over."""
        if trouble != self._trouble:
            self._say(trouble or "the API server takes what this node says again")
            self._trouble = trouble
