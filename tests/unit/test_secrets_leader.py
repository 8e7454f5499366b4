"""Who leads: two candidates, one Lease, and clocks that are turned by hand."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import cast

import httpx2
import msgspec
import pytest
from lightkube import AsyncClient
from lightkube.core.exceptions import ApiError
from lightkube.models.coordination_v1 import LeaseSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.coordination_v1 import Lease

from provider.kubernetes.client import ApiFailure
from provider.secrets import api
from provider.secrets.leader import (
    DURATION_SECONDS,
    GIVE_UP_SECONDS,
    NAME,
    RENEW_SECONDS,
    REQUEST_SECONDS,
    Leader,
    boot_seconds,
)


def refusal(code: int, reason: str) -> ApiError:
    status = {"kind": "Status", "code": code, "reason": reason, "message": reason, "status": "Failure"}
    request = httpx2.Request("GET", "https://api")
    return ApiError(request=request, response=httpx2.Response(code, json=status, request=request))


class Server:
    """One Lease, guarded by its version, as an API server has it."""

    def __init__(self) -> None:
        self.lease: Lease | None = None
        self.version = 0
        self.is_down = False
        self.loses_answers = False

    def client(self) -> AsyncClient:
        return cast(AsyncClient, self)

    def _keep(self, lease: Lease) -> Lease:
        self.version += 1
        metadata = msgspec.structs.replace(lease.metadata or ObjectMeta(), resourceVersion=str(self.version), uid="u")
        self.lease = Lease(metadata=metadata, spec=lease.spec)
        if self.loses_answers:
            raise httpx2.ReadTimeout("lost")
        return self.lease

    async def get(self, kind: type[Lease], name: str, *, namespace: str) -> Lease:
        self._check()
        if self.lease is None:
            raise refusal(404, "NotFound")
        return self.lease

    async def create(self, lease: Lease) -> Lease:
        self._check()
        if self.lease is not None:
            raise refusal(409, "AlreadyExists")
        return self._keep(lease)

    async def replace(self, lease: Lease) -> Lease:
        self._check()
        if self.lease is None:
            raise refusal(404, "NotFound")
        assert lease.metadata is not None and self.lease.metadata is not None
        if lease.metadata.resourceVersion != self.lease.metadata.resourceVersion:
            raise refusal(409, "Conflict")
        return self._keep(lease)

    def _check(self) -> None:
        if self.is_down:
            raise httpx2.ConnectError("down")

    @property
    def spec(self) -> LeaseSpec:
        assert self.lease is not None and self.lease.spec is not None
        return self.lease.spec


def test_the_clock_goes_on_while_the_machine_is_suspended(monkeypatch: pytest.MonkeyPatch) -> None:
    """As others' clocks do, by which the Lease ends."""
    seconds = {time.CLOCK_BOOTTIME: 7000.0, time.CLOCK_MONOTONIC: 1.0}
    monkeypatch.setattr(time, "clock_gettime", seconds.__getitem__)
    assert boot_seconds() == 7000
    assert inspect.signature(Leader).parameters["monotonic"].default is boot_seconds


class Scene:
    """Two candidates who share a clock."""

    def __init__(self) -> None:
        self.server = Server()
        self.now = 1000.0
        self.told: list[tuple[str, bool]] = []
        self.one, self.two = self.candidate("one"), self.candidate("two")

    def candidate(self, name: str) -> Leader:
        return Leader(
            self.server.client(),
            "ours",
            name,
            clock=lambda: 1_800_000_000 + self.now,
            monotonic=lambda: self.now,
            changed=lambda leads: self.told.append((name, leads)),
        )

    async def turns(self, *candidates: Leader, seconds: float = RENEW_SECONDS) -> None:
        """One turn of each, as `run` has it, and then some time."""
        for candidate in candidates:
            try:
                await candidate.turn()
            except ApiFailure:
                continue
        self.now += seconds


def play(story: Callable[[Scene], Awaitable[None]]) -> None:
    asyncio.run(_play(story))


async def _play(story: Callable[[Scene], Awaitable[None]]) -> None:
    await story(Scene())


def test_the_reckoning_leaves_a_margin() -> None:
    assert GIVE_UP_SECONDS + api.REQUEST_SECONDS < DURATION_SECONDS
    assert 2 * (RENEW_SECONDS + REQUEST_SECONDS) <= GIVE_UP_SECONDS


def test_the_first_one_leads_and_the_other_one_waits() -> None:
    async def story(scene: Scene) -> None:
        for _ in range(20):
            await scene.turns(scene.one, scene.two)
            assert (scene.one.may_write(), scene.two.may_write()) == (True, False)
        assert scene.server.spec.holderIdentity == "one"
        assert scene.server.spec.leaseDurationSeconds == DURATION_SECONDS
        assert scene.server.lease is not None and scene.server.lease.metadata is not None
        assert scene.server.lease.metadata.name == NAME

    play(story)


