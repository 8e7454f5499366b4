"""Who of the writers writes: the one that holds a Lease.

What is reckoned with: the holder renews its Lease every RENEW_SECONDS. Others take it when they have seen no renewal
for DURATION_SECONDS by their own clocks, which begin to run, at the earliest, when the API server took the last one;
that is after the holder sent it. The holder counts from the moment it *sent* the last renewal that succeeded, by a
clock that nobody sets: GIVE_UP_SECONDS after that it begins no write any more, and each write ends within
`provider.secrets.api.REQUEST_SECONDS`. So its last write has ended DURATION - GIVE_UP - that (a second) before anybody
else can begin, however the API server, the network or the holder's own process (stopped, and going on) fares. A write
that the API server still works on after its client has gone is no harm: Secrets are applied and entries guarded by what
was seen before.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from lightkube import AsyncClient
from lightkube.models.coordination_v1 import LeaseSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.coordination_v1 import Lease

from provider.kubernetes.client import CONFLICT, NOT_FOUND, ApiFailure, Count, ask_counted
from provider.kubernetes.leases import Observation, micro_time
from provider.kubernetes.node_lease import KIND
from provider.places import PROGRAM

NAME = "secrets-leader"
DURATION_SECONDS = 15
RENEW_SECONDS = 2.0
GIVE_UP_SECONDS = 10.0
STAND_SECONDS = 4.0
"""Between two looks of those who do not lead, more or less: in a DaemonSet they may be many."""
REQUEST_SECONDS = 3.0
"""For each request about the Lease."""
RELEASE_SECONDS = 3.0


def boot_seconds() -> float:
    """Return seconds since this machine was started, those in which it was suspended among them.

    Others' clocks go on in that time, and so does the Lease's.
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Leader:
    """One candidate, known by its pod's name."""

    def __init__(
        self,
        client: AsyncClient,
        namespace: str,
        identity: str,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = boot_seconds,
        changed: Callable[[bool], None] = lambda leads: None,
        asked: Count = lambda method, status: None,
        log: Callable[[str], None] = lambda line: None,
    ) -> None:
        """`changed` is told when leadership begins and ends; `asked` method and status of each request."""
        self._client = client
        self._namespace = namespace
        self._identity = identity
        self._clock = clock
        self._monotonic = monotonic
        self._changed = changed
        self._asked = asked
        self._log = log
        self._observation = Observation()
        self._lease: Lease | None = None
        """As we wrote it last; None while it is not ours."""
        self._renewed: float | None = None
        """When the last renewal that succeeded was sent; None: we do not lead."""
        self._stopped = False
        self._told = False
        self._said = ""

    def may_write(self) -> bool:
        """Tell whether a write may begin now, which takes no longer than a request of ours."""
        if self._stopped or self._renewed is None:
            return False
        return self._monotonic() - self._renewed < GIVE_UP_SECONDS

    async def run(self) -> None:
        """Take the Lease when it is free, and renew it, until cancelled."""
        while True:
            try:
                await self.turn()
                self._say("")
            except ApiFailure as failure:
                self._say(str(failure))
            leads = self._lease is not None
            await asyncio.sleep(RENEW_SECONDS if leads else STAND_SECONDS * random.uniform(0.75, 1.25))  # noqa: S311

    def stop(self) -> None:
        """Begin no write any more, for good; the Lease is ours still."""
        self._stopped = True
        self._tell()

    async def release(self) -> None:
        """Let others have the Lease at once, if it is ours; to be called when `run` has ended, and all writes have."""
        self.stop()
        lease, self._lease = self._lease, None
        if lease is None:
            return
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                await self._free(lease)
        except (ApiFailure, TimeoutError) as failure:
            # It ends by itself in any case.
            self._log(f"Lease {NAME} was not released: {failure or 'the API server does not answer'}")

    async def _free(self, lease: Lease) -> None:
        try:
            await self._write("PUT", "release", self._with(lease, "", 1))
        except ApiFailure as failure:
            # A renewal that was under way may have come through.
            found = await self._read() if failure.status == CONFLICT else None
            if found is None or _holder(found) != self._identity:
                raise
            await self._write("PUT", "release", self._with(found, "", 1))

    async def turn(self) -> None:
        """Renew the Lease, or look whether it is free and take it. Raises ApiFailure."""
        try:
            await self._turn()
        finally:
            self._tell()

    async def _turn(self) -> None:
        sent = self._monotonic()
        try:
            if self._lease is not None:
                self._lease = await self._write("PUT", "renew", self._with(self._lease, self._identity))
                self._renewed = sent
                return
        except ApiFailure as failure:
            if failure.status not in (CONFLICT, NOT_FOUND):
                raise
            # Somebody else has it, or took it away.
            self._lease, self._renewed = None, None
            self._tell()
        await self._stand()

    async def _stand(self) -> None:
        """Look whether the Lease is free, and take it."""
        found = await self._read()
        sent = self._monotonic()
        try:
            if found is None:
                self._lease = await self._write("POST", "make", self._new())
            elif _holder(found) == self._identity or self._observation.expired(found, sent):
                # Ours from before this process was started anew, or nobody's.
                self._lease = await self._write("PUT", "take", self._with(found, self._identity))
            else:
                return
        except ApiFailure as failure:
            if failure.status != CONFLICT:
                raise
            return
        self._renewed = sent

    def _new(self) -> Lease:
        now = micro_time(self._clock())
        return Lease(
            metadata=ObjectMeta(
                name=NAME,
                namespace=self._namespace,
                labels={KIND: NAME, "app.kubernetes.io/managed-by": PROGRAM},
            ),
            spec=LeaseSpec(
                holderIdentity=self._identity,
                leaseDurationSeconds=DURATION_SECONDS,
                acquireTime=now,
                renewTime=now,
                leaseTransitions=0,
            ),
        )

    def _with(self, lease: Lease, holder: str, seconds: int = DURATION_SECONDS) -> Lease:
        """Return a Lease with another holder and a new time; a write of it conflicts where it has changed."""
        spec = lease.spec or LeaseSpec()
        now = micro_time(self._clock())
        fields: dict[str, Any] = {"holderIdentity": holder or None, "leaseDurationSeconds": seconds, "renewTime": now}
        if holder and holder != spec.holderIdentity:
            fields |= {"acquireTime": now, "leaseTransitions": (spec.leaseTransitions or 0) + 1}
        return Lease(metadata=lease.metadata, spec=msgspec.structs.replace(spec, **fields))

    async def _read(self) -> Lease | None:
        try:
            return await self._ask("GET", "read", self._client.get(Lease, NAME, namespace=self._namespace))
        except ApiFailure as failure:
            if failure.status != NOT_FOUND:
                raise
            return None

    async def _write(self, method: str, verb: str, lease: Lease) -> Lease:
        call = self._client.create(lease) if method == "POST" else self._client.replace(lease)
        return await self._ask(method, verb, call)

    async def _ask(self, method: str, verb: str, call: Awaitable[Lease]) -> Lease:
        what = f"{verb} Lease {self._namespace}/{NAME}"
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                return await ask_counted(self._asked, method, what, call)
        except TimeoutError:
            self._asked(method, 0)
            raise ApiFailure(f"cannot {what}: no answer in time") from None

    def _tell(self) -> None:
        leads = self.may_write()
        if leads != self._told:
            self._told = leads
            self._log(f"{self._identity} {'writes the Secrets now' if leads else 'writes no Secrets any more'}")
            self._changed(leads)

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self._said:
            self._log(trouble)
        self._said = trouble


def _holder(lease: Lease) -> str:
    return (lease.spec.holderIdentity or "") if lease.spec is not None else ""
