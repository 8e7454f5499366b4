"""`agent tokens`: which refusals count for good, so that logins may go for them that are still valid."""

from collections.abc import Callable

import pytest

from tests.integration.node import Node
from tests.integration.test_identities import PARTNER_ID, instances
from tests.integration.test_secrets_tokens import BOTH, IDENTITIES, ask


@pytest.mark.parametrize("prepare", IDENTITIES.values(), ids=IDENTITIES.keys())
@pytest.mark.parametrize("minutes", [-120, 20])
def test_a_clock_that_is_wrong_says_nothing_for_good(prepare: Callable[[Node], None], minutes: int, node: Node) -> None:
    node.configure(instances(*BOTH))
    prepare(node)
    node.cloud.clock.offset = minutes * 60
    report, _ = ask(node)
    assert report.failed
    assert report.is_refused and not report.says_all and not report.is_in_time, report.failed


def test_an_identity_that_is_missing_says_nothing_for_good(node: Node) -> None:
    node.configure("token-mode: managedRole\n" + instances(*BOTH))
    report, _ = ask(node)
    assert report.is_refused and not report.says_all and not report.is_in_time, report.failed


def test_a_refusal_that_has_no_code_says_nothing_for_good(node: Node) -> None:
    node.configure(instances(*BOTH))
    node.cloud.faults.set("acr", "status", status=403, code="")
    report, _ = ask(node)
    assert [failure.code for failure in report.failed] == ["", ""]
    assert report.is_refused and not report.says_all, report.failed


def test_what_the_identity_may_not_do_is_said_for_good(node: Node) -> None:
    node.configure(instances({"instanceId": PARTNER_ID}, *BOTH))
    node.role().policies.clear()
    report, _ = ask(node)
    assert len(report.failed) == 3
    assert report.says_all and report.is_in_time, report.failed
