"""The end of a writer: what is under way ends first, and then somebody else may begin."""

import argparse
import asyncio
import time
from pathlib import Path
from typing import cast

import pytest
from lightkube import AsyncClient

from provider.journal import Journal
from provider.kubernetes.client import open_async_client
from provider.places import Places
from provider.secrets import run_process
from provider.secrets.leader import Leader
from provider.secrets.reconcile import Reconciler
from provider.secrets.run_process import Process
from provider.secrets.run_writer import NOTHING
from tests.unit.scripted_api_server import Asked, Said, ScriptedApi, events, says
from tests.unit.supplied_tokens import places_in


class Parts:
    """Leader and reconciler of a writer: what is done with them, in order."""

    def __init__(self, looks: int) -> None:
        self.done: list[str] = []
        self._looks = looks

    def stop(self) -> None:
        self.done.append("stop")

    async def release(self) -> None:
        self.done.append("release")

    @property
    def is_at_work(self) -> bool:
        self._looks -= 1
        self.done.append("at work" if self._looks > 0 else "at rest")
        return self._looks > 0


def hand_over(places: Places, parts: Parts) -> None:
    process = Process(argparse.Namespace(), places, "/nowhere", cast(Journal, lambda *_: None))
    asyncio.run(process._hand_over(cast(Leader, parts), cast(Reconciler, parts)))


def test_the_lease_is_released_when_the_writes_have_ended_that_were_under_way(tmp_path: Path) -> None:
    parts = Parts(4)
    hand_over(places_in(tmp_path), parts)
    assert parts.done == ["stop", *["at work"] * 3, "at rest", "release"]


def test_writes_that_do_not_end_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_process, "SETTLE_SECONDS", 0.2)
    parts = Parts(1_000_000)
    hand_over(places_in(tmp_path), parts)
    assert parts.done[0] == "stop" and parts.done[-2:] == ["at work", "release"]


def test_a_writer_that_has_not_read_the_cluster_yet_is_not_at_work(tmp_path: Path) -> None:
    team = {"metadata": {"name": "team", "resourceVersion": "2"}}

    def answer(asked: Asked) -> Said:
        if not asked.path.endswith("/namespaces"):
            return Said(200, (b" " for _ in iter(lambda: script.over.wait(0.1), True)))
        if asked.watches:
            return Said(200, events(("ADDED", team)))
        return says(200, {"metadata": {"resourceVersion": "1"}, "items": []})

    async def run(client: AsyncClient) -> None:
        reconciler = Reconciler(
            client, clock=time.time, monotonic=time.monotonic, may_write=lambda: True,
            tell=lambda event: asyncio.sleep(0, True),
        )  # fmt: skip
        reconciler.want(NOTHING)
        task = asyncio.ensure_future(reconciler.run())
        async with asyncio.timeout(20):
            while not reconciler.progress().pending:
                await asyncio.sleep(0.01)
        assert not reconciler.is_at_work
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.close()

    script = ScriptedApi(answer)
    with script.running(tmp_path) as kubeconfig:

        async def with_client() -> None:
            await run(open_async_client(kubeconfig))

        asyncio.run(with_client())
