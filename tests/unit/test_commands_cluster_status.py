"""What `status --cluster` says of what it sees; the reading is tried with a real API server."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from provider.agent.rollout import STOP_SECONDS, Record, Stop
from provider.commands.cluster_status import MOST_NAMES, ClusterNode, ClusterSeen, SecretsSeen, assess_cluster
from provider.commands.status_cluster import NOT_DONE
from provider.commands.status_lines import as_text
from provider.kubernetes.node_lease import SECONDS, NodeState

NOW = 1_700_000_000.0


def ready(name: str, **changes: Any) -> NodeState:
    return replace(NodeState(name, "ready", "1.0", renewed=NOW), **changes)


WELL = ClusterSeen(
    NOW,
    [ready("a"), ready("b")],
    Record("1.0", "a"),
    "writer-pod",
    [ClusterNode("a"), ClusterNode("b")],
    SecretsSeen(3, nearest_end=NOW + 1800),
)


def lines(seen: ClusterSeen) -> dict[str, tuple[str, str]]:
    return {line.subject: (line.state, line.detail) for line in assess_cluster(seen)}


def test_all_well() -> None:
    found = lines(WELL)
    assert {state for state, _ in found.values()} == {"ok", "note"}
    assert found["nodes"] == ("ok", "2 nodes: 2 ready")
    assert found["compat-secrets"][1].startswith("every node answers by itself")
    assert as_text(assess_cluster(WELL), NOT_DONE).endswith("\n\nall well\n")


CHANGES: Mapping[str, tuple[Mapping[str, Any], str, str]] = {
    "failed": ({"states": [ready("a"), ready("b", state="failed", detail="why")]}, "wrong", "b: why"),
    "silent": ({"states": [ready("a"), ready("b", renewed=NOW - SECONDS - 1)]}, "wrong", "quarter of an hour: b"),
    "without agent": ({"states": [ready("a")]}, "wrong", "b: is the DaemonSet's pod"),
    "unable": ({"states": [ready("a"), ready("b", state="unable", detail="old")]}, "note", "b, served by Secrets: old"),
    "gone": ({"nodes": [ClusterNode("a")]}, "note", "b: no longer in the cluster"),
    "configuration": ({"states": [ready("a", configuration="bad key"), ready("b")]}, "wrong", "a keeps the last good"),
    "refusals": ({"states": [ready("a", refusals=2), ready("b")]}, "note", "a (2)"),
    "versions": ({"states": [ready("a"), ready("b", version="0.9")]}, "note", "1.0 on 1 node, 0.9 on 1 node"),
    "roll-out": ({"states": [ready("a"), ready("b", state="installing")]}, "pending", "b not done"),
    "restart": ({"states": [ready("a"), ready("b", restart_pending=True)]}, "pending", "next start: b"),
    "removal": ({"states": [ready("a"), ready("b", state="removed")]}, "pending", "not removed yet: a"),
    "Secrets": ({"secrets": SecretsSeen(1, nearest_end=NOW - 1)}, "wrong", "is over"),
    "writer": ({"writer": ""}, "wrong", "no pod holds"),
    "compat-secrets": ({"nodes": None}, "note", "the nodes cannot be listed"),
    "not looked at": ({"unreadable": ["cannot read x"]}, "note", "cannot read x"),
}


@pytest.mark.parametrize(("subject", "case"), CHANGES.items())
def test_each_thing_that_is_not_well_is_told(subject: str, case: tuple[Mapping[str, Any], str, str]) -> None:
    changes, state, detail = case
    found = lines(replace(WELL, **changes))
    assert found[subject][0] == state and detail in found[subject][1]


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"states": [ready("a"), ready("b", state="pending")]}, "by themselves: b"),
        ({"states": [ready("a"), ready("b", renewed=0.0)]}, "by themselves: b"),
        ({"states": [ready("a")]}, "by themselves: b"),
        ({"states": [ready("a"), ready("b", state="unable", version="0.9")]}, "b cannot run the plugin"),
        ({"nodes": [*(WELL.nodes or ()), ClusterNode("v", is_virtual=True)]}, "v cannot run the plugin"),
    ],
)
def test_the_secrets_are_needed_while_a_node_is(changes: Mapping[str, Any], detail: str) -> None:
    assert detail in lines(replace(WELL, **changes))["compat-secrets"][1]


def test_a_node_that_can_never_have_it_is_nothing_to_mend() -> None:
    seen = replace(WELL, states=[ready("a"), ready("b", state="unable", version="0.9")])
    assert as_text(assess_cluster(seen), NOT_DONE).endswith("\n\nall well\n")
    assert lines(seen)["versions"] == ("ok", "1.0 on 1 node")


def test_nodes_where_no_agent_can_be_lack_none() -> None:
    others = [ClusterNode("windows", is_linux=False), ClusterNode("v", is_virtual=True)]
    assert "without agent" not in lines(replace(WELL, nodes=[*(WELL.nodes or ()), *others]))


def test_a_stop_counts_until_its_end() -> None:
    stopped = Record("1.0", "a", {"b": Stop("no disk", NOW + 60, "1.0"), "c": Stop("old", NOW - 1, "1.0")})
    state, detail = lines(replace(WELL, record=stopped))["roll-out"]
    assert state == "wrong" and detail.startswith("version 1.0 is held up by b until ") and detail.endswith(": no disk")
    single = Record("1.0", "a", {"b": Stop("no disk", NOW + 60, "1.0", "x", NOW - STOP_SECONDS)}, ("x",))
    assert "roll-out" not in lines(replace(WELL, record=single)), "the others go on"


def test_when_all_are_removed_the_rest_can_go() -> None:
    removed = [ready(name, state="removed", renewed=0.0) for name in "ab"]
    found = lines(replace(WELL, states=removed))
    assert found["removal"][0] == "ok" and "`helm uninstall`" in found["removal"][1]
    assert "silent" not in found
    found = lines(replace(WELL, states=removed, nodes=[*(WELL.nodes or ()), ClusterNode("c")]))
    assert found["removal"] == ("pending", "not removed yet: c") and "without agent" not in found


def test_a_thousand_nodes_that_failed_are_few_lines() -> None:
    failed = [ready(f"node-{number:04}", state="failed", detail="why") for number in range(1000)]
    told = [line for line in assess_cluster(replace(WELL, states=failed, nodes=None)) if line.subject == "failed"]
    assert len(told) == MOST_NAMES + 1
    assert told[-1].detail.endswith(f"and {1000 - 2 * MOST_NAMES} more: likewise")


def test_a_removed_node_that_has_gone_is_no_removal() -> None:
    """Its Lease stays for a day, also when the others were not removed after all."""
    seen = replace(WELL, states=[*WELL.states, ready("left", state="removed", renewed=0.0)])
    assert "removal" not in lines(seen) and lines(seen)["gone"][1].startswith("left: ")
