"""`agent tokens`: what the compatibility Secrets are to hold is asked for once a target, and left in a private file."""

import base64
import json
import stat
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from provider.secrets.content import Token, content_of
from provider.secrets.content import parse as parse_tokens
from provider.secrets.token_report import Report, parse_report
from tests.cloud import clients as registry_clients
from tests.integration.node import ALPHA, ALPHA_VPC, PERSONAL, Node, Result
from tests.integration.test_identities import (
    ALPHA_ID,
    PARTNER,
    PARTNER_ID,
    PULL_ROLE,
    auto_in_a_new_cluster,
    auto_in_an_old_cluster,
    instances,
    rrsa,
)

CUSTOM = "registry.example.com"
SHANGHAI = "registry-vpc.cn-shanghai.aliyuncs.com"
BOTH = ({"instanceId": ALPHA_ID}, {"instanceId": "", "regionId": "cn-hangzhou"})


def ask(node: Node, *options: str) -> tuple[Report, Result]:
    """Run it; it must leave a report."""
    result = node.run(["agent", "tokens", *options])
    report = parse_report(result.stdout.encode())
    assert report is not None, result
    assert result.status == (1 if report.failed else 0), result.stderr
    return report, result


def tokens(node: Node) -> tuple[Token, ...]:
    return parse_tokens((node.state / "tokens.json").read_bytes())


def logins(node: Node) -> dict[str, tuple[str, str]]:
    """User name and password a host, as in the Secret."""
    auths: Mapping[str, Any] = json.loads(content_of(tokens(node), time.time()).docker_config)["auths"]
    for entry in auths.values():
        assert base64.b64decode(entry["auth"]).decode() == f"{entry['username']}:{entry['password']}"
    return {host: (entry["username"], entry["password"]) for host, entry in auths.items()}


def accepted(node: Node, host: str, repository: str) -> bool:
    username, password = logins(node)[host]
    return registry_clients.pull(node.cloud, host, repository, username, password) == 200


def asked(node: Node) -> int:
    """How often the cloud was asked for a token."""
    return len([call for call in node.cloud.calls.of("acr") if call.action in ("GetAuthorizationToken", "GET /tokens")])


IDENTITIES: dict[str, Callable[[Node], None]] = {
    "workerRole": auto_in_an_old_cluster,
    "managedRole": auto_in_a_new_cluster,
    "RRSA": rrsa,
}


@pytest.mark.parametrize("prepare", IDENTITIES.values(), ids=IDENTITIES.keys())
def test_both_editions_are_in_one_secret_with_one_token_a_target(prepare: Callable[[Node], None], node: Node) -> None:
    prepare(node)
    if prepare is not rrsa:
        node.configure(instances(*BOTH))
    report, _ = ask(node)
    assert {ALPHA, ALPHA_VPC, CUSTOM, PERSONAL} < set(report.hosts)
    assert set(logins(node)) == set(report.hosts)
    assert report.renewed == asked(node) == 2
    for host, repository in ((ALPHA, "team/app"), (CUSTOM, "team/app"), (PERSONAL, "mine/app")):
        assert accepted(node, host, repository)


def test_another_accounts_instance_is_in_the_same_secret(node: Node) -> None:
    node.configure(instances({"instanceId": ALPHA_ID}, {"instanceId": PARTNER_ID, "assumeRoleARN": PULL_ROLE}))
    ask(node)
    assert accepted(node, ALPHA, "team/app")
    assert accepted(node, PARTNER, "shared/app")


def test_without_items_it_is_personal_edition_of_the_own_region_and_nothing_else(node: Node) -> None:
    report, _ = ask(node)
    assert {host.split(".")[1] for host in report.hosts} == {"cn-hangzhou"}
    assert len(report.hosts) == 6
    assert asked(node) == 1
    assert accepted(node, PERSONAL, "mine/app")


def test_with_an_item_nobody_asks_for_personal_edition(node: Node) -> None:
    node.configure(instances({"instanceId": ALPHA_ID, "domains": f"{ALPHA},{CUSTOM}"}))
    report, _ = ask(node)
    assert report.hosts == (ALPHA, CUSTOM)
    assert node.cloud.calls.of("acr", "ListInstanceEndpoint") == []


def test_domains_of_several_regions_have_a_token_each(node: Node) -> None:
    node.configure(instances({"instanceId": "", "domains": f"{PERSONAL},{SHANGHAI}"}))
    ask(node)
    assert accepted(node, PERSONAL, "mine/app")
    assert accepted(node, SHANGHAI, "mine/app")


def test_a_default_that_the_cloud_refuses_is_no_failure(node: Node) -> None:
    node.cloud.world.personal_registries.clear()
    report, result = ask(node)
    assert result.status == 0
    assert report.hosts == ()
    (failure,) = report.failures
    assert failure.code == "USER_NOT_EXIST"
    assert failure.is_expected
    assert report.ends == ()


def test_a_default_that_the_identity_may_not_ask_for_is_one(node: Node) -> None:
    node.cloud.faults.set("acr", "status", action="GET /tokens", status=403, code="NoPermission")
    report, result = ask(node)
    assert result.status == 1
    (failure,) = report.failed
    assert failure.code == "NoPermission"
    assert report.ends == (("Personal Edition", 0),)