def test_when_the_leader_is_silent_the_other_one_takes_over_after_the_whole_time() -> None:
    async def story(scene: Scene) -> None:
        await scene.turns(scene.one, scene.two)
        began = scene.now
        while not scene.two.may_write():
            await scene.turns(scene.two, seconds=1)
        assert scene.now - began >= DURATION_SECONDS - RENEW_SECONDS
        assert not scene.one.may_write()
        assert scene.server.spec.leaseTransitions == 1

    play(story)


def test_at_no_time_two_may_write_whoever_hangs_for_however_long() -> None:
    async def story(scene: Scene) -> None:
        for hangs in range(40):
            await scene.turns(scene.one, scene.two)
            for _ in range(hangs):
                await scene.turns(scene.two, seconds=1)
                assert not (scene.one.may_write() and scene.two.may_write())
            scene.one, scene.two = scene.two, scene.one

    play(story)


@pytest.mark.parametrize(("silent", "may"), [(GIVE_UP_SECONDS - 0.1, True), (GIVE_UP_SECONDS, False)])
def test_a_leader_that_is_cut_off_stops_in_time_and_goes_on_when_it_is_back(silent: float, may: bool) -> None:
    async def story(scene: Scene) -> None:
        await scene.turns(scene.one, seconds=0)
        scene.server.is_down = True
        await scene.turns(scene.one, seconds=silent)
        assert scene.one.may_write() is may
        scene.server.is_down = False
        await scene.turns(scene.one, seconds=0)
        assert scene.one.may_write()

    play(story)


def test_time_counts_from_when_a_renewal_was_sent() -> None:
    async def story(scene: Scene) -> None:
        await scene.turns(scene.one, seconds=0)
        replace = scene.server.replace

        async def slow(lease: Lease) -> Lease:
            scene.now += 3
            return await replace(lease)

        scene.server.replace = slow  # type: ignore[method-assign]
        await scene.turns(scene.one, seconds=GIVE_UP_SECONDS - 3)
        assert not scene.one.may_write()

    play(story)


def test_a_lost_answer_to_a_renewal_is_no_loss_of_leadership() -> None:
    async def story(scene: Scene) -> None:
        await scene.turns(scene.one, scene.two)
        scene.server.loses_answers = True
        await scene.turns(scene.one, scene.two)
        scene.server.loses_answers = False
        await scene.turns(scene.one, scene.two)
        assert scene.one.may_write()
        assert scene.server.spec.leaseTransitions == 0

    play(story)


def test_who_lost_the_lease_knows_at_once() -> None:
    async def story(scene: Scene) -> None:
        await scene.turns(scene.one, seconds=0)
        taken = msgspec.structs.replace(scene.server.spec, holderIdentity="two")
        assert scene.server.lease is not None
        scene.server._keep(Lease(metadata=scene.server.lease.metadata, spec=taken))
        await scene.turns(scene.one, seconds=0)
        assert not scene.one.may_write()

    play(story)


def test_a_lease_that_somebody_deleted_is_made_anew() -> None:
    async def story(scene: Scene) -> None:
        await scene.turns(scene.one)
        scene.server.lease = None
        await scene.turns(scene.one)
        assert scene.one.may_write()

    play(story)


def test_a_process_that_was_started_anew_has_its_own_lease_at_once() -> None:
    async def story(scene: Scene) -> None:
        await scene.turns(scene.one)
        again = scene.candidate("one")
        await scene.turns(again)
        assert again.may_write()

    play(story)


def test_what_is_released_is_anybodys_at_once() -> None:
    async def story(scene: Scene) -> None:
        await scene.turns(scene.one, scene.two)
        await scene.one.release()
        assert not scene.server.spec.holderIdentity
        assert not scene.one.may_write()
        await scene.turns(scene.two, scene.one)
        assert scene.two.may_write()
        assert not scene.one.may_write()

    play(story)


def test_a_release_counts_although_a_renewals_answer_was_lost() -> None:
    async def story(scene: Scene) -> None:
        await scene.turns(scene.one)
        scene.server.loses_answers = True
        await scene.turns(scene.one)
        scene.server.loses_answers = False
        await scene.one.release()
        assert not scene.server.spec.holderIdentity

    play(story)


def test_who_does_not_lead_releases_nothing() -> None:
    async def story(scene: Scene) -> None:
        await scene.turns(scene.one, scene.two)
        await scene.two.release()
        assert scene.server.spec.holderIdentity == "one"

    play(story)


def test_who_has_stopped_writes_no_more_and_holds_the_lease_till_it_is_released() -> None:
    async def story(scene: Scene) -> None:
        await scene.turns(scene.one, scene.two)
        scene.one.stop()
        await scene.turns(scene.one, scene.two)
        assert not scene.one.may_write()
        assert not scene.two.may_write()
        assert scene.told == [("one", True), ("one", False)]

    play(story)
