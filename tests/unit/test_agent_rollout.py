"""Who may restart a kubelet, and what is written down of it."""

import pytest
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.coordination_v1 import Lease

from provider.agent.rollout import (
    REMOVAL,
    STOP_SECONDS,
    STOPPED,
    Asking,
    Record,
    Seen,
    Stop,
    judge,
    pause_seconds,
    read_record,
    record_lease,
    slot_lease,
    with_failure,
    with_success,
)

NOW = 1_800_000_000.0
ME = Asking("me", "1.0", slots=3)
PROVEN = Record("1.0", "first")
STOPPED_BY_OTHER = Record("1.0", "first", {"other": Stop("broken", NOW + 10, "1.0")})


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
        (Asking("other", "1.0", 3), STOPPED_BY_OTHER, {}, {0, 1, 2}),
        (Asking("me", "1.1", 3), STOPPED_BY_OTHER, {}, {0}),
        (Asking("me", REMOVAL, 1), STOPPED_BY_OTHER, {}, {0}),
    ],
)
def test_which_slots_may_be_taken(asking: Asking, record: Record, held: dict[int, str], slots: set[int]) -> None:
    verdict = judge(asking, Seen(record, held), NOW)
    assert set(verdict.slots) == slots and bool(verdict.reason) == (not slots)


def test_ones_own_slot_comes_first() -> None:
    assert judge(ME, Seen(PROVEN, {2: "me"}), NOW).slots[0] == 2


def test_a_gpu_node_waits_for_the_others() -> None:
    gpu = Asking("me", "1.0", 3, gpu=True)
    assert judge(gpu, Seen(PROVEN, {}), NOW, others=True).slots == ()
    assert judge(gpu, Seen(PROVEN, {}), NOW, others=False).slots
    assert judge(ME, Seen(PROVEN, {}), NOW, others=True).slots


def test_nodes_do_not_all_begin_with_the_same_slot() -> None:
    first = {judge(Asking(f"node-{number}", "1.0", 3), Seen(PROVEN, {}), NOW).slots[0] for number in range(9)}
    assert first == {0, 1, 2}


def test_why_the_roll_out_is_stopped_is_said() -> None:
    assert judge(ME, Seen(STOPPED_BY_OTHER, {}), NOW).reason == "the roll-out is stopped: node other failed: broken"


@pytest.mark.parametrize(("later", "counts"), [(9.0, True), (10.0, False)])
def test_a_failure_counts_for_a_time(later: float, counts: bool) -> None:
    assert bool(STOPPED_BY_OTHER.stops("me", "1.0", NOW + later)) is counts


def test_a_failure_is_kept_beside_others_and_without_old_ones() -> None:
    before = Record("1.0", "first", {"old": Stop("x", NOW, "1.0"), "other": Stop("y", NOW + 1, "1.0")})
    after = with_failure(before, ME, "it\n does not  stay" + "!" * 300, NOW)
    assert after.stopped.keys() == {"other", "me"} and (after.canary_version, after.canary_node) == ("1.0", "first")
    assert after.stopped["me"].until == NOW + STOP_SECONDS and len(after.stopped["me"].reason) == 200
    assert after.stopped["me"].reason.startswith("it does not stay!")


def test_the_first_success_is_the_canary_and_later_ones_are_not() -> None:
    assert with_success(Record("0.9", "old"), ME, NOW, restarted=True) == Record("1.0", "me")
    assert with_success(PROVEN, ME, NOW, restarted=True) == PROVEN
    assert with_success(Record(), ME, NOW, restarted=False) == Record(), "nothing was restarted: it shows nothing"
    assert with_success(Record(), Asking("me", REMOVAL, 1), NOW, restarted=True) == Record()


def test_a_success_takes_the_nodes_own_failure_back_alone() -> None:
    before = with_failure(STOPPED_BY_OTHER, ME, "x", NOW)
    assert with_success(before, ME, NOW, restarted=True) == STOPPED_BY_OTHER
    assert with_success(before, ME, NOW, restarted=False) == STOPPED_BY_OTHER


@pytest.mark.parametrize("record", [Record(), PROVEN, STOPPED_BY_OTHER])
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
