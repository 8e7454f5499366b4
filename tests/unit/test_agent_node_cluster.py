"""When a node speaks to the API server: often enough, at once when something is new, never in a rush."""

from dataclasses import replace

from provider.agent.node_cluster import (
    APART_SECONDS,
    MOST_APART_SECONDS,
    RENEW_SECONDS,
    Complaints,
    Turns,
    _with_what_was_placed,
)
from provider.agent.node_state import Complaint
from provider.kubernetes.node_lease import SECONDS, NodeState

STATE = NodeState("n", "ready")
NEW = replace(STATE, refusals=1)
HOUR = 3600 * 472_222.0


def turns(chance: float = 0.5) -> Turns:
    made = Turns(lambda: chance)
    assert made.is_due(STATE, 0)
    made.done(STATE, 0)
    return made


def test_the_lease_is_renewed_well_before_it_ends() -> None:
    for chance in (0.0, 0.5, 1.0):
        made = turns(chance)
        assert not made.is_due(STATE, RENEW_SECONDS * 0.9 - 1)
        assert made.is_due(STATE, RENEW_SECONDS * 1.1)
    assert RENEW_SECONDS * 1.1 < SECONDS / 2


def test_what_is_new_is_said_at_once_but_not_all_the_time() -> None:
    made = turns()
    assert made.is_due(NEW, 1)
    assert made.is_pause(APART_SECONDS - 1)
    assert not made.is_pause(APART_SECONDS)


def test_a_server_that_is_away_is_asked_less_and_less_often() -> None:
    made, now, waits = turns(), 0.0, []
    for _ in range(12):
        made.failed(now)
        wait = next(seconds for seconds in range(1000) if not made.is_pause(now + seconds))
        waits.append(wait)
        now += wait
    assert waits[:4] == [8, 15, 30, 60]
    assert max(waits) <= MOST_APART_SECONDS
    made.done(STATE, now)
    made.failed(now)
    assert not made.is_pause(now + 8)


def test_the_server_is_given_the_time_that_it_asks_for() -> None:
    made = turns()
    made.failed(0, 300)
    assert made.is_pause(299)


def test_what_failed_is_still_to_be_said() -> None:
    made = turns()
    made.failed(20)
    assert made.is_due(NEW, 20)


WRONG, OTHER = Complaint("ConfigurationWrong", "line 3"), Complaint("CredentialsRefused", "a.io: no")


def complaints() -> Complaints:
    return Complaints(lambda: 0.5)


def test_a_complaint_waits_its_turn_and_is_said_once_an_hour() -> None:
    made = complaints()
    made.take([WRONG], 100)
    assert made.due(109, HOUR) == []
    made.take([WRONG], 109)
    assert made.due(110, HOUR) == [WRONG]
    made.done(WRONG, HOUR)
    assert made.due(500, HOUR + 390) == []
    assert made.due(3700, HOUR + 3600) == [WRONG]


def test_another_complaint_is_said_as_well_and_one_that_is_over_is_not() -> None:
    made = complaints()
    made.take([WRONG], 0)
    made.done(WRONG, HOUR)
    made.take([WRONG, OTHER], 0)
    assert made.due(10, HOUR) == [OTHER]
    made.take([], 10)
    assert made.due(100, HOUR) == []


def test_what_comes_back_within_the_hour_was_said() -> None:
    made = complaints()
    made.take([WRONG], 0)
    made.done(WRONG, HOUR)
    made.take([], 10)
    made.take([WRONG], 20)
    assert made.due(100, HOUR + 90) == []


def test_a_removal_that_a_running_kubelet_does_not_know_of_stays_pending() -> None:
    placed = NodeState("n", "pending", "1.0", "taken away; the kubelet has it", gpu=True, restart_pending=True)
    said = _with_what_was_placed(NodeState("n", "removed"), placed)
    assert said == replace(placed, version="")
    well = _with_what_was_placed(NodeState("n", "removed"), replace(placed, restart_pending=False))
    assert (well.state, well.detail) == ("removed", "")
