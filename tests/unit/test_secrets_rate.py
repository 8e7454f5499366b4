"""How fast the API server is asked."""

import asyncio
import itertools
import time

import pytest

from provider.secrets.rate import (
    BACK_OFF_LIMIT,
    BURST,
    CONTEST_LIMIT,
    PAUSE_LIMIT,
    RATE,
    Bucket,
    Contest,
    Pace,
    back_off,
)


def sent(bucket: Bucket, requests: int, start: float) -> list[float]:
    """The moments at which requests go out that all ask at once."""
    return [start + bucket.reserve(start) for _ in range(requests)]


def test_no_second_has_more_requests_than_the_rate_and_the_burst() -> None:
    moments = sent(Bucket(), 1000, 50.0)
    assert moments == sorted(moments)
    for first in moments:
        assert sum(first <= moment < first + 1 for moment in moments) <= RATE + BURST
    assert moments[-1] - moments[0] == pytest.approx((1000 - BURST) / RATE, abs=0.01)


def test_after_a_quiet_time_a_burst_goes_at_once_and_no_more() -> None:
    bucket = Bucket()
    sent(bucket, 300, 0.0)
    waits = [moment - 1000.0 for moment in sent(bucket, BURST + 1, 1000.0)]
    assert waits[:BURST] == [0.0] * BURST
    assert waits[BURST] == pytest.approx(1 / RATE)


def test_a_pause_holds_everybody_and_then_they_come_at_the_usual_rate() -> None:
    bucket = Bucket()
    bucket.pause(10.0, 5.0)
    moments = sent(bucket, 100, 11.0)
    assert moments[0] == pytest.approx(15.0)
    assert moments[-1] == pytest.approx(15.0 + 99 / RATE)
    assert bucket.paused(11.0) == pytest.approx(4.0)


def test_a_shorter_pause_does_not_end_a_longer_one_and_none_lasts_for_ever() -> None:
    bucket = Bucket()
    bucket.pause(0.0, 5.0)
    bucket.pause(1.0, 1.0)
    assert bucket.paused(1.0) == pytest.approx(4.0)
    bucket.pause(1.0, 86400.0)
    assert bucket.paused(1.0) == PAUSE_LIMIT


def test_those_who_wait_already_wait_for_the_pause_too() -> None:
    async def run() -> float:
        pace = Pace(time.monotonic, Bucket(rate=20, burst=1))
        await pace.turn()
        waiting = asyncio.create_task(pace.turn())
        await asyncio.sleep(0)
        begun = time.monotonic()
        pace.pause(0.3)
        await waiting
        return time.monotonic() - begun

    assert 0.25 <= asyncio.run(run()) < 2


def test_waits_double_up_to_a_bound_and_are_anything_below() -> None:
    longest = [back_off(failures, chance=lambda: 1.0) for failures in range(12)]
    assert longest[:4] == [0.5, 1.0, 2.0, 4.0]
    assert longest[-1] == BACK_OFF_LIMIT == back_off(10**6, chance=lambda: 1.0)
    assert back_off(5, chance=lambda: 0.0) == 0.0
    assert len({back_off(5) for _ in range(10)}) > 1


def test_what_is_undone_again_and_again_is_done_less_and_less_often() -> None:
    contest, now = Contest(), 0.0
    waits = []
    for _ in range(14):
        waits.append(contest.undone("team", now))
        now += waits[-1] + 0.1
    assert waits[:3] == [0.0, 2.0, 4.0]
    assert all(before <= after for before, after in itertools.pairwise(waits))
    assert waits[-1] == CONTEST_LIMIT
    assert contest.undone("other", now) == 0.0
    assert contest.undone("team", now + 86400) == 0.0
