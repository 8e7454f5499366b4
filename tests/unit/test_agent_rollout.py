"""Who may restart a kubelet, and what is written down of it."""

from dataclasses import replace

import pytest
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.coordination_v1 import Lease

from provider.agent.rollout import (
    MANY,
    REMOVAL,
    STOP_SECONDS,
    STOPPED,
    Record,
    Stop,
    read_record,
    record_lease,
    slot_lease,
)
from provider.agent.rollout_rules import (
    MOST_PROVEN,
    MOST_STOPS,
    Asking,
    Seen,
    Verdict,
    judge,
    mended,
    pause_seconds,
    with_failure,
    with_presence,
    with_success,
)

NOW = 1_800_000_000.0
ME = Asking("me", "1.0", slots=3, change="a")
PROVEN = Record("1.0", "first", proven=("a",))
WELL_BETWEEN = replace(PROVEN, well=NOW - 5)
STOPPED_BY_OTHER = replace(PROVEN, stopped={"other": Stop("broken", NOW + 10, "1.0", "a", NOW - STOP_SECONDS + 10)})


@pytest.mark.parametrize(
    ("asking", "record", "held", "slots"),
    [
        (ME, Record(), {}, {0}),
        (ME, Record("0.9", "first"), {}, {0}),
        (ME, Record(), {0: "other"}, set()),
        (ME, Record(), {0: "me"}, {0}),
        (ME, PROVEN, {}, {0, 1, 2}),
        (ME, PROVEN, {0: "a", 2: "b"}, {1}),
        (ME, PROVEN, {0: "a", 1: "b", 2: "c"}, set()),
        (ME, PROVEN, {0: "a", 1: "me", 2: "c"}, {1}),
        (Asking("me", REMOVAL, 2), Record(), {}, {0, 1}),
        (ME, STOPPED_BY_OTHER, {}, set()),
        (Asking("other", "1.0", 3, change="a"), STOPPED_BY_OTHER, {}, {0, 1, 2}),
        (Asking("me", "1.1", 3), STOPPED_BY_OTHER, {}, {0}),
        (Asking("me", REMOVAL, 1), STOPPED_BY_OTHER, {}, {0}),
    ],
)
def test_which_slots_may_be_taken(asking: Asking, record: Record, held: dict[int, str], slots: set[int]) -> None:
    verdict = judge(asking, Seen(record, held), NOW)
    assert set(verdict.slots) == slots and bool(verdict.reason) == (not slots)


def test_ones_own_slot_comes_first() -> None:
    assert judge(ME, Seen(PROVEN, {2: "me"}), NOW).slots[0] == 2


def test_a_program_without_a_restart_waits_for_the_first_node_alone() -> None:
    quiet = replace(ME, version="1.1", restarts=False)
    assert judge(quiet, Seen(PROVEN, {}), NOW).slots == (0,)
    verdict = judge(quiet, Seen(PROVEN, {0: "other"}), NOW)
    assert (verdict.slots, verdict.reason) == ((), "another node is the first to get version 1.1")
    known = with_success(PROVEN, replace(quiet, node="other"), NOW, used=True)
    everywhere = dict.fromkeys(range(3), "x")
    assert judge(quiet, Seen(known, everywhere), NOW, others=True) == Verdict(()), "no slot is needed"
    stopped = with_failure(known, replace(quiet, node="other"), "x", NOW)
    assert judge(quiet, Seen(stopped, {}), NOW).reason.startswith("the roll-out is stopped: node other")


def test_what_is_known_of_a_change_lasts_over_an_upgrade_without_a_restart() -> None:
    """A node that is new then needs a restart: it is not the first with anything."""
    upgraded = with_success(PROVEN, replace(ME, node="old", version="1.1", restarts=False), NOW, used=True)
    new = replace(ME, version="1.1")
    assert set(judge(new, Seen(upgraded, {}), NOW).slots) == {0, 1, 2}
    bad = with_presence(
        with_failure(upgraded, replace(new, node="bad"), "x", NOW), replace(new, node="bad"), NOW + 3600
    )
    assert judge(new, Seen(bad, {}), NOW + 3600).slots


def test_a_gpu_node_waits_for_the_others() -> None:
    gpu = replace(ME, gpu=True)
    assert judge(gpu, Seen(PROVEN, {}), NOW, others=True).slots == ()
    assert judge(gpu, Seen(PROVEN, {}), NOW, others=False).slots
    assert judge(ME, Seen(PROVEN, {}), NOW, others=True).slots


