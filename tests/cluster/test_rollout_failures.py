"""Nodes that fail, with a real API server: they restart no kubelet again and again, nor hold all others up."""

import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from provider.agent.rollout import STOP_SECONDS
from provider.agent.rollout_tries import PAUSES, read_tries
from tests.cluster.api import Api
from tests.cluster.rollout_nodes import Node, Nodes
from tests.systems.system import wait_for

FAST = 300.0


@pytest.fixture
def nodes(api: Api, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Nodes]:
    made = Nodes(api, tmp_path, "-".join(re.findall("[a-z0-9]+", request.node.name))[-60:].lstrip("-"))
    made.go(FAST)
    yield made
    made.end()


def pauses(node: Node) -> bool:
    """Whether its Lease says that it failed and is tried later."""
    return node.state is not None and node.state.state == "failed" and "tried again at" in node.state.detail


def test_the_pauses_between_tries_that_fail_grow(nodes: Nodes) -> None:
    bad = nodes.node("bad")
    assert bad.start(fails="it does not stay").wait() == 1
    for pause in PAUSES[:2]:
        began = time.monotonic()
        assert bad.start(fails="it does not stay").wait() == 1, "each try is said by the exit status, for DaemonSets"
        assert time.monotonic() - began >= pause / FAST - 0.5
    bad.start(fails="it does not stay")
    wait_for(lambda: pauses(bad), 30, "it to pause")
    assert bad.state is not None and bad.state.detail.startswith("it does not stay; it failed 3 times, and is tried")
    assert read_tries(bad.state.tries).count == 3 and nodes.work.begun == ["bad"] * 3
    assert bad.end() == 1, "a pause ends with its pod"
    assert bad.start(restarts=False).wait() == 0 and bad.state is not None and bad.state.tries == ""


def test_who_deletes_the_nodes_lease_has_it_tried_at_once(nodes: Nodes) -> None:
    bad = nodes.node("bad")
    nodes.go(10.0)
    assert bad.start(fails="no").wait() == 1
    bad.start()
    wait_for(lambda: pauses(bad), 30, "it to pause")
    nodes.api.kubectl("delete", "lease", "bad", f"--namespace={nodes.namespace}")
    began = time.monotonic()
    assert bad.wait() == 0 and time.monotonic() - began < PAUSES[0] / 10.0 / 2


@pytest.mark.parametrize("what", [{"version": "1.1"}, {"change": "b"}])
def test_something_else_is_tried_at_once(nodes: Nodes, what: dict[str, str]) -> None:
    nodes.go(1.0)
    assert nodes.node("bad").start(fails="no").wait() == 1
    assert nodes.node("bad").start(version=what.get("version", "1.0"), change=what.get("change", "a")).wait() == 0


def test_what_changes_while_a_node_pauses_ends_the_pause(nodes: Nodes) -> None:
    bad = nodes.node("bad")
    nodes.go(60.0)
    for _ in range(2):
        assert bad.start(fails="no").wait() == 1
    began = time.monotonic()
    bad.start()
    wait_for(lambda: pauses(bad), 30, "it to pause")
    assert bad.host is not None
    bad.host.change = "b"
    assert bad.wait() == 0 and time.monotonic() - began < PAUSES[1] / 60.0, "it is looked at in between"


def test_others_go_on_while_one_that_fails_alone_makes_its_long_pause(nodes: Nodes) -> None:
    assert nodes.node("first").start().wait() == 0
    bad = nodes.node("bad")
    for _ in PAUSES:
        assert bad.start(fails="no").wait() == 1
    began = time.monotonic()
    bad.start(fails="no")
    assert nodes.node("other").start().wait() == 0
    assert time.monotonic() - began < PAUSES[-1] / FAST and pauses(bad), "it told nothing new"


