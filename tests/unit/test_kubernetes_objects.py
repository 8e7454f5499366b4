"""Leases, Events, names: what is pure of what runs in a cluster."""

import dataclasses
import json
import time

import msgspec
import pytest
from lightkube.resources.coordination_v1 import Lease

from provider.kubernetes.events import Limiter, event
from provider.kubernetes.leases import Observation, micro_time
from provider.kubernetes.node_lease import SECONDS, NodeState, lease_of, state_of

NOW = 1_800_000_000.0
STATE = NodeState(
    "cn-hangzhou.10.0.0.7",
    "failed",
    "1.2.3",
    "the kubelet was not well after 90 s",
    gpu=True,
    restart_pending=True,
    refusals=2,
    configuration="acr-registry-info: line 3",
    renewed=NOW,
)


@pytest.mark.parametrize("moment", [NOW, NOW + 0.25, 0.0])
def test_a_leases_time_has_a_fraction_of_a_second(moment: float) -> None:
    written = json.loads(msgspec.json.encode(micro_time(moment)))
    assert "." in written
    assert abs(micro_time(moment).timestamp() - moment) < 0.001


@pytest.mark.parametrize("state", [STATE, NodeState("node", "waiting", renewed=NOW)])
def test_a_nodes_state_comes_back_from_its_lease(state: NodeState) -> None:
    found = state_of(lease_of(state, "ours"))
    assert found is not None
    assert abs(found.renewed - NOW) < 0.001
    assert dataclasses.replace(found, renewed=NOW) == state


def test_kubectl_shows_state_and_version_as_the_holder() -> None:
    spec = lease_of(STATE, "ours").spec
    assert spec is not None
    assert spec.holderIdentity == "failed 1.2.3"


def test_texts_of_a_lease_are_one_short_line() -> None:
    lease = lease_of(dataclasses.replace(STATE, detail="first\nsecond " + "x" * 1000), "ours")
    found = state_of(lease)
    assert found is not None
    assert found.detail.startswith("first second xxx")
    assert len(found.detail) == 300


def test_other_leases_are_no_nodes() -> None:
    assert state_of(Lease()) is None
    strange = lease_of(STATE, "ours")
    assert strange.metadata is not None
    assert strange.metadata.labels is not None
    strange.metadata.labels["aliyun-acr-credential-provider/state"] = "dancing"
    assert state_of(strange) is None


def test_a_node_is_silent_after_the_time_of_its_lease() -> None:
    assert not STATE.is_silent(NOW + SECONDS)
    assert STATE.is_silent(NOW + SECONDS + 1)


def held(holder: str, renewed: float, seconds: int = 15) -> Lease:
    lease = lease_of(NodeState("node", "ready", renewed=renewed), "ours", seconds)
    assert lease.spec is not None
    lease.spec.holderIdentity = holder
    return lease


def test_a_lease_expires_when_nothing_changes_for_its_duration() -> None:
    observation = Observation()
    # What the holder's clock says does not matter: it may be hours off.
    assert not observation.expired(held("a", NOW - 9999), 100.0)
    assert not observation.expired(held("a", NOW - 9999), 114.9)
    assert not observation.expired(held("a", NOW - 9990), 115.0)
    assert not observation.expired(held("b", NOW - 9990), 129.0)
    assert observation.expired(held("b", NOW - 9990), 144.0)


def test_a_lease_that_nobody_holds_may_be_taken_at_once() -> None:
    assert Observation().expired(held("", NOW), 0.0)


def test_an_event_is_in_the_namespace_of_its_object() -> None:
    made = event("ConfigMap", "kube-system", "acr-configuration", "Wrong", "a\nb", warning=True, now=NOW)
    assert made.metadata is not None
    assert made.metadata.namespace == made.involvedObject.namespace == "kube-system"
    assert (made.message, made.type, made.reason) == ("a b", "Warning", "Wrong")
    about_namespace = event("Namespace", "", "team-a", "Refused", "x", warning=True, now=NOW)
    assert about_namespace.metadata is not None
    assert about_namespace.metadata.namespace == "team-a"
    assert about_namespace.involvedObject.namespace == "team-a"


def test_who_says_the_same_in_the_same_hour_makes_the_same_event() -> None:
    def name(message: str, now: float) -> str | None:
        made = event("ConfigMap", "kube-system", "acr-configuration", "Wrong", message, warning=True, now=now)
        return made.metadata.name if made.metadata else None

    assert name("a", NOW) == name("a", NOW + 60)
    assert name("a", NOW) != name("b", NOW)
    assert name("a", NOW) != name("a", NOW + 3600)


def test_the_same_is_said_once_in_a_time() -> None:
    limiter = Limiter(600)
    assert limiter.allow("a", 0.0)
    assert not limiter.allow("a", 599.0)
    assert limiter.allow("b", 599.0)
    assert limiter.allow("a", 600.0)
    assert limiter.allow("a", time.time())