def test_what_works_is_kept_and_the_rest_is_named(node: Node) -> None:
    node.configure(instances({"instanceId": PARTNER_ID}, *BOTH))
    report, result = ask(node)
    assert result.status == 1
    (failure,) = report.failed
    assert (failure.target, failure.identity, failure.cause) == (f"instance {PARTNER_ID}", "workerRole", "refused")
    assert failure.code == "INSTANCE_NOT_EXIST"
    assert failure.request_id
    assert accepted(node, ALPHA, "team/app")


def test_an_old_token_stays_while_a_new_one_cannot_be_had(node: Node) -> None:
    node.configure(instances(*BOTH))
    ask(node)
    first = logins(node)
    node.cloud.faults.set("acr", "status", action="GET /tokens", status=503)
    report, _ = ask(node, "--all")
    (failure,) = report.failed
    assert failure.cause == "unreachable"
    assert failure.kept_until > time.time()
    assert dict(report.ends)["Personal Edition in cn-hangzhou"] == failure.kept_until
    assert dict(report.ends)[f"instance {ALPHA_ID}"] > time.time()
    assert logins(node)[PERSONAL] == first[PERSONAL]
    assert logins(node)[ALPHA] != first[ALPHA]
    assert accepted(node, PERSONAL, "mine/app")


def test_what_is_fresh_is_not_asked_for_again(node: Node) -> None:
    node.configure(instances(*BOTH))
    ask(node)
    content = (node.state / "tokens.json").read_bytes()
    node.cloud.calls.clear()
    report, _ = ask(node)
    assert report.renewed == 0
    assert node.cloud.calls.of("acr") == []
    assert (node.state / "tokens.json").read_bytes() == content


def test_only_what_failed_is_asked_for_again(node: Node) -> None:
    node.configure(instances(*BOTH))
    node.cloud.faults.set("acr", "status", action="GetAuthorizationToken", status=403, code="NoPermission")
    assert ask(node)[0].failed
    node.cloud.faults.clear()
    node.cloud.calls.clear()
    report, _ = ask(node)
    assert report.renewed == asked(node) == 1
    assert accepted(node, ALPHA, "team/app")


def test_another_expiring_threshold_counts_at_once(node: Node) -> None:
    node.configure(instances(*BOTH))
    early = ask(node)[0].renew
    node.configure("expiring-threshold: 2h\n" + instances(*BOTH))
    report, _ = ask(node)
    assert report.renewed == 2
    assert report.renew < early - 6000
    assert report.end - report.renew >= 7200


def test_a_short_token_is_renewed_after_half_of_its_time(node: Node) -> None:
    node.cloud.world.authorization_token_seconds = 120
    report, _ = ask(node)
    assert 50 <= report.end - report.renew <= 70


def test_a_throttling_cloud_is_asked_until_it_answers(node: Node) -> None:
    node.configure(instances(*BOTH))
    node.cloud.faults.set("acr", "throttle", count=3)
    report, _ = ask(node)
    assert report.failures == ()
    assert report.renewed == 2


def test_a_target_that_never_answers_keeps_no_other_waiting(node: Node) -> None:
    node.configure(instances(*BOTH))
    node.cloud.faults.set("acr", "hang", action="GetAuthorizationToken")
    report, result = ask(node)
    assert result.seconds < 40
    assert [failure.cause for failure in report.failed] == ["unreachable"]
    assert accepted(node, PERSONAL, "mine/app")


def test_removed_items_are_gone_at_once(node: Node) -> None:
    node.configure(instances(*BOTH))
    ask(node)
    node.configure(instances({"instanceId": ALPHA_ID}))
    node.cloud.calls.clear()
    ask(node)
    assert PERSONAL not in logins(node)
    assert asked(node) == 0


def test_switched_off_it_holds_and_asks_for_nothing(node: Node) -> None:
    ask(node)
    node.configure("compat-secrets: off\n")
    node.cloud.calls.clear()
    report, _ = ask(node)
    assert report.hosts == ()
    assert logins(node) == {}
    assert node.cloud.calls.of("acr") == []


def test_scope_configured_selects_the_same_and_stops_nothing(node: Node) -> None:
    node.configure("scope: configured\n")
    assert len(ask(node)[0].hosts) == 6


def test_roles_that_are_required_and_secrets_are_refused_by_the_configuration(node: Node) -> None:
    node.configure("service-account-roles: required\n")
    assert node.run(["agent", "tokens"]).status == 2
    assert node.cloud.calls.of("acr") == []


def test_the_configuration_can_be_read_without_asking_anybody(node: Node) -> None:
    result = node.run(["agent", "tokens", "--no-tokens"])
    assert (result.status, result.stdout) == (0, "")
    assert node.cloud.calls.of("acr") == []


def test_a_wrong_configuration_is_exit_status_2(node: Node) -> None:
    node.configure("expiring-threshold: soon\n")
    result = node.run(["agent", "tokens"])
    assert result.status == 2
    assert "expiring-threshold" in result.stderr


def test_the_file_is_private_and_output_holds_no_secret(node: Node) -> None:
    node.configure("log-level: debug\n" + instances({"instanceId": PARTNER_ID}, *BOTH))
    _, result = ask(node)
    assert stat.S_IMODE((node.state / "tokens.json").stat().st_mode) == 0o600
    for token in tokens(node):
        assert token.password not in result.stdout + result.stderr
        assert token.password not in repr(token)
    assert "password" not in repr(content_of(tokens(node), time.time()))