def test_the_first_node_of_a_version_holds_the_others_up_while_it_fails(nodes: Nodes) -> None:
    bad = nodes.node("bad")
    for _ in PAUSES:
        assert bad.start(fails="no").wait() == 1
    bad.start(fails="no")
    other = nodes.node("other").start()
    time.sleep(2.5 * STOP_SECONDS / FAST)
    assert pauses(bad) and nodes.work.begun == ["bad"] * 3, "the others wait longer than one failure counts"
    assert bad.end() == 1 and other.wait() == 0, "until nothing is heard of it"


def test_the_first_with_other_flags_is_alone_though_the_version_is_known(nodes: Nodes) -> None:
    assert nodes.node("one", "--slots=3").start().wait() == 0
    two = nodes.node("two", "--slots=3").start(change="b", holds=(hold := threading.Event()))
    wait_for(lambda: nodes.work.at_work == {"two"}, 30, "the first with the change to begin")
    three = nodes.node("three", "--slots=3").start(change="b")
    three.waits_for("another node is the first to get this change of version 1.0")
    assert nodes.node("four", "--slots=3").start(change="a").wait() == 0, "what is known goes on"
    hold.set()
    assert (two.wait(), three.wait()) == (0, 0) and set(nodes.record().proven) == {"a", "b"}


def test_a_failure_without_a_restart_is_told_and_stops_the_others(nodes: Nodes) -> None:
    assert nodes.node("first").start().wait() == 0
    bad = nodes.node("quiet-bad")
    assert bad.start(restarts=False, fails="no room on the disk").wait() == 1
    told = [event for event in nodes.events() if "quiet-bad" in event[2]]
    assert [event[:2] for event in told] == [("Warning", "RolloutStopped")] and "no room on the disk" in told[0][2]
    nodes.node("other").start().waits_for("the roll-out is stopped: node quiet-bad failed: no room")


def test_a_program_that_fails_on_the_first_node_gets_to_no_other(nodes: Nodes) -> None:
    assert nodes.node("before", "--slots=3").start().wait() == 0
    bad = nodes.node("new-bad")
    assert bad.start(version="1.1", restarts=False, program=True, fails="it does not run").wait() == 1
    others = [nodes.node(f"new-{number}") for number in range(2)]
    for node in others:
        node.start(version="1.1", restarts=False, program=True).waits_for("the roll-out is stopped: node new-bad")
    assert bad.start(version="1.1", restarts=False, program=True).wait() == 0
    assert [node.wait() for node in others] == [0, 0] and nodes.holders() == {}
    assert (nodes.record().canary_node, list(nodes.record().proven)) == ("new-bad", ["a"])
    # Who needs a restart is not the first with anything.
    held = nodes.node("held").start(version="1.1", holds=(hold := threading.Event()))
    wait_for(lambda: nodes.work.at_work == {"held"}, 30, "the slot to be taken")
    assert nodes.node("late", "--slots=3").start(version="1.1").wait() == 0
    hold.set()
    assert held.wait() == 0


def test_a_node_that_cannot_be_looked_at_is_told_and_stops_nobody(nodes: Nodes) -> None:
    bad = nodes.node("blind-bad")
    assert bad.start(refuses="no kubelet is understood").wait() == 1
    assert [event[:2] for event in nodes.events()] == [("Warning", "NodeFailed")]
    assert nodes.record().stopped == {} and nodes.node("other").start().wait() == 0


def test_a_removal_that_fails_is_told_and_stops_nobody(nodes: Nodes) -> None:
    assert nodes.node("leaving-bad", "--remove").start(fails="no").wait() == 1
    assert [event[:2] for event in nodes.events()] == [("Warning", "NodeFailed")]
    assert nodes.node("other", "--remove").start().wait() == 0 and nodes.record().stopped == {}


def test_a_removal_without_restart_leaves_the_running_kubelet_to_its_next_start(nodes: Nodes) -> None:
    node = nodes.node("node", "--remove", "--restart=never")
    assert node.start().wait() == 0
    assert node.state is not None and (node.state.state, node.state.restart_pending) == ("pending", True)
    assert node.state.detail.startswith("taken away; the kubelet that runs has the flags")