def test_nodes_do_not_all_begin_with_the_same_slot() -> None:
    first = {judge(replace(ME, node=f"node-{number}"), Seen(PROVEN, {}), NOW).slots[0] for number in range(9)}
    assert first == {0, 1, 2}


def test_why_the_roll_out_is_stopped_is_said() -> None:
    assert judge(ME, Seen(STOPPED_BY_OTHER, {}), NOW).reason == "the roll-out is stopped: node other failed: broken"


@pytest.mark.parametrize(("later", "counts"), [(9.0, True), (10.0, False)])
def test_a_failure_counts_for_a_time(later: float, counts: bool) -> None:
    assert bool(STOPPED_BY_OTHER.stops("me", "1.0", "a", NOW + later)) is counts


def stopped_for(seconds: float, record: Record = PROVEN, *, change: str = "a", others: int = 0) -> bool:
    """Whether `me` waits that long after another node's try, when that node is still there."""
    bad = Asking("bad", "1.0", 3, change=change)
    for number in range(others):
        record = with_failure(record, Asking(f"bad-{number}", "1.0", 3, change=change), "x", NOW)
    record = with_failure(record, bad, "x", NOW)
    for node in record.stopped:
        record = with_presence(record, Asking(node, "1.0", 3), NOW + seconds)
    return not judge(ME, Seen(record, {}), NOW + seconds).slots


def test_a_single_failure_among_nodes_that_are_well_stops_the_others_for_a_time() -> None:
    assert stopped_for(STOP_SECONDS - 1) and not stopped_for(STOP_SECONDS)
    assert not stopped_for(STOP_SECONDS, change="b")


def test_the_canarys_failure_stops_the_others_until_it_is_well_or_gone() -> None:
    assert stopped_for(10 * STOP_SECONDS, Record()) and stopped_for(10 * STOP_SECONDS, Record("0.9", "old", {}, ("a",)))
    gone = with_failure(Record(), Asking("bad", "1.0", 3), "x", NOW)
    assert judge(ME, Seen(gone, {}), NOW + STOP_SECONDS).slots


def test_the_failure_of_the_first_with_a_change_stops_those_alone_that_would_get_it() -> None:
    proven_with_another = replace(PROVEN, proven=("b",))
    assert stopped_for(10 * STOP_SECONDS, proven_with_another)
    assert not stopped_for(10 * STOP_SECONDS, change="c") and stopped_for(STOP_SECONDS - 1, change="c")


def test_many_failures_stop_the_others_until_one_is_mended() -> None:
    assert not stopped_for(10 * STOP_SECONDS, others=MANY - 2)
    assert stopped_for(10 * STOP_SECONDS, others=MANY - 1)


def test_a_removal_that_fails_stops_nobody() -> None:
    leaving = Asking("bad", REMOVAL, 1)
    assert with_failure(Record(), leaving, "x", NOW) == Record()


def test_a_node_that_fails_again_and_again_does_not_stop_the_others_for_ever() -> None:
    bad = replace(ME, node="bad")
    again = with_failure(with_failure(PROVEN, bad, "x", NOW), bad, "y", NOW + 300)
    assert again.stopped["bad"] == Stop("y", NOW + 300 + STOP_SECONDS, "1.0", "a", NOW)
    assert judge(ME, Seen(again, {}), NOW + STOP_SECONDS).slots
    other = with_failure(again, replace(bad, change="b"), "x", NOW + 300)
    assert other.stopped["bad"].failed == NOW + 300, "that is something else"


def test_many_that_are_broken_for_good_stop_nobody_when_others_are_well() -> None:
    """As in a cluster that goes on growing beside them."""
    record = PROVEN
    for number in range(2 * MANY):
        record = with_failure(record, Asking(f"bad-{number}", "1.0", 3, change="a"), "x", NOW - STOP_SECONDS)
    assert not judge(ME, Seen(record, {}), NOW - 1).slots
    record = with_success(record, replace(ME, node="well"), NOW - 1, used=True)
    for number in range(2 * MANY):
        record = with_failure(record, Asking(f"bad-{number}", "1.0", 3, change="a"), "again", NOW - 1)
    assert judge(ME, Seen(record, {}), NOW).slots


def test_the_word_of_a_node_that_is_there_is_its_own_alone() -> None:
    assert with_presence(STOPPED_BY_OTHER, ME, NOW) == STOPPED_BY_OTHER
    kept = with_presence(STOPPED_BY_OTHER, replace(ME, node="other"), NOW)
    assert kept.stopped["other"] == replace(STOPPED_BY_OTHER.stopped["other"], until=NOW + STOP_SECONDS)


