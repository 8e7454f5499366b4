"""Slots and record of the roll-out at the API server: every write is guarded by what was read before."""

import random
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from lightkube import Client
from lightkube.core.client import LabelSelector
from lightkube.operators import in_
from lightkube.resources.coordination_v1 import Lease

from provider.agent.rollout import LABELS, RECORD, Record, read_record, record_lease, slot_lease, slot_name
from provider.agent.rollout_rules import Seen
from provider.kubernetes.client import CONFLICT, NOT_FOUND, ApiFailure, ask
from provider.kubernetes.leases import Observation
from provider.kubernetes.node_lease import KIND, NODE, state_of
from provider.kubernetes.node_lease import LABELS as NODE_LABELS

SLOT_SECONDS = 300
"""How long a slot counts without being renewed: longer than a change of a node and the timer that puts it back."""
RENEW_SECONDS = 20.0
CHUNK = 20
"""Leases of nodes that are asked for at once; as a rule the first of them decides."""
TRIES = 5
"""How often a write of the record is tried that others got ahead of."""

AT_WORK = ("waiting", "installing", "removing")
"""The states of nodes that GPU nodes wait for."""


class Clocks(NamedTuple):
    """What tells the time; and waits: for some seconds, or until the process is to end, which it returns."""

    now: Callable[[], float]
    """Seconds since the epoch."""
    monotonic: Callable[[], float]
    wait: Callable[[float], bool]


class Slots:
    """The roll-out as one node sees it. Every method asks the API server and raises ApiFailure."""

    def __init__(self, client: Client, namespace: str, node: str, clocks: Clocks) -> None:
        self._client = client
        self._namespace = namespace
        self._node = node
        self._clocks = clocks
        self._seen: dict[str, Observation] = {}
        self._leases: dict[int, Lease] = {}
        self._taken: int | None = None
        self._renewed = 0.0
        self._is_lost = False

    @property
    def is_lost(self) -> bool:
        """Tell whether the slot that was taken last is another node's by now."""
        return self._is_lost

    @property
    def taken(self) -> int | None:
        """The slot that this node holds."""
        return self._taken

    def look(self, count: int) -> Seen:
        """Return what all see: one request. Of a slot that was lost before nothing more is known."""
        self._is_lost = False
        found = ask(
            "read the roll-out's Leases",
            lambda: list(self._client.list(Lease, namespace=self._namespace, labels={**LABELS})),
        )
        by_name = {lease.metadata.name: lease for lease in found if lease.metadata is not None}
        numbers = {slot_name(number): number for number in range(count)}
        self._leases = {number: by_name[name] for name, number in numbers.items() if name in by_name}
        now = self._clocks.monotonic()
        held = {
            number: _holder(lease)
            for number, lease in self._leases.items()
            if not self._seen.setdefault(slot_name(number), Observation()).expired(lease, now)
        }
        return Seen(read_record(by_name[RECORD]) if RECORD in by_name else Record(), held)

    def others_at_work(self) -> bool:
        """Tell whether a node without GPU waits or is at work, and still says so."""
        labels: LabelSelector = {KIND: NODE, NODE_LABELS[0]: in_(AT_WORK), NODE_LABELS[2]: "false"}
        found = iter(self._client.list(Lease, namespace=self._namespace, labels=labels, chunk_size=CHUNK))
        while (lease := ask("read the nodes' Leases", lambda: next(found, None))) is not None:
            state = state_of(lease)
            if state is not None and not state.is_silent(self._clocks.now()):
                return True
        return False

    def take(self, number: int) -> bool:
        """Take a slot as `look` saw it; False where somebody else was faster."""
        before = self._leases.get(number)
        try:
            self._leases[number] = self._write(number, self._node, before)
        except ApiFailure as failure:
            if failure.status == CONFLICT:
                return False
            raise
        self._taken, self._renewed, self._is_lost = number, self._clocks.monotonic(), False
        return True

    def renew(self) -> None:
        """Renew the slot that is held, where it is time to. A failure is tried again as soon as this is called."""
        if self._taken is None or self._clocks.monotonic() - self._renewed < RENEW_SECONDS:
            return
        try:
            self._leases[self._taken] = self._write(self._taken, self._node, self._leases[self._taken])
        except ApiFailure as failure:
            if failure.status != CONFLICT:
                raise
            self._look_again(self._taken)
            return
        self._renewed = self._clocks.monotonic()

    def _look_again(self, number: int) -> None:
        """See whose the slot is: an answer that did not come leaves a Lease as unlike as another holder does."""
        name = slot_name(number)
        lease = ask(f"read Lease {name}", lambda: self._client.get(Lease, name, namespace=self._namespace))
        if _holder(lease) == self._node:
            self._leases[number] = lease
        else:
            self._taken, self._is_lost = None, True

    def release(self) -> None:
        """Give the slot back, unless somebody else has it by now."""
        if self._taken is None:
            return
        try:
            self._leases[self._taken] = self._write(self._taken, "", self._leases[self._taken])
        except ApiFailure as failure:
            if failure.status not in (CONFLICT, NOT_FOUND):
                raise
        self._taken = None

    def record(self) -> Record:
        """Return the record as it is now, and not as some cache has it."""
        return self._read()[0]

    def change(self, how: Callable[[Record], Record]) -> tuple[Record, Record]:
        """Change the record; return it as it was and as it is. Nothing is written where nothing changes."""
        for tried in range(TRIES):
            before, resource_version = self._read()
            after = how(before)
            if after == before:
                break
            lease = record_lease(after, self._namespace, self._clocks.now(), resource_version)
            try:
                ask("write the roll-out's record", partial(self._put, lease))
                break
            except ApiFailure as failure:
                if failure.status != CONFLICT or tried + 1 == TRIES:
                    raise
                self._clocks.wait(random.random())  # noqa: S311 (only spreads the tries)
        return before, after

    def _read(self) -> tuple[Record, str | None]:
        try:
            lease = ask(
                "read the roll-out's record", lambda: self._client.get(Lease, RECORD, namespace=self._namespace)
            )
        except ApiFailure as failure:
            if failure.status != NOT_FOUND:
                raise
            return Record(), None
        return read_record(lease), lease.metadata.resourceVersion if lease.metadata is not None else None

    def _write(self, number: int, holder: str, before: Lease | None) -> Lease:
        resource_version = before.metadata.resourceVersion if before is not None and before.metadata else None
        lease = slot_lease(number, self._namespace, holder, SLOT_SECONDS, self._clocks.now(), resource_version)
        return ask(f"write Lease {slot_name(number)}", lambda: self._put(lease))

    def _put(self, lease: Lease) -> Lease:
        is_there = lease.metadata is not None and lease.metadata.resourceVersion
        return self._client.replace(lease) if is_there else self._client.create(lease)


def _holder(lease: Lease) -> str:
    return (lease.spec.holderIdentity or "") if lease.spec is not None else ""
