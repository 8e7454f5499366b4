"""Every identity, both editions, the three ways to another account: each ends in a login that the registry takes."""

from collections.abc import Callable, Mapping

import pytest

from tests.cloud.default_world import ACCOUNT, OTHER_ACCOUNT
from tests.integration.node import ALPHA, ALPHA_VPC, PERSONAL, Node, Result

PARTNER = "partner-registry.cn-hangzhou.cr.aliyuncs.com"
PARTNER_ID = "cri-partnerpartner02"
ALPHA_ID = "cri-alphaalphaalpha1"
OIDC_PROVIDER = f"acs:ram::{ACCOUNT}:oidc-provider/ack-rrsa-c0123456789"
RRSA_ROLE = f"acs:ram::{ACCOUNT}:role/acr-rrsa"
PULL_ROLE = f"acs:ram::{OTHER_ACCOUNT}:role/acr-pull"
EXTERNAL_ROLE = f"acs:ram::{OTHER_ACCOUNT}:role/acr-pull-external"


def instances(*items: Mapping[str, object]) -> str:
    """Return an `acr-configuration` with these items of acr-registry-info."""
    lines = ["acr-registry-info: |"]
    for item in items:
        prefix = "  - "
        for key, value in item.items():
            lines.append(f'{prefix}{key}: "{value}"' if isinstance(value, str) else f"{prefix}{key}: {value}")
            prefix = "    "
    return "\n".join(lines) + "\n"


def worker_role(node: Node) -> None:
    node.configure("token-mode: workerRole\n")


def hardened_metadata(node: Node) -> None:
    node.cloud.world.node.mode = "hardened"
    worker_role(node)


def metadata_without_tokens(node: Node) -> None:
    node.cloud.world.node.mode = "old"
    worker_role(node)


def managed_role(node: Node) -> None:
    node.cloud.world.node.role_name = ""
    node.identity("managed-role.json", node.cloud.make.managed_role_secret())
    node.configure("tokenMode: managedRole\n")


def auto_in_an_old_cluster(node: Node) -> None:
    node.cluster_created("2023-04-02")


def auto_in_a_new_cluster(node: Node) -> None:
    node.cluster_created("2023-04-03")
    node.identity("managed-role.json", node.cloud.make.managed_role_secret())


def auto_without_an_agent(node: Node) -> None:
    pass


def rrsa_token(node: Node) -> None:
    node.cloud.world.node.role_name = ""
    token = node.cloud.make.service_account_token("kube-system", "aliyun-acr-credential-helper")
    node.identity("rrsa-token", token + "\n")


def rrsa(node: Node) -> None:
    rrsa_token(node)
    roles = {"rrsaRoleARN": RRSA_ROLE, "rrsaOIDCProviderRoleARN": OIDC_PROVIDER}
    node.configure(instances({"instanceId": ALPHA_ID, **roles}, {"instanceId": "", **roles}))


IDENTITIES: dict[str, tuple[Callable[[Node], None], str]] = {
    "workerRole": (worker_role, "role/kubernetesworkerrole-test"),
    "workerRole, hardened metadata": (hardened_metadata, "role/kubernetesworkerrole-test"),
    "workerRole, metadata without tokens": (metadata_without_tokens, "role/kubernetesworkerrole-test"),
    "managedRole": (managed_role, "role/aliyuncsmanagedacrrole"),
    "auto, cluster before 2023-04-03": (auto_in_an_old_cluster, "role/kubernetesworkerrole-test"),
    "auto, cluster since 2023-04-03": (auto_in_a_new_cluster, "role/aliyuncsmanagedacrrole"),
    "auto, date not known": (auto_without_an_agent, "role/kubernetesworkerrole-test"),
    "RRSA": (rrsa, "role/acr-rrsa"),
}
HOSTS = {
    "enterprise": (ALPHA, "team/app"),
    "enterprise, VPC": (ALPHA_VPC, "team/app"),
    "personal": (PERSONAL, "mine/app"),
}


def identities_of(node: Node) -> set[str]:
    """The identities that asked ACR for a token."""
    actions = ("GetAuthorizationToken", "GET /tokens")
    return {call.identity for call in node.cloud.calls.of("acr") if call.action in actions and call.status == 200}


def accepted(node: Node, result: Result, host: str, repository: str) -> bool:
    return node.login(result, host) == 200 and node.pull(result, host, repository) == 200


@pytest.mark.parametrize(("host", "repository"), HOSTS.values(), ids=HOSTS.keys())
@pytest.mark.parametrize(("prepare", "identity"), IDENTITIES.values(), ids=IDENTITIES.keys())
def test_the_registry_takes_what_the_identity_gets(
    prepare: Callable[[Node], None], identity: str, host: str, repository: str, node: Node
) -> None:
    prepare(node)
    result = node.request(f"{host}/{repository}")
    assert accepted(node, result, host, repository)
    assert [name.partition("::")[2].partition(":")[2] for name in identities_of(node)] == [identity]


def access_key(node: Node) -> dict[str, object]:
    user = node.cloud.world.users[0]
    return {"customAccessKey": user.access_key_id, "customAccessKeySecret": user.access_key_secret}


