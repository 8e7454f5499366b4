"""How long a node that failed waits before it is tried again."""

import pytest
from lightkube.models.meta_v1 import ObjectMeta

from provider.agent.rollout_tries import Tries, as_text, read_tries
from provider.kubernetes.node_lease import NodeState, lease_of, state_of

NOW = 1_800_000_000.0


def after(failures: int) -> Tries:
    tries = Tries()
    for _ in range(failures):
        tries = tries.failed("1.0 a", "it does\nnot stay", NOW)
    return tries


def test_who_did_not_fail_does_not_wait() -> None:
    assert Tries().is_over("1.0 a", NOW)


@pytest.mark.parametrize(("failures", "pause"), [(1, 300), (2, 900), (3, 3600), (9, 3600)])
def test_the_pause_grows(failures: int, pause: float) -> None:
    tries = after(failures)
    assert not tries.is_over("1.0 a", NOW + pause - 1) and tries.is_over("1.0 a", NOW + pause)


def test_something_else_is_tried_at_once_and_counted_anew() -> None:
    tries = after(3)
    assert tries.is_over("1.1 a", NOW) and tries.is_over("1.0 b", NOW)
    assert tries.failed("1.1 a", "x", NOW).count == 1


def test_a_clock_that_was_far_ahead_holds_nothing_up() -> None:
    tries = Tries().failed("1.0 a", "x", NOW + 86400 * 365)
    assert tries.is_over("1.0 a", NOW)


def test_they_survive_in_the_nodes_lease() -> None:
    tries = after(2)
    found = state_of(lease_of(NodeState("node", "failed", tries=as_text(tries), renewed=NOW), "ours"))
    assert found is not None and read_tries(found.tries) == tries and tries.reason == "it does not stay"
    without = lease_of(NodeState("node", "ready", tries=as_text(Tries())), "ours")
    assert isinstance(without.metadata, ObjectMeta) and without.metadata.annotations == {}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '{"count": "x"}', '{"count": 0, "last": 1, "work": "", "reason": ""}']
)
def test_what_cannot_be_read_counts_as_not_there(text: str) -> None:
    assert read_tries(text) == Tries()
