"""A pod runs with each identity, and it was that identity which asked."""

import pytest

from tests.e2e.conftest import NewNode
from tests.e2e.identities import CROSS_ACCOUNT, OWN_IDENTITIES, Prepare, askers
from tests.e2e.pods import PARTNER, PRIVATE


@pytest.mark.parametrize(("prepare", "identity"), OWN_IDENTITIES.values(), ids=OWN_IDENTITIES.keys())
def test_own_account(new_node: NewNode, prepare: Prepare, identity: str) -> None:
    node = new_node()
    prepare(node)
    node.install()
    node.runs("private", PRIVATE["enterprise"])
    assert askers(node.site) == {identity}


@pytest.mark.parametrize(("prepare", "identity"), CROSS_ACCOUNT.values(), ids=CROSS_ACCOUNT.keys())
def test_another_account(new_node: NewNode, prepare: Prepare, identity: str) -> None:
    node = new_node()
    prepare(node)
    node.install()
    node.runs("partner", PARTNER)
    assert askers(node.site) == {identity}