def by_rrsa(node: Node) -> dict[str, object]:
    rrsa_token(node)
    return {"rrsaRoleARN": RRSA_ROLE, "rrsaOIDCProviderRoleARN": OIDC_PROVIDER, "assumeRoleARN": PULL_ROLE}


WAYS: dict[str, Callable[[Node], dict[str, object]]] = {
    "RRSA and a role": by_rrsa,
    "worker role and a role": lambda node: {"assumeRoleARN": PULL_ROLE},
    "worker role and a role, with external id": lambda node: {
        "assumeRoleARN": EXTERNAL_ROLE,
        "externalId": "agreed-on-42",
    },
    "key pair": access_key,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_an_instance_of_another_account_is_reached(way: Callable[[Node], dict[str, object]], node: Node) -> None:
    node.configure(instances({"instanceId": PARTNER_ID, "regionId": "cn-hangzhou", **way(node)}))
    assert accepted(node, node.request(f"{PARTNER}/shared/app"), PARTNER, "shared/app")
    assert all(f"::{OTHER_ACCOUNT}:" in identity for identity in identities_of(node))


def test_a_key_pairs_id_is_shown_and_kept_by_its_end_alone(node: Node) -> None:
    node.configure(instances({"instanceId": PARTNER_ID, "regionId": "cn-hangzhou", **access_key(node)}))
    access_key_id = node.cloud.world.users[0].access_key_id
    result = node.run(["get", f"{PARTNER}/shared/app"])
    assert result.status == 0, result.stderr
    assert f"LTAI…{access_key_id[-4:]}" in result.stdout + result.stderr
    kept = [file for file in node.state.rglob("*") if file.is_file()]
    assert kept
    assert not [file for file in kept if access_key_id.encode() in file.read_bytes()]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_personal_edition_of_another_account_is_reached(way: Callable[[Node], dict[str, object]], node: Node) -> None:
    node.configure(instances({"instanceId": "", **way(node)}))
    assert accepted(node, node.request(f"{PERSONAL}/theirs/app"), PERSONAL, "theirs/app")


def test_a_wrong_external_id_is_refused_by_name(node: Node) -> None:
    node.configure(instances({"instanceId": PARTNER_ID, "assumeRoleARN": EXTERNAL_ROLE, "externalId": "wrong-id"}))
    refusal = node.request(f"{PARTNER}/shared/app").refusal
    assert EXTERNAL_ROLE in refusal
    assert "RequestId" in refusal


def test_a_session_longer_than_the_role_allows_is_asked_for_once_more_and_said(node: Node) -> None:
    item = {"instanceId": PARTNER_ID, "assumeRoleARN": PULL_ROLE, "expireDuration": 7200}
    node.configure(instances(item))
    result = node.run(["get", f"{PARTNER}/shared/app"])
    assert result.status == 0, result.stderr
    assert "expireDuration" in result.stderr
    durations = [call.parameters["DurationSeconds"] for call in node.cloud.calls.of("sts", "AssumeRole")]
    assert durations == ["7200", "3600"]


def test_expire_duration_is_the_length_of_the_session(node: Node) -> None:
    external = {"assumeRoleARN": EXTERNAL_ROLE, "externalId": "agreed-on-42", "expireDuration": 7200}
    node.configure(instances({"instanceId": PARTNER_ID, **external}))
    seconds = node.request(f"{PARTNER}/shared/app").cache_seconds
    assert 7200 - 900 - 70 <= seconds <= 7200 - 900


def test_the_managed_role_cannot_assume_roles_and_the_configuration_is_told_so(node: Node) -> None:
    managed_role(node)
    node.configure("token-mode: managedRole\n" + instances({"instanceId": PARTNER_ID, "assumeRoleARN": PULL_ROLE}))
    result = node.request(f"{PARTNER}/shared/app")
    assert result.status == 2
    assert "managed role" in result.stderr
    assert "workerRole" in result.stderr
    assert node.cloud.calls.of("sts") == []


def test_a_role_in_the_chain_begins_with_the_worker_role_although_auto_means_the_managed_one(node: Node) -> None:
    auto_in_a_new_cluster(node)
    node.configure(instances({"instanceId": PARTNER_ID, "assumeRoleARN": PULL_ROLE}))
    assert accepted(node, node.request(f"{PARTNER}/shared/app"), PARTNER, "shared/app")


@pytest.mark.parametrize("policy", ["pull-only", "none"])
def test_a_session_policy_takes_everything_but_pulling_away(policy: str, node: Node) -> None:
    rrsa_token(node)
    role = f"acs:ram::{ACCOUNT}:role/acr-rrsa-push"
    item = {"instanceId": ALPHA_ID, "rrsaRoleARN": role, "rrsaOIDCProviderRoleARN": OIDC_PROVIDER}
    node.configure(f"session-policy: {policy}\n" + instances(item))
    assert accepted(node, node.request(f"{ALPHA}/team/app"), ALPHA, "team/app")
    (exchange,) = node.cloud.calls.of("sts", "AssumeRoleWithOIDC")
    assert ("Policy" in exchange.parameters) is (policy == "pull-only")
    assert "PushRepository" not in exchange.parameters.get("Policy", "")
