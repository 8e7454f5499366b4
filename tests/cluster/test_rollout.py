"""The roll-out with a real API server, and nodes whose clocks go faster."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from provider.agent.rollout import STOP_SECONDS
from provider.agent.rollout_rules import GPU_SECONDS
from provider.agent.slots import SLOT_SECONDS
from tests.cluster.api import Api, OwnApi
from tests.cluster.rollout_nodes import FASTER, Nodes, rights
from tests.systems.system import wait_for


@pytest.fixture
def nodes(api: Api, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Nodes]:
    name = request.node.name.replace("_", "-").replace("[", "-").rstrip("]")[:60].rstrip("-")
    made = Nodes(api, tmp_path, name)
    yield made
    made.end()


def test_the_first_is_alone_and_then_there_are_no_more_than_slots(nodes: Nodes) -> None:
    first = nodes.node("canary", "--slots=3").start(holds=(hold := threading.Event()))
    wait_for(lambda: nodes.work.begun == ["canary"], 30, "the first to begin")
    others = [nodes.node(f"node-{number}", "--slots=3").start() for number in range(7)]
    for node in others:
        node.waits_for("another node is the first to get version 1.0")
    assert nodes.work.begun == ["canary"] and nodes.holders() == {"rollout.slot-0": "canary"}
    hold.set()
    assert [node.wait() for node in (first, *others)] == [0] * 8
    assert nodes.work.most == 3 and sorted(nodes.work.done) == sorted(["canary", *(node.name for node in others)])
    assert {state.state for state in nodes.states().values()} == {"ready"} and nodes.holders() == {}
    assert (nodes.record().canary_version, nodes.record().canary_node) == ("1.0", "canary")


def test_nodes_that_begin_at_once_never_share_a_slot(nodes: Nodes) -> None:
    made = [nodes.node(f"node-{number}").start() for number in range(8)]
    assert [node.wait() for node in made] == [0] * 8
    assert nodes.work.most == 1 and len(nodes.work.done) == 8


def test_another_version_has_a_first_node_of_its_own(nodes: Nodes) -> None:
    assert nodes.node("one", "--slots=2").start().wait() == 0
    one = nodes.node("two", "--slots=2").start(version="2.0", holds=(hold := threading.Event()))
    wait_for(lambda: nodes.work.at_work == {"two"}, 30, "the first of the next version to begin")
    three = nodes.node("three", "--slots=2").start(version="2.0")
    three.waits_for("another node is the first to get version 2.0")
    hold.set()
    assert (one.wait(), three.wait()) == (0, 0) and nodes.record().canary_node == "two"


def test_a_failure_stops_the_others_until_that_node_is_well(nodes: Nodes) -> None:
    bad = nodes.node("stop-bad", "--slots=2")
    assert bad.start(fails="the kubelet is not well after the restart: it does not stay").wait() == 1
    assert bad.state is not None and (bad.state.state, bad.state.detail[:24]) == ("failed", "the kubelet is not well ")
    others = [nodes.node(f"stop-{number}", "--slots=2").start() for number in range(3)]
    for node in others:
        node.waits_for("the roll-out is stopped: node stop-bad failed: the kubelet is not well")
    assert bad.start(fails="it does not stay").wait() == 1, "the one that failed may try again"
    time.sleep(100 / FASTER)
    assert nodes.work.begun == ["stop-bad"] * 2
    assert [(kind, reason) for kind, reason, _ in nodes.events()] == [("Warning", "RolloutStopped")] * 2
    assert bad.start().wait() == 0
    assert [node.wait() for node in others] == [0] * 3
    assert ("Normal", "RolloutResumed") in [(kind, reason) for kind, reason, _ in nodes.events()]
    assert nodes.record().stopped == {} and nodes.work.most == 2


def test_a_node_that_failed_and_was_mended_by_hand_resumes_it(nodes: Nodes) -> None:
    bad = nodes.node("hand-bad")
    assert bad.start(fails="no").wait() == 1
    other = nodes.node("hand-other").start()
    other.waits_for("the roll-out is stopped")
    assert bad.start(restarts=False).wait() == 0
    assert other.wait() == 0 and ("Normal", "RolloutResumed") in [event[:2] for event in nodes.events()]


def test_a_failed_node_that_is_gone_does_not_stop_the_others_for_ever(nodes: Nodes) -> None:
    nodes.faster = 300.0
    nodes.began = time.time() - time.monotonic() * nodes.faster
    assert nodes.node("gone").start(fails="no").wait() == 1
    began = time.monotonic()
    assert nodes.node("left").start().wait() == 0
    assert time.monotonic() - began >= STOP_SECONDS / nodes.faster - 1


def test_a_failure_of_one_version_does_not_stop_the_one_that_mends_it(nodes: Nodes) -> None:
    assert nodes.node("one").start(fails="no").wait() == 1
    assert nodes.node("two").start(version="1.1").wait() == 0


def test_the_slot_of_a_node_that_died_comes_free(nodes: Nodes) -> None:
    dead = nodes.node("dead").start(killed=True)
    wait_for(lambda: nodes.work.done == ["dead"], 30, "the node to die")
    began = time.monotonic()
    other = nodes.node("other").start()
    other.waits_for("another node is the first")
    assert nodes.holders() == {"rollout.slot-0": "dead"}
    assert other.wait() == 0 and time.monotonic() - began >= SLOT_SECONDS / FASTER - 0.5
    assert dead.host is not None and dead.host.is_clean


def test_a_node_that_died_takes_its_own_slot_at_once(nodes: Nodes) -> None:
    dead = nodes.node("dead").start(killed=True)
    wait_for(lambda: nodes.work.done == ["dead"], 30, "the node to die")
    began = time.monotonic()
    assert dead.start().wait() == 0 and time.monotonic() - began < SLOT_SECONDS / FASTER - 0.5


def test_a_slot_is_kept_as_long_as_the_work_takes(nodes: Nodes) -> None:
    long = nodes.node("long").start(holds=(hold := threading.Event()))
    wait_for(lambda: nodes.work.begun == ["long"], 30, "the node to begin")
    other = nodes.node("other").start()
    time.sleep(1.5 * SLOT_SECONDS / FASTER)
    assert nodes.work.begun == ["long"]
    hold.set()
    assert (long.wait(), other.wait()) == (0, 0) and nodes.work.most == 1


def test_gpu_nodes_are_the_last(nodes: Nodes) -> None:
    assert nodes.node("first", "--slots=2").start().wait() == 0
    slow = nodes.node("slow", "--slots=2").start(holds=(hold := threading.Event()))
    wait_for(lambda: nodes.work.at_work == {"slow"}, 30, "the slow one to begin")
    began = time.monotonic()
    gpu = [nodes.node(f"gpu-{number}", "--slots=2", gpu=True).start() for number in range(2)]
    for node in gpu:
        node.waits_for("GPU nodes are the last")
    assert nodes.node("other", "--slots=2").start().wait() == 0
    time.sleep(2 * GPU_SECONDS / FASTER)
    assert nodes.work.begun == ["first", "slow", "other"], "a slot is free, but one without GPU is not done"
    hold.set()
    assert [node.wait() for node in (slow, *gpu)] == [0] * 3
    assert set(nodes.work.done[-2:]) == {"gpu-0", "gpu-1"} and time.monotonic() - began >= GPU_SECONDS / FASTER


def test_a_cluster_of_gpu_nodes_alone_is_done_too(nodes: Nodes) -> None:
    assert [nodes.node(f"gpu-{number}", gpu=True).start() for number in range(2)][-1].wait() == 0


def test_a_removal_takes_turns_without_a_first(nodes: Nodes) -> None:
    made = [nodes.node(f"node-{number}", "--slots=2", "--remove").start() for number in range(4)]
    assert [node.wait() for node in made] == [0] * 4
    assert nodes.work.most == 2 and nodes.record().canary_version == ""
    assert {state.state for state in nodes.states().values()} == {"removed"}
    assert made[0].host is not None
    assert made[0].host.ran[-1] == ["uninstall", "--restart=now"]


def test_never_takes_no_slot_and_leaves_a_restart_pending(nodes: Nodes) -> None:
    holder = nodes.node("holder").start(holds=(hold := threading.Event()))
    wait_for(lambda: nodes.work.begun == ["holder"], 30, "the slot to be taken")
    node = nodes.node("never", "--restart=never", "--delivery=flags").start()
    assert node.wait(10) == 0 and node.host is not None
    assert node.host.ran[-1] == ["install", "--delivery=flags", "--restart=never"]
    assert node.state is not None and (node.state.state, node.state.restart_pending) == ("pending", True)
    hold.set()
    assert holder.wait() == 0


def test_a_pod_that_is_ended_while_it_waits_holds_nobody_up(nodes: Nodes) -> None:
    first = nodes.node("first").start(holds=(hold := threading.Event()))
    wait_for(lambda: nodes.work.begun == ["first"], 30, "the slot to be taken")
    second = nodes.node("second").start()
    second.waits_for("another node is the first")
    assert second.end() == 1 and nodes.work.begun == ["first"]
    hold.set()
    assert first.wait() == 0 and nodes.node("third").start().wait() == 0


def test_a_pod_that_is_ended_at_work_gives_its_slot_back_and_counts_as_no_failure(nodes: Nodes) -> None:
    first = nodes.node("first").start(holds=threading.Event())
    wait_for(lambda: nodes.work.begun == ["first"], 30, "the slot to be taken")
    assert first.end() == 1
    assert nodes.holders() == {} and nodes.record().stopped == {} and nodes.events() == []


def test_nothing_waits_for_an_api_server_that_is_away_where_nothing_restarts(own_api: OwnApi, tmp_path: Path) -> None:
    nodes = Nodes(own_api, tmp_path, "away")
    nodes.seconds, nodes.faster = 1.0, 1.0
    own_api.stop_answering()
    try:
        began = time.monotonic()
        quiet = nodes.node("quiet").start(restarts=False)
        assert quiet.wait(20) == 0 and time.monotonic() - began < 10
        assert sum("did not answer in time" in line for line in quiet.lines) == 1
        waiting = nodes.node("waiting").start()
        wait_for(lambda: any("waiting: cannot read" in line for line in waiting.lines), 30, "it to say so")
        assert nodes.work.begun == ["quiet"], "no restart without a slot"
        assert waiting.end() == 1
    finally:
        own_api.answer()


def test_it_goes_on_when_the_api_server_answers_again(own_api: OwnApi, tmp_path: Path) -> None:
    nodes = Nodes(own_api, tmp_path, "again")
    nodes.seconds = 1.0
    own_api.stop_answering()
    try:
        node = nodes.node("node").start()
        wait_for(lambda: any("waiting: cannot read" in line for line in node.lines), 30, "it to say so")
    finally:
        own_api.answer()
    assert node.wait() == 0


def test_an_api_server_that_refuses_ends_it_with_the_reason_only_where_a_slot_is_needed(
    api: Api, tmp_path: Path
) -> None:
    nodes = Nodes(api, tmp_path, "refused", kubeconfig=api.service_account("refused", "nobody"))
    quiet = nodes.node("quiet").start(restarts=False)
    assert quiet.wait() == 0 and any("warning:" in line and "forbidden" in line for line in quiet.lines)
    node = nodes.node("node").start()
    assert node.wait() == 1 and "forbidden" in node.lines[-1] and nodes.work.begun == ["quiet"]


def test_the_cluster_is_written_down_for_the_node_once(nodes: Nodes) -> None:
    node = nodes.node("node", "--cluster-id=c0123456789abcdef")
    assert node.start(restarts=False).wait() == 0
    place = nodes.folder / "node/var/lib/aliyun-acr-credential-provider/cluster/cluster.json"
    created = nodes.api.kubectl("get", "namespace", "kube-system", "--output=jsonpath={.metadata.creationTimestamp}")
    assert place.read_text() == f'{{"created": "{created}", "clusterId": "c0123456789abcdef"}}\n'
    written = place.stat()
    assert node.start(restarts=False).wait() == 0
    assert place.stat() == written or place.stat().st_mtime_ns == written.st_mtime_ns


def test_the_daemon_set_may_do_no_more_than_it_needs(nodes: Nodes) -> None:
    kubeconfig = rights(nodes.api, nodes.namespace)
    for refused in (
        ("get", "leases", "--namespace=kube-system"),
        ("get", "secrets", f"--namespace={nodes.namespace}"),
        ("get", "namespace", "default"),
        ("get", "nodes"),
    ):
        assert "Forbidden" in nodes.api.attempt(*refused, kubeconfig=kubeconfig).stderr, refused
