"""The loop of lists and watches, against API servers in every mood."""

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from provider.kubernetes.client import open_async_client
from provider.secrets import watching
from provider.secrets.api import PAGE, Api
from provider.secrets.cache import NamespaceView, Store, namespace_view
from provider.secrets.rate import Pace
from provider.secrets.watching import Kind, Watching
from provider.secrets.wire import NamespaceObject
from tests.unit.scripted_api_server import Asked, Said, ScriptedApi, events, refusal, says

SECONDS = 20


def namespace(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": str(version)}}


def listed(version: int, *items: dict[str, Any], more: str = "") -> Said:
    return says(200, {"metadata": {"resourceVersion": str(version), "continue": more}, "items": items})


def bookmark(version: int) -> tuple[str, dict[str, Any]]:
    return ("BOOKMARK", {"metadata": {"resourceVersion": str(version), "creationTimestamp": None}})


class Watched:
    """What a loop learns."""

    def __init__(self) -> None:
        self.store: Store[NamespaceView] = Store()
        self.changes: list[tuple[NamespaceView | None, NamespaceView | None]] = []
        self.lists: list[set[str]] = []
        self.lines: list[str] = []

    def watch(self, script: ScriptedApi, folder: Path, until: Callable[[], bool]) -> None:
        """Let it run until something is so."""

        async def run(kubeconfig: str) -> None:
            client = open_async_client(kubeconfig)
            api = Api(client, Pace(time.monotonic), lambda: False, lambda *_: None)
            kind = Kind(
                NamespaceObject,
                None,
                namespace_view,
                self.store,
                lambda *told: self.changes.append(told),
                self.lists.append,
            )
            running = asyncio.create_task(Watching(kind, api, time.monotonic, self.lines.append).run())
            async with asyncio.timeout(SECONDS):
                while not until() and not running.done():
                    await asyncio.sleep(0.01)
            assert not running.done(), running.exception()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            script.over.set()
            await client.close()

        with script.running(folder) as kubeconfig:
            asyncio.run(run(kubeconfig))


def waits(script: ScriptedApi) -> Iterator[bytes]:
    """Nothing more, and no end."""
    script.over.wait()
    yield from ()


def scripted(*answers: Callable[[ScriptedApi], Said]) -> ScriptedApi:
    """One answer after another, and then silence."""

    def answer(asked: Asked) -> Said:
        number = len(script.asked) - 1
        return answers[number](script) if number < len(answers) else Said(200, waits(script))

    script = ScriptedApi(answer)
    return script


def test_pages_are_listed_and_what_happens_then_is_watched(tmp_path: Path) -> None:
    told = events(
        ("ADDED", namespace("c", 11)), ("MODIFIED", namespace("a", 12)), ("DELETED", namespace("b", 13)), bookmark(40)
    )
    script = scripted(
        lambda _: listed(10, namespace("a", 1), more="next"),
        lambda _: listed(10, namespace("b", 2)),
        lambda _: Said(200, told),
    )
    watched = Watched()
    watched.watch(script, tmp_path, lambda: len(script.asked) == 4)
    first, second, watch, again = script.asked
    assert first.query == {"limit": str(PAGE)} and second.query == {"limit": str(PAGE), "continue": "next"}
    assert watch.watches and watch.query["allowWatchBookmarks"] == "true" and watch.query["resourceVersion"] == "10"
    assert 0.8 * watching.WATCH_SECONDS <= int(watch.query["timeoutSeconds"]) <= 1.2 * watching.WATCH_SECONDS
    # From where the bookmark says, and not from the last change.
    assert again.query["resourceVersion"] == "40"
    assert watched.lists == [{"a", "b"}]
    names = [(before and before.version, now and now.version) for before, now in watched.changes]
    assert names == [(None, 11), (1, 12), (2, None)]
    assert {space: view[space].version for space in ("a", "c") for view in [watched.store.of(space)]} == {
        "a": 12,
        "c": 11,
    }


GONE = {"kind": "Status", "code": 410, "reason": "Expired"}
LOST: dict[str, Callable[[ScriptedApi], Said]] = {
    "refused": lambda _: refusal(410, "Expired"),
    "told": lambda _: Said(200, events(("ERROR", GONE))),
    "another error told": lambda _: Said(200, events(("ERROR", {"code": 500}))),
    "cut off in the middle": lambda _: Said(200, (b'{"type": "ADD',)),
    "nonsense": lambda _: Said(200, (b"<html>\n",)),
    "another object": lambda _: Said(200, events(("ADDED", {"metadata": {}}))),
    "forbidden": lambda _: refusal(403, "Forbidden"),
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
def test_who_has_lost_the_place_lists_again(tmp_path: Path, lost: Callable[[ScriptedApi], Said]) -> None:
    script = scripted(lambda _: listed(10, namespace("a", 1)), lost, lambda _: listed(20, namespace("b", 15)))
    watched = Watched()
    watched.watch(script, tmp_path, lambda: len(script.asked) == 4)
    assert watched.lists == [{"a"}, {"a", "b"}]
    assert list(watched.store.namespaces()) == ["b"]
    assert script.asked[3].query["resourceVersion"] == "20"


KEPT: dict[str, Callable[[ScriptedApi], Said]] = {
    "down": lambda _: refusal(503),
    "busy": lambda _: refusal(429, Retry_After="1"),
    "cut off": lambda _: Said(200, (), {"Content-Length": "100"}),
    "ended": lambda _: Said(200),
}


@pytest.mark.parametrize("trouble", KEPT.values(), ids=KEPT)
def test_who_has_not_lost_it_goes_on_from_there(tmp_path: Path, trouble: Callable[[ScriptedApi], Said]) -> None:
    script = scripted(
        lambda _: listed(10),
        lambda _: Said(200, events(bookmark(30))),
        trouble,
        lambda _: Said(200, events(bookmark(31))),
    )
    watched = Watched()
    watched.watch(script, tmp_path, lambda: len(script.asked) == 5)
    assert [asked.query.get("resourceVersion") for asked in script.asked] == [None, "10", "30", "30", "31"]
    assert len(watched.lists) == 1


def test_a_watch_that_hangs_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "SILENCE_SECONDS", 0.3)
    script = scripted(
        lambda _: listed(10),
        lambda s: Said(200, chain(events(bookmark(12)), waits(s))),
        lambda _: Said(200, events(bookmark(13))),
    )
    Watched().watch(script, tmp_path, lambda: len(script.asked) >= 4)
    assert [asked.query.get("resourceVersion") for asked in script.asked[:4]] == [None, "10", "12", "13"]


def test_watches_that_end_at_once_are_asked_for_less_and_less_often(tmp_path: Path) -> None:
    script = ScriptedApi(lambda asked: Said(200) if asked.watches else listed(10))
    begun = time.monotonic()
    Watched().watch(script, tmp_path, lambda: time.monotonic() - begun > 3)
    # Half a second, one, two, and so on, each by chance less.
    assert 2 <= len(script.asked) <= 40


def test_an_api_server_that_is_down_is_told_of_once_it_stays_so(tmp_path: Path) -> None:
    script = ScriptedApi(lambda asked: refusal(500, "Down"))
    watched = Watched()
    watched.watch(script, tmp_path, lambda: len(script.asked) == 3)
    assert watched.lines and "cannot list namespaces" in watched.lines[0]
    assert not watched.store.is_synced
