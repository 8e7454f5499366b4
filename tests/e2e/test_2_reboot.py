"""After a boot: an answer before the kubelet asks where the identity is still there, and a reason where it is not."""

from collections.abc import Callable

import pytest

from provider.places import PROGRAM
from tests.e2e.conftest import NewNode
from tests.e2e.identities import give_managed_role, give_rrsa_token, managed_role, rrsa, worker_role
from tests.e2e.node import Node
from tests.e2e.pods import ENTERPRISE, PRIVATE

WARM = f"{PROGRAM}-warm.service"
# Refusals are remembered for half a minute, and the kubelet tries again ever more seldom.
BACK_SECONDS = 150


def test_the_worker_role_is_still_there(new_node: NewNode) -> None:
    node = new_node()
    worker_role(node)
    node.install()
    node.runs("private", PRIVATE["enterprise"])
    node.site.ask("clear_calls")
    node.reboot()
    node.wait_running("private")
    # Once, and before the kubelet could ask.
    shown = node.run(f"systemctl show --property=Result,ExecMainExitTimestampMonotonic {WARM}")
    values = dict(line.split("=", 1) for line in shown.splitlines())
    assert values["Result"] == "success"
    assert 0 < int(values["ExecMainExitTimestampMonotonic"]) <= int(node.kubelet_started())
    assert f"{ENTERPRISE}: renewed" in node.journal(WARM)
    assert [call["action"] for call in node.site.calls("acr")].count("GetAuthorizationToken") == 1


@pytest.mark.parametrize(
    ("prepare", "give", "named"),
    [(managed_role, give_managed_role, "managed-role.json"), (rrsa, give_rrsa_token, "rrsa-token")],
    ids=["managed role", "RRSA"],
)
def test_an_identity_that_the_agent_must_bring(
    new_node: NewNode, prepare: Callable[[Node], None], give: Callable[[Node], None], named: str
) -> None:
    node = new_node()
    prepare(node)
    node.install()
    node.runs("private", PRIVATE["enterprise"])
    node.reboot()
    # The boot did not fail because of it, and the kubelet's log has the reason.
    assert node.run(f"systemctl show --property=Result --value {WARM}").strip() == "success"
    node.wait(lambda: named in node.journal(), 60, f"the kubelet's log to name {named}")
    assert "running" not in (node.pod_state("private") or {})
    assert not node.attempt(f"ls /run/{PROGRAM}/answers/*.json").stdout
    give(node)
    node.wait_running("private", BACK_SECONDS)