def test_a_slot_that_another_node_has_by_now_is_not_worked_in(nodes: Nodes) -> None:
    nodes.go(50.0)
    node = nodes.node("node").start(holds=(hold := threading.Event()))
    wait_for(lambda: nodes.work.begun == ["node"], 30, "the node to begin")
    give(nodes, "another")
    wait_for(lambda: nodes.work.done == ["node"], 30, "what was begun to be ended")
    hold.set()
    node.waits_for("another node is the first")
    assert nodes.holders() == {"rollout.slot-0": "another"} and nodes.record().stopped == {} and nodes.events() == []
    give(nodes, "")
    assert node.wait() == 0 and nodes.work.begun == ["node"] * 2


@pytest.mark.parametrize("how", ["renewed by itself", "deleted"])
def test_a_slot_that_is_still_ones_own_is_kept(nodes: Nodes, how: str) -> None:
    nodes.go(50.0)
    node = nodes.node("node").start(holds=(hold := threading.Event()))
    wait_for(lambda: nodes.work.begun == ["node"], 30, "the node to begin")
    if how == "deleted":
        nodes.api.kubectl("delete", "lease", "rollout.slot-0", f"--namespace={nodes.namespace}")
        wait_for(lambda: nodes.holders() == {"rollout.slot-0": "node"}, 30, "it to be made anew")
    else:
        give(nodes, "node")
        time.sleep(2)
    assert nodes.work.at_work == {"node"}
    hold.set()
    assert node.wait() == 0 and nodes.work.begun == ["node"] and nodes.holders() == {}


def test_identities_are_kept_in_step_while_a_node_waits(nodes: Nodes) -> None:
    first = nodes.node("first").start(holds=(hold := threading.Event()))
    wait_for(lambda: nodes.work.begun == ["first"], 30, "the slot to be taken")
    mounted = nodes.folder / "node/mnt/rrsa/token"
    mounted.parent.mkdir(parents=True)
    (nodes.folder / "node/run").mkdir()
    mounted.write_text("a.b.c")
    node = nodes.node("node").start()
    node.waits_for("another node is the first")
    mounted.write_text("d.e.f")
    put = nodes.folder / "node/run/aliyun-acr-credential-provider/identities/rrsa-token"
    wait_for(lambda: put.read_text() == "d.e.f", 30, "the new token to be there")
    assert nodes.work.begun == ["first"]
    hold.set()
    assert (first.wait(), node.wait()) == (0, 0)


def test_a_configuration_that_is_wrong_is_told_in_an_event_on_it(nodes: Nodes) -> None:
    mounted = nodes.folder / "node/mnt/acr-configuration"
    mounted.mkdir(parents=True)
    (nodes.folder / "node/etc").mkdir()
    (mounted / "watch-namespaces").write_text("all")
    assert nodes.node("node").start(restarts=False).wait() == 0
    # Others' Events are on it, too: it is the cluster's.
    told = [event for event in nodes.all_events() if "watch-namespaces" in event["message"]]
    assert [(event["type"], event["reason"]) for event in told] == [("Warning", "ConfigurationWrong")]
    assert told[0]["involvedObject"]["name"] == "acr-configuration"
    assert str(nodes.folder) not in told[0]["message"]
    # As the documents say that it is read.
    read = nodes.api.kubectl("events", "--namespace=kube-system", "--for=configmap/acr-configuration")
    assert "watch-namespaces" in read


def give(nodes: Nodes, holder: str) -> None:
    """Let a node hold the slot, as somebody else writes it."""
    # One that changes nothing would not be written.
    changes = {"metadata": {"annotations": {"given": str(time.time())}}, "spec": {"holderIdentity": holder or None}}
    patch = json.dumps(changes)
    nodes.api.kubectl(
        "patch", "lease", "rollout.slot-0", f"--namespace={nodes.namespace}", "--type=merge", f"-p={patch}"
    )
