"""Tokens: what is asked of the child, and which content comes of it, one configuration after another."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from provider.own_program import NOT_IN_TIME, Done
from provider.places import Places
from provider.secrets.desired import Content
from provider.secrets.token_file import write_tokens
from provider.secrets.token_report import Failure, Report
from provider.secrets.tokens import Tokens
from tests.unit.supplied_tokens import NOW, places_in, token


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return places_in(tmp_path)


class Supply:
    """Tokens with a child that a test answers for."""

    def __init__(self, places: Places, answer: Callable[[Sequence[str]], Done]) -> None:
        self.wall = float(NOW)
        self.monotonic = 5000.0
        self.runs: list[Sequence[str]] = []
        self.contents: list[Content | None] = []
        self.reports: list[Report] = []
        self._answer = answer
        self.tokens = Tokens(
            places,
            changed=self.contents.append,
            told=self._told,
            run=self._run,
            clock=lambda: self.wall,
            monotonic=lambda: self.monotonic,
        )

    async def _told(self, report: Report) -> None:
        self.reports.append(report)

    async def _run(self, arguments: Sequence[str], seconds: float) -> Done:
        self.runs.append(arguments)
        return self._answer(arguments)

    def play(self, story: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async def run() -> None:
            task = asyncio.ensure_future(self.tokens.run())
            try:
                async with asyncio.timeout(20):
                    await story()
            finally:
                task.cancel()

        asyncio.run(run())

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await asyncio.sleep(0.005)


def test_what_the_child_leaves_is_what_the_secrets_hold(places: Places) -> None:
    def answer(arguments: Sequence[str]) -> Done:
        write_tokens(places, [token()])
        return Done(0, Report(("a.example.com",), 1, token().renew, token().end).dump().encode(), "")

    supply = Supply(places, answer)

    async def story() -> None:
        await supply.until(lambda: bool(supply.contents))
        content = supply.contents[-1]
        assert content is not None
        assert (content.renew, content.end) == (token().renew, token().end)
        assert len(supply.runs) == 1
        supply.tokens.ask_soon()
        await supply.until(lambda: len(supply.runs) == 2)

    supply.play(story)
    assert supply.runs[0][:2] == ["agent", "tokens"]
    assert "--all" not in supply.runs[0]
    assert supply.tokens.failed == ()


@pytest.mark.parametrize(
    ("done", "cause"),
    [(Done(NOT_IN_TIME, b"", ""), "unreachable"), (Done(2, b"", "config.yaml: wrong"), "configuration")],
)
def test_a_child_without_a_report_is_a_failure_and_what_there_is_counts(places: Places, done: Done, cause: str) -> None:
    write_tokens(places, [token()])
    supply = Supply(places, lambda arguments: done)

    async def story() -> None:
        await supply.until(lambda: bool(supply.contents))
        assert supply.contents[-1] is not None

    supply.play(story)
    (failure,) = supply.reports[0].failed
    assert failure.cause == cause
    assert supply.tokens.failed == (failure,)
    assert supply.reports[0].end == token().end


def reported(*failures: Failure) -> Done:
    return Done(1 if failures else 0, Report(failures=failures).dump().encode(), "")


NO = Failure("x", "", "refused", "no", code="NoPermission")
KNOWN = {
    "nothing is wanted": ((), True),
    "refused": ((NO,), True),
    "refused by nobody knows whom": ((Failure("x", "", "refused", "no identity, or HTTP 403 of a proxy"),), False),
    "refused for its time": ((Failure("x", "", "refused", "no", code="InvalidTimeStamp.Expired"),), False),
    "one for good": ((NO, Failure("y", "", "refused", "no file")), False),
    "down": ((Failure("x", "", "unreachable", "no answer"),), False),
    "no identity yet": ((Failure("x", "", "configuration", "no identity"),), False),
    "refused and down": ((NO, Failure("y", "", "unreachable", "no answer")), False),
}


@pytest.mark.parametrize(("failures", "known"), KNOWN.values(), ids=KNOWN)
def test_no_token_is_known_to_be_none_only_if_nobody_may_have_one(
    places: Places, failures: tuple[Failure, ...], known: bool
) -> None:
    supply = Supply(places, lambda arguments: reported(*failures))

    async def story() -> None:
        await supply.until(lambda: bool(supply.contents))

    supply.play(story)
    content = supply.contents[0]
    assert (content is not None and content.is_empty) is known


def test_a_child_that_fails_says_nothing_of_what_there_is_not(places: Places) -> None:
    supply = Supply(places, lambda arguments: Done(2, b"", "wrong"))

    async def story() -> None:
        await supply.until(lambda: bool(supply.contents))

    supply.play(story)
    assert supply.contents[0] is None
    assert supply.reports[0].ends == (("all registries", 0),)


def test_what_was_asked_for_the_configuration_before_does_not_count_for_this_one(places: Places) -> None:
    """It changes while the child is on its way."""

    def answer(arguments: Sequence[str]) -> Done:
        if len(supply.runs) == 1:
            write_tokens(places, [token(NOW + 1000)])
            supply.tokens.configured()
        else:
            write_tokens(places, [token(NOW + 2000)])
        return reported()

    supply = Supply(places, answer)

    async def story() -> None:
        await supply.until(lambda: bool(supply.contents))

    supply.play(story)
    assert len(supply.runs) == 2
    assert [content.end for content in supply.contents if content is not None] == [NOW + 2000]


def test_between_a_change_and_its_tokens_nothing_is_said(places: Places) -> None:
    def answer(arguments: Sequence[str]) -> Done:
        write_tokens(places, [token(NOW + 1000 * len(supply.runs))])
        return reported()

    supply = Supply(places, answer)

    async def story() -> None:
        await supply.until(lambda: len(supply.contents) == 1)
        supply.tokens.configured()
        await supply.until(lambda: len(supply.contents) == 2)

    supply.play(story)
    assert [content.end for content in supply.contents if content is not None] == [NOW + 1000, NOW + 2000]
