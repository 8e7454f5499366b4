"""What the cloud refuses for good: asked once, explained with Code and RequestId, whichever way it says no."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from tests.cloud.default_world import OTHER_ACCOUNT
from tests.cloud.faults import ServiceName
from tests.integration.node import ALPHA, BUSY_SECONDS, PERSONAL, Node
from tests.integration.test_identities import (
    ALPHA_ID,
    OIDC_PROVIDER,
    PARTNER,
    PARTNER_ID,
    access_key,
    instances,
    rrsa,
)

TOKEN = "GetAuthorizationToken"
STRANGERS_ROLE = f"acs:ram::{OTHER_ACCOUNT}:role/acr-strangers"
DETAILS = re.compile(r"\(Code ([A-Za-z0-9._]+), RequestId [0-9A-F-]{36}\)$")


def items(*item: dict[str, object]) -> str:
    return instances(*({"regionId": "cn-hangzhou", **each} for each in item))


def without_permission(node: Node) -> str:
    node.cloud.world.role("KubernetesWorkerRole-test").policies.clear()  # type: ignore[union-attr]
    node.configure(items({"instanceId": ALPHA_ID, "domains": ALPHA}))
    return ALPHA


def of_another_account(node: Node) -> str:
    node.configure(items({"instanceId": PARTNER_ID, "domains": PARTNER}))
    return PARTNER


def key_pair_that_is_gone(node: Node) -> str:
    node.configure(items({"instanceId": PARTNER_ID, "domains": PARTNER, **access_key(node)}))
    node.cloud.world.users.pop(0)
    return PARTNER


def key_pair_with_a_wrong_secret(node: Node) -> str:
    node.configure(
        items({"instanceId": PARTNER_ID, "domains": PARTNER, **access_key(node), "customAccessKeySecret": "w" * 30})
    )
    return PARTNER


def personal_that_is_switched_off(node: Node) -> str:
    node.configure(items({"instanceId": ""}))
    registry = node.cloud.world.personal_registry("cn-hangzhou")
    assert registry is not None
    registry.accounts.clear()
    return PERSONAL


def role_that_trusts_others(node: Node) -> str:
    node.configure(items({"instanceId": PARTNER_ID, "domains": PARTNER, "assumeRoleARN": STRANGERS_ROLE}))
    return PARTNER


def role_that_does_not_exist(node: Node) -> str:
    role = f"acs:ram::{OTHER_ACCOUNT}:role/nobodys"
    node.configure(items({"instanceId": PARTNER_ID, "domains": PARTNER, "assumeRoleARN": role}))
    return PARTNER


def oidc_token_of_another_pod(node: Node) -> str:
    rrsa(node)
    node.identity("rrsa-token", node.cloud.make.service_account_token("default", "default"))
    return ALPHA


def denied_to_oidc(node: Node) -> str:
    rrsa(node)
    node.cloud.faults.set("sts", "status", status=403, code="NoPermission")
    return ALPHA


class Refusal(NamedTuple):
    """How to be refused, by which call, with which Code, and what the line must say."""

    prepare: Callable[[Node], str]
    service: ServiceName
    action: str
    code: str
    said: str


KEY_PAIR = "key pair"
REFUSALS = {
    "no permission": Refusal(without_permission, "acr", TOKEN, "NoPermission", f"must allow cr:{TOKEN}"),
    "another account's": Refusal(of_another_account, "acr", TOKEN, "INSTANCE_NOT_EXIST", "assumeRoleARN"),
    "key pair is gone": Refusal(key_pair_that_is_gone, "acr", TOKEN, "InvalidAccessKeyId.NotFound", KEY_PAIR),
    "wrong secret": Refusal(key_pair_with_a_wrong_secret, "acr", TOKEN, "SignatureDoesNotMatch", "secret"),
    "Personal Edition off": Refusal(personal_that_is_switched_off, "acr", "GET /tokens", "USER_NOT_EXIST", "console"),
    "role trusts others": Refusal(role_that_trusts_others, "sts", "AssumeRole", "NoPermission", "trust policy"),
    "no such role": Refusal(role_that_does_not_exist, "sts", "AssumeRole", "EntityNotExist.Role", "does not exist"),
    "another pod's token": Refusal(
        oidc_token_of_another_pod, "sts", "AssumeRoleWithOIDC", "AuthenticationFail.NoPermission", "trust policy"
    ),
    "denied to OIDC": Refusal(denied_to_oidc, "sts", "AssumeRoleWithOIDC", "NoPermission", "trust policy must name"),
}


@pytest.mark.parametrize("with_status_200", [False, True], ids=["HTTP 4xx", "HTTP 200"])
@pytest.mark.parametrize("row", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_is_asked_once_and_explained(row: Refusal, with_status_200: bool, node: Node) -> None:
    node.cloud.world.business_errors_with_status_200 = with_status_200
    host = row.prepare(node)
    result = node.request(f"{host}/team/app")
    assert result.status == 1
    details = DETAILS.search(result.refusal)
    assert details is not None, result.refusal
    assert row.code in ("", details[1])
    assert row.said in result.refusal
    assert len(node.cloud.calls.of(row.service, row.action)) == 1
    assert result.seconds < BUSY_SECONDS


METADATA = {
    "no role": (lambda node: setattr(node.cloud.world.node, "role_name", ""), "attach"),
    "403": (lambda node: node.cloud.faults.set("metadata", "status", status=403), "switched off?"),
    "no credentials yet": (lambda node: setattr(node.cloud.world.node, "credentials_code", "Failed"), "no credentials"),
}


@pytest.mark.parametrize(("prepare", "said"), METADATA.values(), ids=METADATA.keys())
def test_the_metadata_service_refuses(prepare: Callable[[Node], object], said: str, node: Node) -> None:
    prepare(node)
    refusal = node.request(f"{ALPHA}/team/app").refusal
    assert said in refusal
    assert node.cloud.calls.of("acr") == []


def test_a_hardened_service_that_stumbles_is_not_taken_for_one_that_refuses(node: Node) -> None:
    """The SDK goes on without a token when its request for one fails, and reports the 403 that follows."""
    node.cloud.world.node.mode = "hardened"
    role_name = node.cloud.faults.set("metadata", "slow", latency=1, action="GET */ram/security-credentials/")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(node.request, f"{ALPHA}/team/app")
        until = time.monotonic() + 20
        while not role_name.met:
            assert time.monotonic() < until
            time.sleep(0.01)
        stumbles = node.cloud.faults.set("metadata", "status", action="PUT *", count=1)  # the SDK's, which comes next
        assert node.login(asked.result(), ALPHA) == 200
    assert stumbles.count == 0
    read = [call for call in node.cloud.calls.of("metadata") if call.action.startswith("GET")]
    assert {call.parameters["token"] for call in read} == {"given"}


def test_the_provider_of_the_configuration_is_the_one_that_is_asked(node: Node) -> None:
    rrsa(node)
    assert node.request(f"{ALPHA}/team/app").auth
    (call,) = node.cloud.calls.of("sts")
    assert call.parameters["OIDCProviderArn"] == OIDC_PROVIDER
    assert call.parameters["OIDCToken"] == "(body)"