def test_who_holds_others_up_is_told_as_long_as_that_is_so() -> None:
    bad = with_presence(with_failure(PROVEN, replace(ME, node="bad"), "x", NOW), replace(ME, node="bad"), NOW + 600)
    assert bad.holding(NOW + 899).keys() == {"bad"} and not bad.holding(NOW + 900)
    lease = record_lease(bad, "ours", NOW + 900, None)
    assert lease.spec is not None and lease.spec.holderIdentity == "1.0 goes on"


def test_a_failure_is_kept_beside_others_and_without_old_ones() -> None:
    before = replace(PROVEN, stopped={"old": Stop("x", NOW, "1.0"), "other": Stop("y", NOW + 1, "1.0")})
    after = with_failure(before, ME, "it\n does not  stay" + "!" * 300, NOW)
    assert after.stopped.keys() == {"other", "me"} and (after.canary_version, after.canary_node) == ("1.0", "first")
    assert after.stopped["me"].until == NOW + STOP_SECONDS and len(after.stopped["me"].reason) == 200
    assert after.stopped["me"].reason.startswith("it does not stay!")


def test_a_record_does_not_outgrow_its_lease() -> None:
    record = PROVEN
    for number in range(1000):
        record = with_failure(record, replace(ME, node=f"node-{number}"), "x" * 300, NOW)
        record = with_success(record, replace(ME, change=str(number)), NOW, used=True)
    assert len(record.stopped) == MOST_STOPS and "node-999" in record.stopped and len(record.proven) == MOST_PROVEN


def test_the_first_success_is_the_canary_and_later_ones_are_not() -> None:
    was = Record("0.9", "old", {}, ("b",))
    assert with_success(was, ME, NOW, used=True) == Record("1.0", "me", {}, ("a",))
    assert with_success(PROVEN, ME, NOW, used=True) == PROVEN
    assert with_success(was, ME, NOW, used=False) == Record("1.0", "me"), "no kubelet reads it yet"
    assert with_success(Record("1.0", "me"), ME, NOW, used=False) == Record("1.0", "me")
    assert with_success(Record(), Asking("me", REMOVAL, 1), NOW, used=True) == Record()


def test_each_change_of_a_version_has_a_first_node_of_its_own() -> None:
    other = replace(ME, change="b")
    verdict = judge(other, Seen(PROVEN, {0: "x"}), NOW)
    assert not verdict.slots and verdict.reason == "another node is the first to get this change of version 1.0"
    after = with_success(PROVEN, other, NOW, used=True)
    assert after == replace(PROVEN, proven=("a", "b")) and judge(other, Seen(after, {0: "x"}), NOW).slots
    assert judge(ME, Seen(after, {0: "x"}), NOW).slots


def test_a_success_takes_the_nodes_own_failure_back_alone() -> None:
    before = with_failure(STOPPED_BY_OTHER, ME, "x", NOW)
    assert with_success(before, ME, NOW, used=True) == replace(STOPPED_BY_OTHER, well=NOW)
    assert mended(before, "me", NOW) == STOPPED_BY_OTHER


@pytest.mark.parametrize("record", [Record(), PROVEN, WELL_BETWEEN, STOPPED_BY_OTHER])
def test_the_record_is_read_as_it_was_written(record: Record) -> None:
    lease = record_lease(record, "ours", NOW, "7")
    assert read_record(lease) == record
    assert lease.metadata is not None and lease.metadata.resourceVersion == "7"
    assert lease.spec is not None and lease.spec.holderIdentity, "an empty one is refused"


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}', '{"a": {"reason": "x"}}', '{"a": {"until": "soon"}}', "null"])
def test_a_record_that_cannot_be_read_stops_nobody(text: str) -> None:
    lease = Lease(metadata=ObjectMeta(annotations={STOPPED: text}))
    assert read_record(lease) == Record()


def test_a_free_slot_names_nobody() -> None:
    assert slot_lease(0, "ours", "", 300, NOW, None).to_dict()["spec"].keys() == {"leaseDurationSeconds", "renewTime"}


@pytest.mark.parametrize(("waited", "shortest", "longest"), [(0, 10, 20), (100, 15, 30), (400, 30, 60), (9000, 30, 60)])
def test_pauses_grow_and_differ(waited: float, shortest: float, longest: float) -> None:
    assert (pause_seconds(waited, 0), pause_seconds(waited, 1)) == (shortest, longest)
