"""A token that is due for renewal: it serves while nobody answers or another plugin renews it, and no longer."""

import pytest

from tests.cloud.faults import Kind, ServiceName
from tests.integration.node import ALPHA, BUSY_SECONDS, Node
from tests.integration.test_ready_answers import REQUEST, age, password, wait_until

OUTAGES: dict[str, tuple[ServiceName, Kind]] = {
    "cloud refuses connections": ("acr", "drop"),
    "cloud fails": ("acr", "status"),
    "cloud is silent": ("acr", "hang"),
    "cloud throttles": ("acr", "throttle"),
    "metadata service is silent": ("metadata", "hang"),
}


@pytest.mark.parametrize(("service", "fault"), OUTAGES.values(), ids=OUTAGES.keys())
def test_the_old_token_serves_while_the_cloud_is_down(service: ServiceName, fault: Kind, node: Node) -> None:
    first = password(node)
    age(node, left=600)
    outage = node.cloud.faults.set(service, fault)
    result = node.request(f"{ALPHA}/team/app")
    assert result.auth[ALPHA]["password"] == first
    assert result.cache_seconds <= 60
    assert result.seconds < 5 + BUSY_SECONDS
    met = outage.met
    again = node.request(f"{ALPHA}/team/app")
    assert again.auth == result.auth
    assert outage.met == met > 0


def test_the_old_token_serves_those_that_come_while_it_is_being_renewed(node: Node) -> None:
    first = password(node)
    age(node, left=600)
    node.cloud.calls.clear()
    node.cloud.faults.set("acr", "slow", latency=4)
    with node.start() as renewing:
        assert renewing.stdin is not None
        renewing.stdin.write(REQUEST)
        renewing.stdin.close()
        renewing.stdin = None
        wait_until(lambda: bool(node.cloud.calls.of("registry") or node.cloud.calls.of("metadata")))
        meanwhile = node.request(f"{ALPHA}/team/app")
        assert renewing.poll() is None
        _, stderr = renewing.communicate(timeout=20)
    assert meanwhile.auth[ALPHA]["password"] == first
    assert (renewing.returncode, stderr) == (0, b"")
    node.cloud.faults.clear()
    wait_until(lambda: password(node) != first)


def test_the_old_token_near_its_end_is_not_kept_by_the_kubelet(node: Node) -> None:
    password(node)
    age(node, left=40)
    node.cloud.faults.set("acr", "drop")
    assert node.request(f"{ALPHA}/team/app").cache_seconds <= 20


def test_an_ended_token_does_not_serve(node: Node) -> None:
    password(node)
    age(node, left=-1)
    node.cloud.faults.set("acr", "drop")
    assert node.request(f"{ALPHA}/team/app").status == 1


def test_a_refusal_is_not_covered_by_the_old_token(node: Node) -> None:
    password(node)
    age(node, left=600)
    node.role().policies.clear()
    assert "GetAuthorizationToken" in node.request(f"{ALPHA}/team/app").refusal
