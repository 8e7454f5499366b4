"""What a node tells the cluster of itself: its Lease and Events. Nothing waits for it, and nothing fails for it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from lightkube import Client
from lightkube.resources.coordination_v1 import Lease
from lightkube.resources.core_v1 import Event

from provider.agent.node_state import Complaint
from provider.agent.rollout_tries import Tries, as_text, read_tries
from provider.agent.slots import Clocks
from provider.errors import ProviderError
from provider.kubernetes.client import CONFLICT, NOT_FOUND, ApiFailure, ask
from provider.kubernetes.events import Limiter, event
from provider.kubernetes.names import CONFIG_MAP, DAEMON_SET, SYSTEM_NAMESPACE
from provider.kubernetes.node_lease import SECONDS, NodeState, State, lease_of, state_of

SILENT_SECONDS = 30.0
"""An API server that did not answer is not asked again for so long: a node that boots does not wait for it."""
KEEP_SECONDS = SECONDS / 3

Result = TypeVar("Result")


class Attempts:
    """Calls of the API server that may fail: that is said, and no more."""

    def __init__(self, monotonic: Callable[[], float], say: Callable[[str], None]) -> None:
        self._monotonic = monotonic
        self._say = say
        self._limiter = Limiter()
        self._silent_until = 0.0

    def __call__(self, call: Callable[[], Result]) -> Result | None:
        """Return what the call returns; None where it failed, or was not tried."""
        if self._monotonic() < self._silent_until:
            return None
        try:
            return call()
        except ProviderError as error:
            if isinstance(error, ApiFailure) and not error.status:
                self._silent_until = self._monotonic() + SILENT_SECONDS
            if self._limiter.allow(str(error), self._monotonic()):
                self._say(f"warning: {error}")
        return None


@dataclass(frozen=True, slots=True)
class Cluster:
    """The API server, and where our objects are."""

    client: Client
    namespace: str
    clocks: Clocks
    attempt: Attempts


class Telling:
    """The Lease of one node. `state`: of which node, its version, and what else stays the same."""

    def __init__(self, cluster: Cluster, state: NodeState) -> None:
        self._cluster = cluster
        self._state = state
        self._is_read = False
        self._told: NodeState | None = None
        self._renewed = 0.0

    def configured(self, problem: str) -> None:
        """Take down why the node's configuration is not the ConfigMap's; empty: it is."""
        self._state = replace(self._state, configuration=problem)

    def tries(self) -> Tries:
        """Return what the Lease says now of tries that failed: who deletes it has them forgotten. Raises ApiFailure."""
        client, name = self._cluster.client, self._state.node
        found = None
        try:
            found = state_of(
                ask("read the node's Lease", lambda: client.get(Lease, name, namespace=self._cluster.namespace))
            )
        except ApiFailure as failure:
            if failure.status != NOT_FOUND:
                raise
        self.tried(read_tries(found.tries) if found is not None else Tries())
        return read_tries(self._state.tries)

    def tried(self, tries: Tries) -> None:
        """Take down what the Lease is to say of tries that failed."""
        self._state, self._is_read = replace(self._state, tries=as_text(tries)), True

    def tell(self, state: State, detail: str = "", *, restart_pending: bool = False) -> None:
        """Write how the node is, if that can be done."""
        self._cluster.attempt(lambda: self.write(state, detail, restart_pending=restart_pending))

    def write(self, state: State, detail: str = "", *, restart_pending: bool = False) -> None:
        """Write how the node is. Raises ApiFailure."""
        cluster = self._cluster
        # Taken as told also where it cannot be: the next one is not sooner.
        told = replace(self._state, state=state, detail=detail, restart_pending=restart_pending)
        self._told, self._renewed = _without_tries(told), cluster.clocks.monotonic()
        if not self._is_read:
            # What is not written again goes.
            self.tries()
        lease = lease_of(replace(told, tries=self._state.tries, renewed=cluster.clocks.now()), cluster.namespace)
        ask("write the node's Lease", lambda: cluster.client.apply(lease, force=True))

    def keep(self, state: State, detail: str = "") -> bool:
        """Write it where it is something new, or was written a while ago; tells whether it is new."""
        is_new = self._told != _without_tries(replace(self._state, state=state, detail=detail))
        if is_new or self._cluster.clocks.monotonic() - self._renewed >= KEEP_SECONDS:
            self.tell(state, detail)
        return is_new

    def event(self, reason: str, message: str, *, warning: bool) -> None:
        """Write an Event about the DaemonSet."""
        self._event("DaemonSet", DAEMON_SET, reason, message, warning=warning)

    def complain(self, complaint: Complaint) -> None:
        """Write an Event on the ConfigMap, as the node's agent does."""
        self._event("ConfigMap", CONFIG_MAP, complaint.reason, complaint.text, warning=True)

    def _event(self, kind: str, name: str, reason: str, message: str, *, warning: bool) -> None:
        cluster = self._cluster
        made = event(kind, SYSTEM_NAMESPACE, name, reason, message, warning=warning, now=cluster.clocks.now())
        cluster.attempt(lambda: _create(cluster.client, made, f"{kind} {SYSTEM_NAMESPACE}/{name}"))


def _without_tries(state: NodeState) -> NodeState:
    return replace(state, tries="")


def _create(client: Client, made: Event, about: str) -> None:
    try:
        ask(f"write an Event about {about}", lambda: client.create(made))
    except ApiFailure as failure:
        # It was said within this hour.
        if failure.status != CONFLICT:
            raise
