"""A pod runs with each identity, and it was that identity which asked."""

import pytest

from tests.e2e.conftest import NewNode
from tests.e2e.identities import CROSS_ACCOUNT, OWN_IDENTITIES, Prepare
from tests.e2e.node import Node
from tests.e2e.pods import PARTNER, PRIVATE


def askers(node: Node) -> set[str]:
    """The identities that got a token for an Enterprise instance."""
    calls = node.site.calls("acr", "GetAuthorizationToken")
    return {call["identity"] for call in calls if call["status"] == 200}


@pytest.mark.parametrize(("prepare", "identity"), OWN_IDENTITIES.values(), ids=OWN_IDENTITIES.keys())
def test_own_account(new_node: NewNode, prepare: Prepare, identity: str) -> None:
    node = new_node()
    prepare(node)
    node.install()
    node.runs("private", PRIVATE["enterprise"])
    assert askers(node) == {identity}


@pytest.mark.parametrize(("prepare", "identity"), CROSS_ACCOUNT.values(), ids=CROSS_ACCOUNT.keys())
def test_another_account(new_node: NewNode, prepare: Prepare, identity: str) -> None:
    node = new_node()
    prepare(node)
    node.install()
    node.runs("partner", PARTNER)
    assert askers(node) == {identity}
