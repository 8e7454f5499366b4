"""When tokens are asked for: by both clocks, after failures, jumps and long stops."""

import pytest

from provider.secrets.token_turns import EXPECTED_SECONDS, FIRST_SECONDS, JUMP_SECONDS, LONGEST_SECONDS, Turns

NOW, MONOTONIC = 1_800_000_000.0, 5000.0


class Clocks:
    """Both clocks, and when tokens were asked for last."""

    def __init__(self) -> None:
        self.wall, self.monotonic = NOW, MONOTONIC
        self.turns = Turns(chance=lambda: 1.0)
        self.first = self.after(0)

    def after(self, seconds: float, wall: float | None = None) -> str:
        self.monotonic += seconds
        self.wall += seconds if wall is None else wall
        return self.turns.look(self.wall, self.monotonic)

    def done(self, renew_in: float = 3600, *, failed: bool = False, expected: bool = False) -> None:
        renew = int(self.wall + renew_in) if renew_in else 0
        self.turns.done(renew, failed=failed, expected=expected, monotonic=self.monotonic)


def test_the_first_look_asks() -> None:
    assert Clocks().first == "due"


def test_then_it_is_quiet_until_the_renewal() -> None:
    clocks = Clocks()
    clocks.done()
    assert clocks.after(3599) == ""
    assert clocks.after(2) == "due"


def test_another_configuration_asks_at_once() -> None:
    clocks = Clocks()
    clocks.done()
    assert clocks.after(1) == ""
    clocks.turns.ask_soon()
    assert clocks.after(1) == "due"


def test_what_is_asked_for_while_somebody_asks_already_is_asked_for_after_that() -> None:
    clocks = Clocks()
    clocks.turns.ask_soon()
    clocks.done()
    assert clocks.after(1) == "due"
    clocks.done()
    assert clocks.after(1) == ""


def test_after_failures_it_waits_longer_each_time() -> None:
    clocks = Clocks()
    waits = []
    for _ in range(6):
        clocks.done(failed=True, expected=True)
        waited = 0
        while not clocks.after(1):
            waited += 1
        waits.append(waited + 1)
    assert waits == [30, 60, 120, 240, 300, 300]
    clocks.done()
    clocks.done(failed=True)
    assert clocks.after(FIRST_SECONDS - 1) == ""
    assert clocks.after(1) == "due"


def test_the_wait_after_a_failure_is_between_half_and_all_of_it() -> None:
    turns = Turns(chance=lambda: 0.0)
    assert turns.look(NOW - FIRST_SECONDS, 0) == "due"
    turns.done(0, failed=True, expected=True, monotonic=0)
    assert turns.look(NOW, FIRST_SECONDS / 2 - 1) == ""
    assert turns.look(NOW + 1, FIRST_SECONDS / 2) == "due"


def test_a_renewal_that_is_due_waits_for_the_next_try_after_a_failure() -> None:
    clocks = Clocks()
    clocks.done(renew_in=5, failed=True)
    assert clocks.after(10) == ""
    assert clocks.after(FIRST_SECONDS) == "due"


def test_what_nobody_configured_is_asked_for_seldom() -> None:
    clocks = Clocks()
    clocks.done(renew_in=0, expected=True)
    assert clocks.after(LONGEST_SECONDS) == ""
    assert clocks.after(EXPECTED_SECONDS) == "due"


@pytest.mark.parametrize("jump", [JUMP_SECONDS + 1, 86400, -JUMP_SECONDS - 1, -86400])
def test_a_clock_that_was_set_has_all_asked_for_anew(jump: float) -> None:
    clocks = Clocks()
    clocks.after(0)
    clocks.done()
    assert clocks.after(30, wall=30 + jump) == "all"
    assert clocks.after(30) == "all"
    clocks.done()
    assert clocks.after(30) == ""


def test_a_clock_that_is_slewed_is_no_jump() -> None:
    clocks = Clocks()
    clocks.after(0)
    clocks.done(renew_in=36000)
    assert [clocks.after(30, wall=30.01) for _ in range(100)] == [""] * 100


def test_a_process_that_stood_still_asks_at_once() -> None:
    clocks = Clocks()
    clocks.after(0)
    clocks.done()
    assert clocks.after(7200) == "due"
