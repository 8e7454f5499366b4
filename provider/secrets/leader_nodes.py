"""What the leader does for all nodes: it counts them by state, and takes away the Leases of those that are gone."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping

from lightkube import AsyncClient
from lightkube.resources.coordination_v1 import Lease

from provider.kubernetes.client import CONFLICT, NOT_FOUND, ApiFailure, ask_counted
from provider.kubernetes.node_lease import KIND, NODE, NodeState, state_of
from provider.secrets.api import PAGE, Api, Withheld
from provider.secrets.metrics import SILENT
from provider.secrets.rate import Pace, back_off

LOOK_SECONDS = 60.0
GONE_SECONDS = 24 * 3600
"""A node whose Lease nobody has renewed for so long is gone; one that comes back makes its Lease anew."""
CLEAN_SECONDS = 3600.0


def counted(states: list[NodeState], now: float) -> Mapping[str, int]:
    """Return how many nodes there are of each state."""
    return Counter(SILENT if state.is_silent(now) else state.state for state in states)


def gone(states: list[NodeState], now: float) -> list[str]:
    """Return the nodes whose Leases are to be taken away. `now`: seconds since the epoch."""
    return [state.node for state in states if now - state.renewed > GONE_SECONDS]


class Nodes:
    """The nodes' Leases as the leader sees them."""

    def __init__(
        self,
        client: AsyncClient,
        namespace: str,
        *,
        may_write: Callable[[], bool],
        counts: Callable[[Mapping[str, int]], None],
        asked: Callable[[str, int], None],
        log: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`counts` is told how many nodes there are of each state."""
        self._client = client
        self._api = Api(client, Pace(time.monotonic), may_write, asked)
        self._namespace = namespace
        self._may_write = may_write
        self._counts = counts
        self._asked = asked
        self._log = log
        self._clock = clock
        self._cleaned = float("-inf")

    async def run(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Look once a minute while we lead, until cancelled."""
        failures = 0
        while True:
            if self._may_write():
                try:
                    clean = monotonic() - self._cleaned >= CLEAN_SECONDS
                    await self.look(clean=clean)
                    self._cleaned = monotonic() if clean else self._cleaned
                    failures = 0
                except ApiFailure as failure:
                    failures += 1
                    self._log(str(failure))
            await asyncio.sleep(back_off(failures, LOOK_SECONDS) if failures else self._pause)

    @property
    def _pause(self) -> float:
        return LOOK_SECONDS if self._cleaned != float("-inf") else 1

    async def look(self, *, clean: bool) -> None:
        """Count the nodes; with `clean` take away the Leases of those that are gone. Raises ApiFailure."""
        found = await self._states()
        states, now = [state for state, _ in found], self._clock()
        versions = {state.node: version for state, version in found}
        try:
            for node in gone(states, now) if clean else ():
                if await self._remove(node, versions[node]):
                    states = [state for state in states if state.node != node]
        except Withheld:
            return
        if self._may_write():
            self._counts(counted(states, now))

    async def _states(self) -> list[tuple[NodeState, int]]:
        """Return what each node's Lease says, and its version."""
        leases = self._client.list(Lease, namespace=self._namespace, labels={KIND: NODE}, chunk_size=PAGE)
        found: list[tuple[NodeState, int]] = []

        async def read() -> None:
            async for lease in leases:
                state = state_of(lease)
                if state is not None and lease.metadata is not None:
                    found.append((state, int(lease.metadata.resourceVersion or 0)))

        await ask_counted(self._asked, "GET", "list the nodes' Leases", read())
        return found

    async def _remove(self, node: str, version: int) -> bool:
        """Take a node's Lease away; False: the node has renewed it meanwhile. Raises ApiFailure, Withheld."""
        try:
            await self._api.delete(Lease, node, self._namespace, version)
        except ApiFailure as failure:
            if failure.status not in (NOT_FOUND, CONFLICT):
                raise
            return failure.status == NOT_FOUND
        self._log(f"node {node} has said nothing for a day: its Lease is taken away")
        return True
