"""Which instance a host name belongs to: every way to find it, what is remembered, and what is not believed."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from tests.cloud.default_world import ALPHA as ALPHA_ID
from tests.cloud.default_world import ALPHABET as ALPHABET_ID
from tests.cloud.default_world import CUSTOM_DOMAIN, GAMMA
from tests.cloud.default_world import WORKER_ROLE as ROLE
from tests.cloud.policy import allow
from tests.cloud.world import Domain
from tests.integration.node import ALPHA, ALPHA_VPC, PERSONAL, Node

ALPHABET = "alphabet-registry.cn-hangzhou.cr.aliyuncs.com"
GAMMA_HOST = "gamma-registry.cn-shanghai.cr.aliyuncs.com"


def asked_for(node: Node) -> list[str]:
    return [call.parameters["InstanceId"] for call in node.cloud.calls.of("acr", "GetAuthorizationToken")]


def silence_the_registries(node: Node) -> None:
    for instance in node.cloud.world.instances:
        instance.challenge = ""


def test_the_registrys_own_word_needs_no_permission_and_no_configuration(node: Node) -> None:
    node.role().policies[:] = [allow(["cr:GetAuthorizationToken", "cr:PullRepository"])]
    result = node.request(f"{ALPHA}/team/app")
    assert node.pull(result, ALPHA, "team/app") == 200
    assert node.cloud.calls.of("acr", "ListInstance") == []
    assert asked_for(node) == [ALPHA_ID]


@pytest.mark.parametrize(("host", "instance"), [(ALPHA, ALPHA_ID), (ALPHABET, ALPHABET_ID)])
def test_a_name_that_begins_another_is_not_mistaken_for_it(host: str, instance: str, node: Node) -> None:
    silence_the_registries(node)
    result = node.request(f"{host}/team/app")
    assert asked_for(node) == [instance]
    node.cloud.world.instance(host.partition("-")[0]).challenge = "standard"
    assert node.login(result, host) == 200


def test_all_pages_of_the_list_are_read(node: Node) -> None:
    silence_the_registries(node)
    node.request(f"{ALPHA}/team/app").auth  # noqa: B018
    assert [page.parameters["PageNo"] for page in node.cloud.calls.of("acr", "ListInstance")] == ["1", "2"]
    assert asked_for(node) == [ALPHA_ID]


def test_without_the_right_to_list_the_missing_line_and_permission_are_named(node: Node) -> None:
    silence_the_registries(node)
    node.role().policies[:] = [allow(["cr:GetAuthorizationToken"])]
    refusal = node.request(f"{ALPHA}/team/app").refusal
    assert "instanceId" in refusal
    assert "cr:ListInstance" in refusal
    assert ALPHA in refusal


def test_a_configured_instance_gives_the_identity_of_its_host(node: Node) -> None:
    user = node.cloud.world.users[0]
    node.configure(
        f"acr-registry-info:\n  - instanceId: cri-partnerpartner02\n    customAccessKey: {user.access_key_id}\n"
        f"    customAccessKeySecret: {user.access_key_secret}\n"
    )
    host = "partner-registry.cn-hangzhou.cr.aliyuncs.com"
    assert node.pull(node.request(f"{host}/shared/app"), host, "shared/app") == 200
    assert node.cloud.calls.of("metadata", "/latest/meta-data/ram/security-credentials/") == []


def test_an_instance_of_another_region_is_asked_there(node: Node) -> None:
    assert node.login(node.request(f"{GAMMA_HOST}/team/app"), GAMMA_HOST) == 200
    assert {call.host for call in node.cloud.calls.of("acr")} == {"cr.cn-shanghai.aliyuncs.com"}
    assert asked_for(node) == [GAMMA]


def test_the_vpc_endpoint_comes_first_in_the_nodes_own_region(node: Node) -> None:
    node.request(f"{ALPHA_VPC}/team/app").auth  # noqa: B018
    assert [call.host for call in node.cloud.calls.of("acr")] == ["cr-vpc.cn-hangzhou.aliyuncs.com"]


def forget_answers(node: Node) -> None:
    for path in (node.state / "answers").glob("*.json"):
        path.unlink()


def test_what_the_registry_said_is_remembered_for_a_day(node: Node) -> None:
    node.request(f"{ALPHA}/team/app").auth  # noqa: B018
    forget_answers(node)
    node.cloud.calls.clear()
    node.request(f"{ALPHA}/team/app").auth  # noqa: B018
    assert node.cloud.calls.of("registry") == []
    assert asked_for(node) == [ALPHA_ID]
    grow_old(node.state / "answers" / f"{ALPHA}.found", 24 * 3600)
    forget_answers(node)
    node.request(f"{ALPHA}/team/app").auth  # noqa: B018
    assert len(node.cloud.calls.of("registry", "GET /v2/")) == 1


def grow_old(path: Path, seconds: int) -> None:
    fields = json.loads(path.read_text())
    for name in ("written", "until"):
        fields[name] -= seconds
    if isinstance(fields["value"], dict) and "asked" in fields["value"]:
        fields["value"]["asked"] -= seconds
    path.write_text(json.dumps(fields))


def test_what_was_remembered_is_forgotten_when_the_cloud_refuses_it(node: Node) -> None:
    node.request(f"{ALPHA}/team/app").auth  # noqa: B018
    forget_answers(node)
    node.cloud.world.instance("alpha").id = "cri-madeanewmadeanew"
    assert node.request(f"{ALPHA}/team/app").status == 1
    (node.state / "answers" / f"{ALPHA}.refused").unlink()
    assert node.login(node.request(f"{ALPHA}/team/app"), ALPHA) == 200
    assert asked_for(node)[-1] == "cri-madeanewmadeanew"


def test_a_custom_domain_is_found_by_asking_for_the_instances_domains_once(node: Node) -> None:
    node.configure(f"acr-registry-info:\n  - instanceId: {ALPHA_ID}\n")
    for _ in range(2):
        assert node.pull(node.request(f"{CUSTOM_DOMAIN}/team/app"), CUSTOM_DOMAIN, "team/app") == 200
        forget_answers(node)
    assert len(node.cloud.calls.of("acr", "ListInstanceEndpoint")) == 1


def test_a_domain_added_later_is_found_after_ten_minutes(node: Node) -> None:
    node.configure(f"acr-registry-info:\n  - instanceId: {ALPHA_ID}\n")
    assert node.request(f"{CUSTOM_DOMAIN}/team/app").auth
    assert node.request("new.example.com/team/app").response["auth"] == {}
    node.cloud.world.instance("alpha").domains.append(Domain("new.example.com", "internet", "USER"))
    assert node.request("new.example.com/team/app").response["auth"] == {}
    grow_old(node.state / "answers" / f"{ALPHA_ID}.domains", 601)
    assert node.request("new.example.com/team/app").auth
    assert len(node.cloud.calls.of("acr", "ListInstanceEndpoint")) == 2


def test_another_host_than_the_domains_gets_nothing(node: Node) -> None:
    node.configure(f"acr-registry-info:\n  - instanceId: {ALPHA_ID}\n    domains: {CUSTOM_DOMAIN}\n")
    assert node.request("other.example.com/team/app").response["auth"] == {}
    assert list(node.cloud.calls) == []


def test_discovery_off_asks_no_registry_and_lists_no_instances(node: Node) -> None:
    node.configure(f'discovery: "off"\nacr-registry-info:\n  - instanceId: {ALPHA_ID}\n')
    assert node.request(f"{ALPHA}/team/app").auth
    assert "discovery" in node.request(f"{ALPHABET}/team/app").refusal
    assert node.request(f"{PERSONAL}/mine/app").response["auth"] == {}
    assert node.cloud.calls.of("registry", "GET /v2/") == []
    assert node.cloud.calls.of("acr", "ListInstance") == []
    assert node.cloud.calls.of("acr", "GET /tokens") == []
    assert ALPHABET_ID not in asked_for(node)


STRANGE_CHALLENGES = {
    "another registry's": 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"',
    "a stranger's region": 'Bearer realm="https://dockerauth.cn-hangzhou.aliyuncs.com/auth",'
    'service="registry.aliyuncs.com:oss-cn-hangzhou:china:cri-alphaalphaalpha1"',
    "a region that leads elsewhere": 'Bearer realm="https://dockerauth.cn-hangzhou.aliyuncs.com/auth",'
    'service="registry.aliyuncs.com:evil.example/x?:china:cri-alphaalphaalpha1"',
    "no instance": 'Bearer realm="https://dockerauth.cn-hangzhou.aliyuncs.com/auth",service="registry.aliyuncs.com:cn-hangzhou:26842"',
    "Basic": 'Basic realm="x"',
    "rubbish": "\x7f,,=\"",
}  # fmt: skip


@pytest.mark.parametrize("challenge", STRANGE_CHALLENGES.values(), ids=STRANGE_CHALLENGES.keys())
def test_a_strange_word_of_the_registry_is_not_believed(challenge: str, node: Node) -> None:
    node.cloud.world.instance("alpha").challenge = challenge
    assert node.request(f"{ALPHA}/team/app").auth
    assert len(node.cloud.calls.of("acr", "ListInstance")) >= 1
    assert asked_for(node) == [ALPHA_ID]
    assert node.cloud.trapped == []


def test_the_registry_is_believed_only_over_tls_that_was_checked(node: Node) -> None:
    node.cloud.untrusted_hosts.add(ALPHA)
    assert node.request(f"{ALPHA}/team/app").auth
    assert asked_for(node) == [ALPHA_ID]
    assert len(node.cloud.calls.of("acr", "ListInstance")) >= 1


def test_personal_edition_of_another_region_is_the_configured_items(node: Node) -> None:
    shanghai = PERSONAL.replace("hangzhou", "shanghai")
    node.configure("acr-registry-info:\n  - instanceId: ''\n    regionId: cn-shanghai\n")
    assert node.login(node.request(f"{shanghai}/mine/app"), shanghai) == 200
    assert {call.host for call in node.cloud.calls.of("acr")} == {"cr.cn-shanghai.aliyuncs.com"}


def test_time_is_not_lost_on_a_vpc_endpoint_that_does_not_answer(node: Node) -> None:
    node.cloud.faults.set("acr", "hang", host="cr-vpc.*")
    started = time.monotonic()
    assert node.request(f"{ALPHA}/team/app").auth
    assert time.monotonic() - started < 20


def metadata_calls(node: Node) -> list[str]:
    return [call.action.removeprefix("/latest/") for call in node.cloud.calls.of("metadata")]


@pytest.mark.parametrize("mode", ["open", "hardened", "old"])
def test_what_is_known_of_the_node_is_not_asked_again(mode: Literal["open", "hardened", "old"], node: Node) -> None:
    node.cloud.world.node.mode = mode
    assert node.request(f"{ALPHA}/team/app").auth
    forget_answers(node)
    node.cloud.calls.clear()
    assert node.request(f"{ALPHA}/team/app").auth
    assert len(metadata_calls(node)) == 2
    assert any(ROLE in call for call in metadata_calls(node))


def test_a_role_that_was_changed_is_asked_for_again(node: Node) -> None:
    assert node.request(f"{ALPHA}/team/app").auth
    forget_answers(node)
    role = replace(node.role(), name="KubernetesWorkerRole-other")
    node.cloud.world.roles.append(role)
    node.cloud.world.node.role_name = role.name
    node.cloud.metadata.forget()
    result = node.run(["get", f"{ALPHA}/team/app"])
    assert role.name in result.stdout
    forget_answers(node)
    node.cloud.calls.clear()
    assert node.request(f"{ALPHA}/team/app").auth
    assert len(metadata_calls(node)) == 2
