"""Regions and role names that would lead a request elsewhere: the SDKs put them into URLs as they are."""

import pytest

from tests.integration.node import ALPHA, Node
from tests.integration.test_identities import ALPHA_ID, instances

IMAGE = f"{ALPHA}/team/app"

EVIL = ["evil.example/x?", "evil.example#", "cn-hangzhou.evil.example/", "../../evil", "cn-hangzhou@evil.example", ""]


@pytest.mark.parametrize("text", EVIL)
def test_a_region_of_the_metadata_service_leads_nowhere(text: str, node: Node) -> None:
    node.cloud.world.node.region = text
    node.configure(instances({"instanceId": ALPHA_ID, "domains": "registry.example.com"}))
    assert "region" in node.request("registry.example.com/team/app").refusal
    assert node.cloud.trapped == []
    assert {call.service for call in node.cloud.calls} == {"metadata"}


@pytest.mark.parametrize("text", [each for each in EVIL if each])
def test_a_role_name_of_the_metadata_service_leads_nowhere(text: str, node: Node) -> None:
    node.cloud.world.node.role_name = text
    assert "metadata service" in node.request(IMAGE).refusal
    assert node.cloud.trapped == []
    assert all("evil" not in call.action for call in node.cloud.calls)


@pytest.mark.parametrize("text", [each for each in EVIL if each])
def test_a_region_that_a_registry_names_leads_nowhere(text: str, node: Node) -> None:
    node.cloud.world.instance("alpha").challenge = (
        f'Bearer realm="https://dockerauth.cn-hangzhou.aliyuncs.com/auth",service="registry.aliyuncs.com:{text}:china:'
        'cri-alphaalphaalpha1"'
    )
    node.request(IMAGE)
    assert node.cloud.trapped == []
    assert {call.host for call in node.cloud.calls.of("acr")} <= {"cr-vpc.cn-hangzhou.aliyuncs.com"}


@pytest.mark.parametrize("text", [each for each in EVIL if each])
def test_a_region_in_the_configuration_leads_nowhere(text: str, node: Node) -> None:
    node.configure(instances({"instanceId": ALPHA_ID, "regionId": text, "domains": ALPHA}))
    result = node.request(IMAGE)
    assert result.status == 2
    assert "regionId" in result.refusal
    assert list(node.cloud.calls) == []
