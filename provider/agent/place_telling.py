"""What a node tells the cluster of itself: its Lease and Events. Nothing waits for it, and nothing fails for it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from lightkube import Client
from lightkube.resources.core_v1 import Event

from provider.agent.slots import CONFLICT, Clocks
from provider.errors import ProviderError
from provider.kubernetes.client import ApiFailure, ask
from provider.kubernetes.events import Limiter, event
from provider.kubernetes.names import DAEMON_SET, SYSTEM_NAMESPACE
from provider.kubernetes.node_lease import SECONDS, NodeState, State, lease_of

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
        self._told: tuple[State, str] | None = None
        self._renewed = 0.0

    def configured(self, problem: str) -> None:
        """Take down why the node's configuration is not the ConfigMap's; empty: it is."""
        self._state = replace(self._state, configuration=problem)

    def tell(self, state: State, detail: str = "", *, restart_pending: bool = False) -> None:
        """Write how the node is."""
        clocks = self._cluster.clocks
        now = replace(self._state, state=state, detail=detail, restart_pending=restart_pending, renewed=clocks.now())
        lease = lease_of(now, self._cluster.namespace)
        client = self._cluster.client
        self._cluster.attempt(lambda: ask("write the node's Lease", lambda: client.apply(lease, force=True)))
        self._told, self._renewed = (state, detail), clocks.monotonic()

    def keep(self, state: State, detail: str = "") -> bool:
        """Write it where it is something new, or was written a while ago; tells whether it is new."""
        is_new = self._told != (state, detail)
        if is_new or self._cluster.clocks.monotonic() - self._renewed >= KEEP_SECONDS:
            self.tell(state, detail)
        return is_new

    def event(self, reason: str, message: str, *, warning: bool) -> None:
        """Write an Event about the DaemonSet."""
        cluster = self._cluster
        made = event(
            "DaemonSet", SYSTEM_NAMESPACE, DAEMON_SET, reason, message, warning=warning, now=cluster.clocks.now()
        )
        cluster.attempt(lambda: _create(cluster.client, made))


def _create(client: Client, made: Event) -> None:
    try:
        ask(f"write an Event about DaemonSet {SYSTEM_NAMESPACE}/{DAEMON_SET}", lambda: client.create(made))
    except ApiFailure as failure:
        # It was said within this hour.
        if failure.status != CONFLICT:
            raise
