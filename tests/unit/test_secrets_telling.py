"""What is said of what is not served, and how ServiceAccounts wait."""

import asyncio
from pathlib import Path

import pytest
from lightkube.resources.core_v1 import Event

from provider.kubernetes.client import open_async_client
from provider.kubernetes.events import event
from provider.secrets import run_events
from provider.secrets.cache import AccountView
from provider.secrets.patience import REFUSED_SECONDS, Patience
from provider.secrets.plan import Problem
from provider.secrets.run_events import Events
from provider.secrets.telling import REMIND_SECONDS, Telling
from tests.unit.scripted_api_server import ScriptedApi, says

MOST_WAITING = 3
ACCOUNT = AccountView("team", "app", 1, None)
OTHER = AccountView("team", "default", 1, None)


def test_an_event_that_could_not_be_taken_is_said_again_and_one_that_was_is_not() -> None:
    takes, said, clock = iter((False, True, True)), list[Event](), [1000.0]

    async def tell(made: Event) -> bool:
        said.append(made)
        return next(takes)

    async def run() -> list[bool]:
        telling = Telling(tell, lambda: clock[-1])
        problem = Problem("AnotherWriter", "it is another's")
        told = [await telling.problem("team", problem) for _ in range(3)]
        clock.append(clock[-1] + REMIND_SECONDS)
        return [*told, await telling.problem("team", problem)]

    assert asyncio.run(run()) == [False, True, True, True]
    assert len(said) == 3


def test_what_finds_the_queue_full_is_said_the_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_events, "MOST_WAITING", MOST_WAITING)
    server = ScriptedApi(lambda asked: says(201, {"metadata": {"name": "made"}}))

    async def run(kubeconfig: str) -> list[bool]:
        client = open_async_client(kubeconfig)
        events = Events(client, lambda: 1000.0, lambda *_: None, lambda _: None)
        filler = event("Namespace", "", "team", "Any", "any", warning=True, now=0)
        posted = [await events.post(filler) for _ in range(MOST_WAITING + 1)]
        await events.configuration_wrong("line 3")
        sending = asyncio.create_task(events.run())
        async with asyncio.timeout(20):
            while len(server.asked) < MOST_WAITING:
                await asyncio.sleep(0.01)
            await events.configuration_wrong("line 3")
            while len(server.asked) < MOST_WAITING + 1:
                await asyncio.sleep(0.01)
        sending.cancel()
        await client.close()
        return posted

    with server.running(tmp_path) as kubeconfig:
        assert asyncio.run(run(kubeconfig)) == [True] * MOST_WAITING + [False]
    assert server.asked[-1].path.startswith("/api/v1/namespaces/kube-system/events")


class Waiting:
    """A Patience, the clock it goes by, and what it asks for."""

    def __init__(self) -> None:
        self.now = 0.0
        self.again: list[tuple[str, float]] = []
        self.patience = Patience(lambda: self.now, lambda namespace, seconds: self.again.append((namespace, seconds)))

    def names(self) -> set[str]:
        return set(self.patience.waiting("team"))


def test_who_is_undone_again_waits_alone_and_its_namespace_is_looked_at_then() -> None:
    waiting = Waiting()
    waiting.patience.undone(ACCOUNT)
    assert waiting.names() == set() and not waiting.again
    waiting.patience.undone(ACCOUNT)
    assert waiting.names() == {"app"} and waiting.patience.times_undone(ACCOUNT) == 2
    ((namespace, seconds),) = waiting.again
    assert namespace == "team" and waiting.patience.times_undone(OTHER) == 0
    waiting.now = seconds
    assert waiting.names() == set()
    waiting.now = 86400
    assert waiting.patience.times_undone(ACCOUNT) == 0


def test_who_is_refused_waits_longer_and_longer_until_it_is_done() -> None:
    waiting = Waiting()
    assert [waiting.patience.failed(ACCOUNT, 300) for _ in range(12)] == list(range(1, 13))
    assert all(REFUSED_SECONDS <= seconds < 301 for _, seconds in waiting.again)
    assert waiting.names() == {"app"}
    waiting.patience.done(ACCOUNT)
    assert waiting.patience.failed(ACCOUNT, 300) == 1


def test_what_ends_the_wait() -> None:
    waiting = Waiting()
    for _ in range(2):
        waiting.patience.undone(ACCOUNT)
    waiting.patience.release_all()
    assert waiting.names() == set() and waiting.patience.times_undone(ACCOUNT) == 2
    waiting.patience.forget_contests()
    assert waiting.patience.times_undone(ACCOUNT) == 0
    waiting.patience.failed(ACCOUNT, 300)
    waiting.patience.forget("team")
    assert waiting.names() == set() and waiting.patience.failed(ACCOUNT, 300) == 1
