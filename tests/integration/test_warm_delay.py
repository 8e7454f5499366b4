"""The random delay of `warm`, which spreads the nodes of a cluster."""

import pytest

from tests.integration.node import ALPHA, Node
from tests.integration.test_ready_answers import age, kept


def test_where_nothing_is_due_nobody_waits(node: Node) -> None:
    assert node.request(f"{ALPHA}/team/app").auth
    # A random part of an hour is, all but always, longer than a run may take.
    result = node.run(["warm", "--delay-up-to", "3600"])
    assert (result.status, result.stderr) == (0, "")


def test_what_is_due_is_renewed_after_it(node: Node) -> None:
    assert node.request(f"{ALPHA}/team/app").auth
    before = age(node, left=600).password
    result = node.run(["warm", "--delay-up-to=0.5"])
    assert result.status == 0
    assert result.stderr.count("\n") == 1
    assert kept(node).password != before


@pytest.mark.parametrize("value", ["-1", "x", "nan", "inf", "3601", ""])
def test_what_is_no_delay_is_refused(node: Node, value: str) -> None:
    result = node.run(["warm", f"--delay-up-to={value}"])
    assert result.status == 2
    assert "is no number of seconds from 0 to 3600" in result.stderr
    assert list(node.cloud.calls) == []
