"""The parts between the child that asks and the Secrets: children, reports, Tokens, Events."""

import asyncio
import json
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
from lightkube import AsyncClient
from lightkube.resources.core_v1 import Event

from provider.errors import ConfigurationError, Refused, Unreachable
from provider.own_program import NOT_IN_TIME
from provider.places import Places
from provider.secrets.run_events import MOST_NAMESPACES, Events
from provider.secrets.token_child import run_child
from provider.secrets.token_file import read_tokens, write_tokens
from provider.secrets.token_report import Failure, Report, failure_of, parse_report
from tests.unit.supplied_tokens import NOW, places_in, token


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return places_in(tmp_path)


def test_a_child_leaves_what_it_says() -> None:
    done = asyncio.run(run_child(["version"], 60))
    assert done.status == 0
    assert done.stdout.strip()
    done = asyncio.run(run_child(["no-such-command"], 60))
    assert done.status == 2
    assert "no-such-command" in done.stderr


@pytest.fixture
def hanging(places: Places) -> Iterator[list[str]]:
    """Arguments of a child that waits for a metadata service that says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        local = Path(places.local)
        local.write_text(f"endpoints:\n  metadata: 127.0.0.1:{silent.getsockname()[1]}\n")
        local.chmod(0o600)
        names = {"config": places.config, "local": places.local, "state-dir": places.state, "data-dir": places.data}
        yield ["agent", "tokens", *(f"--{name}={path}" for name, path in names.items())]


def test_a_child_that_is_late_is_killed(hanging: list[str]) -> None:
    began = time.monotonic()
    assert asyncio.run(run_child(hanging, 3)).status == NOT_IN_TIME
    assert time.monotonic() - began < 3 + 20


def test_a_child_goes_with_who_waits_for_it(hanging: list[str]) -> None:
    async def story() -> None:
        task = asyncio.ensure_future(run_child(hanging, 60))
        await asyncio.wait([task], timeout=2)
        assert not task.done()
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - began < 20

    asyncio.run(story())


@pytest.mark.parametrize(
    ("error", "cause", "expected"),
    [
        (Refused("no", code="USER_NOT_EXIST"), "refused", True),
        (Refused("no session"), "refused", False),
        (Refused("its RAM policy must allow it", code="NoPermission"), "refused", False),
        (Unreachable("down", code="Throttling"), "unreachable", False),
        (ConfigurationError("wrong", code="x"), "configuration", False),
    ],
)
def test_a_refusal_of_what_nobody_configured_is_expected(error: Refused, cause: str, expected: bool) -> None:
    default = failure_of("Personal Edition", "workerRole", error, is_default=True, kept_until=0)
    assert (default.cause, default.is_expected) == (cause, expected)
    assert not failure_of("x", "", error, is_default=False, kept_until=0).is_expected
    assert not failure_of("x", "", error, is_default=True, kept_until=NOW).is_expected


def test_a_report_says_what_was_written() -> None:
    failure = Failure("instance cri-x", "workerRole", "refused", "no", "Code", "id", 7)
    report = Report(("a.example.com",), 1, 2, 3, (failure,), (("instance cri-x", 7),), is_whole=False)
    assert parse_report(report.dump().encode()) == report


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"failures":[{}],"hosts":[]}',
        b'{"failures":[],"hosts":[],"ends":[],"more":1}',
        b'{"failures":[],"hosts":[],"ends":[["x"]]}',
        json.dumps(
            {"failures": [{"target": "x", "identity": "", "cause": "y", "message": "z"}], "hosts": [], "ends": []}
        ).encode(),
    ],
)
def test_what_is_no_report_is_none(data: bytes) -> None:
    assert parse_report(data) is None


def test_a_file_that_others_may_read_is_not_used(places: Places) -> None:
    write_tokens(places, [token()])
    assert read_tokens(places) == (token(),)
    Path(places.state, "tokens.json").chmod(0o644)
    assert read_tokens(places) == ()


class Sink:
    """Takes Events."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.is_down = False

    async def create(self, made: Event) -> Event:
        if self.is_down:
            raise httpx2.ConnectError("down")
        self.events.append(made)
        return made


def sent(story: Callable[[Events], Coroutine[Any, Any, None]], count: int) -> list[Event]:
    """Play a story, wait for so many Events, and see that no more come."""
    sink = Sink()

    async def run() -> None:
        events = Events(cast(AsyncClient, sink), lambda: float(NOW), lambda method, status: None, lambda line: None)
        await story(events)
        task = asyncio.ensure_future(events.run())
        async with asyncio.timeout(10):
            while len(sink.events) < count:
                await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)
        task.cancel()

    asyncio.run(run())
    return sink.events


def refused(request_id: str, **fields: Any) -> Failure:
    return Failure("instance cri-x", "workerRole", "refused", "not allowed", "NoPermission", request_id, **fields)


def test_a_refusal_is_said_once_an_hour_whatever_its_request_id() -> None:
    async def story(events: Events) -> None:
        for number in range(5):
            await events.tokens_failed([refused(str(number), kept_until=NOW)], ["team-a"])

    (event,) = sent(story, 1)
    assert event.involvedObject.name == "acr-configuration"
    assert (event.reason, event.type) == ("TokenRefused", "Warning")
    for part in ("cri-x", "workerRole", "NoPermission", "RequestId 0", "stays until it ends"):
        assert part in (event.message or "")


def test_where_no_token_is_left_the_namespaces_are_told_too_but_not_all_of_many() -> None:
    async def story(events: Events) -> None:
        await events.tokens_failed([refused("1")], [f"team-{number}" for number in range(50)])

    events = sent(story, MOST_NAMESPACES + 1)
    assert len(events) == MOST_NAMESPACES + 1
    assert {event.involvedObject.kind for event in events} == {"ConfigMap", "Namespace"}


def test_an_outage_is_not_called_a_refusal() -> None:
    failure = Failure("instance cri-x", "workerRole", "unreachable", "no answer")
    (event,) = sent(lambda events: events.tokens_failed([failure], []), 1)
    assert event.reason == "TokenNotRenewed"
