from provider.own_program import NOT_IN_TIME, run_own
from provider.version import VERSION


def test_the_child_is_this_program() -> None:
    done = run_own(["version"], 30)
    assert done.status == 0
    assert VERSION in done.stdout.decode()


def test_the_child_says_why_it_failed() -> None:
    done = run_own(["no-such-command"], 30)
    assert done.status == 2
    assert "no-such-command" in done.stderr


def test_a_child_that_is_late_is_killed() -> None:
    done = run_own(["version"], 0.001)
    assert done.status == NOT_IN_TIME
    assert "0.001 s" in done.stderr
