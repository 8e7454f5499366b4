"""Pods of one ServiceAccount that start together: one asks for all, and nobody else waits for them."""

import json
import subprocess
from contextlib import ExitStack

from tests.integration.node import ALPHA, GROUP, Node
from tests.integration.test_pod_roles import ASSUMED, OPTIONAL, TOKEN, Pod, calls, nothing_secret_is_kept
from tests.systems.system import wait_for

EMPTY_REQUEST = {"kind": "CredentialProviderRequest", "apiVersion": f"{GROUP}/v1"}


def start(node: Node, namespace: str = "team-a") -> "subprocess.Popen[bytes]":
    process = node.start()
    assert process.stdin is not None
    asked = {**EMPTY_REQUEST, "image": f"{ALPHA}/team-a/app", **Pod(namespace).fields(node)}
    process.stdin.write(json.dumps(asked).encode())
    process.stdin.close()
    return process


def test_pods_of_one_service_account_wait_for_each_other_and_for_nobody_else(node: Node) -> None:
    node.configure(OPTIONAL)
    fault = node.cloud.faults.set("sts", "hang", action=ASSUMED, count=1)
    with start(node) as first:
        try:
            wait_for(lambda: fault.met == 1, 20, "the first to ask")
            with start(node) as second:
                assert Pod(name="other").asks(node, f"{ALPHA}/team-a/app").status == 0
                assert calls(node, "sts", ASSUMED) == 2
                assert second.poll() is None
                first.kill()
                assert second.wait(20) == 0
        finally:
            first.kill()
    assert calls(node, "sts", ASSUMED) == 3


def test_one_asks_for_all_that_come_together(node: Node) -> None:
    node.configure(OPTIONAL)
    node.cloud.faults.set("sts", "slow", latency=4, action=ASSUMED)
    with ExitStack() as stack:
        processes = [stack.enter_context(start(node)) for _ in range(12)]
        told = [process.stdout.read() for process in processes if process.stdout]
        assert [process.wait(20) for process in processes] == [0] * 12
    assert len(told) == 12
    assert len(set(told)) <= 2  # cacheDuration, in whole seconds
    assert {json.dumps(json.loads(each)["auth"]) for each in told} == {json.dumps(json.loads(told[0])["auth"])}
    assert calls(node, "sts", ASSUMED) == calls(node, "acr", TOKEN) == 1
    nothing_secret_is_kept(node)
    assert list(node.state.rglob("*.socket")) == []


def test_where_nothing_can_be_handed_over_each_asks_in_its_turn(node: Node) -> None:
    """So it is with answers for one repository alone."""
    node.configure(OPTIONAL + "session-policy: pull-repository\n")
    with ExitStack() as stack:
        processes = [stack.enter_context(start(node)) for _ in range(4)]
        assert [process.wait(30) for process in processes] == [0] * 4
    assert calls(node, "sts", ASSUMED) == 4


def test_a_refusal_is_for_all_that_wait(node: Node) -> None:
    node.configure(OPTIONAL)
    node.cloud.faults.set("sts", "slow", latency=3, action=ASSUMED)
    with ExitStack() as stack:
        processes = [stack.enter_context(start(node, "team-b")) for _ in range(6)]
        assert [process.wait(30) for process in processes] == [1] * 6
    assert calls(node, "sts", ASSUMED) == 1
