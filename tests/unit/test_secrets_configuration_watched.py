"""The ConfigMap as it is watched, against an API server that a test answers for."""

import asyncio
import queue
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from provider.kubernetes.client import open_async_client
from provider.secrets.configuration import Watched
from tests.unit.scripted_api_server import Asked, Said, ScriptedApi, events, says


def config_map(version: int, **data: str) -> dict[str, Any]:
    metadata = {"name": "acr-configuration", "namespace": "kube-system", "resourceVersion": str(version)}
    return {"metadata": metadata, **({"data": data} if data else {})}


def listed(version: int, *items: dict[str, Any]) -> Said:
    return says(200, {"metadata": {"resourceVersion": str(version)}, "items": items})


def watched(answer: Callable[[ScriptedApi, Asked], Said], folder: Path, story: Callable[[Watched], Any]) -> ScriptedApi:
    """Play a story with an API server; returns what was asked of it."""

    async def run(kubeconfig: str) -> None:
        client = open_async_client(kubeconfig)
        made = Watched(client, lambda method, status: None, lambda line: None)
        task = asyncio.ensure_future(made.run())
        try:
            async with asyncio.timeout(20):
                await story(made)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            script.over.set()
            await client.close()

    script = ScriptedApi(lambda asked: answer(script, asked))
    with script.running(folder) as kubeconfig:
        asyncio.run(run(kubeconfig))
    return script


def test_lists_and_watches_tell_every_change(tmp_path: Path) -> None:
    told: queue.SimpleQueue[tuple[str, dict[str, Any]]] = queue.SimpleQueue()

    def happening(script: ScriptedApi) -> Iterator[bytes]:
        while not script.over.is_set():
            try:
                yield from events(told.get(timeout=0.05))
            except queue.Empty:
                continue

    def answer(script: ScriptedApi, asked: Asked) -> Said:
        return Said(200, happening(script)) if asked.watches else listed(7, config_map(5, a="1"))

    async def story(made: Watched) -> None:
        assert await made.next(1) == {"a": "1"}
        told.put(("MODIFIED", config_map(8, a="2")))
        assert await made.next(60) == {"a": "2"}
        told.put(("DELETED", config_map(9, a="2")))
        assert await made.next(60) is None
        told.put(("ADDED", config_map(10)))
        assert await made.next(60) == {}
        assert await made.next(0.01) == {}

    script = watched(answer, tmp_path, story)
    for asked in script.asked:
        # The role of the writer allows no more than that.
        assert asked.path == "/api/v1/namespaces/kube-system/configmaps"
        assert asked.query["fieldSelector"] == "metadata.name=acr-configuration"


def test_that_there_is_none_is_told_as_well(tmp_path: Path) -> None:
    def answer(script: ScriptedApi, asked: Asked) -> Said:
        return says(503, {}) if asked.watches else listed(7)

    async def story(made: Watched) -> None:
        assert await made.next(1) is None

    watched(answer, tmp_path, story)


def test_a_watch_that_ends_at_once_is_not_asked_for_in_a_loop(tmp_path: Path) -> None:
    def answer(script: ScriptedApi, asked: Asked) -> Said:
        return Said(200) if asked.watches else listed(7, config_map(5, a="1"))

    async def story(made: Watched) -> None:
        assert await made.next(1) == {"a": "1"}
        await asyncio.sleep(2)

    assert 2 <= len(watched(answer, tmp_path, story).asked) <= 8
