"""ACR's OpenAPI of both editions, asked by the real SDKs, and what its tokens open at the registries."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_cr20181201.models import (
    GetAuthorizationTokenRequest,
    ListInstanceEndpointRequest,
    ListInstanceRequest,
)
from alibabacloud_tea_openapi.exceptions import ClientException

from tests.cloud import SimulatedCloud
from tests.cloud.clients import call, enterprise, login, pull
from tests.cloud.default_world import ALPHA, ALPHABET, CUSTOM_DOMAIN, GAMMA, PARTNER
from tests.cloud.policy import Document, allow

WORKER = "KubernetesWorkerRole-test"
MANAGED = "AliyunCSManagedAcrRole"
ALPHA_HOST = "alpha-registry.cn-hangzhou.cr.aliyuncs.com"
PERSONAL_HOST = "registry-vpc.cn-hangzhou.aliyuncs.com"
Key = tuple[str, str, str]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[SimulatedCloud]:
    with SimulatedCloud(tmp_path) as cloud:
        yield cloud


def key_of(cloud: SimulatedCloud, role: str, seconds: int = 3600, policy: Document | None = None) -> Key:
    found = cloud.world.role(role)
    assert found
    session = cloud.sessions.issue(found, "test", seconds, policy)
    return session.access_key_id, session.access_key_secret, session.security_token


def user_key(cloud: SimulatedCloud, index: int = 0) -> Key:
    user = cloud.world.users[index]
    return user.access_key_id, user.access_key_secret, ""


def token(cloud: SimulatedCloud, key: Key, instance: str, region: str = "cn-hangzhou", hours: int | None = None) -> Any:
    request = GetAuthorizationTokenRequest(instance_id=instance, expires_in_hours=hours)
    return enterprise(cloud, key, region).get_authorization_token(request).body


def personal_token(cloud: SimulatedCloud, key: Key) -> dict[str, Any]:
    answer = call(
        cloud,
        "cr.cn-hangzhou.aliyuncs.com",
        "GetAuthorizationToken",
        "2016-06-07",
        {},
        key,
        style="ROA",
        method="GET",
        pathname="/tokens",
    )
    data: dict[str, Any] = answer["data"]
    return data


@pytest.mark.parametrize("role", [WORKER, MANAGED, "acr-rrsa", "any-pod-pull"])
def test_a_token_logs_in_and_pulls(cloud: SimulatedCloud, role: str) -> None:
    body = token(cloud, key_of(cloud, role), ALPHA)
    assert body.is_success is True
    login_ = (body.temp_username, body.authorization_token)
    assert login(cloud, ALPHA_HOST, *login_) == 200
    assert login(cloud, CUSTOM_DOMAIN, *login_) == 200
    assert pull(cloud, ALPHA_HOST.replace("-registry", "-registry-vpc"), "team/app", *login_) == 200
    assert body.authorization_token in cloud.secrets()


@pytest.mark.parametrize(
    ("seconds", "hours", "expected"), [(720, None, 720), (21600, None, 21600), (21600, 1, 3600), (720, 24, 720)]
)
def test_a_token_ends_with_the_session(cloud: SimulatedCloud, seconds: int, hours: int | None, expected: int) -> None:
    body = token(cloud, key_of(cloud, WORKER, seconds), ALPHA, hours=hours)
    assert abs(body.expire_time / 1000 - time.time() - expected) < 10


@pytest.mark.parametrize(("hours", "expected"), [(None, 3600), (24, 86400)])
def test_a_key_pairs_token(cloud: SimulatedCloud, hours: int | None, expected: int) -> None:
    body = token(cloud, user_key(cloud), PARTNER, hours=hours)
    assert abs(body.expire_time / 1000 - time.time() - expected) < 10
    assert pull(cloud, "partner-registry.cn-hangzhou.cr.aliyuncs.com", "shared/app", *_login(body)) == 200


def test_a_token_past_its_end_is_refused_by_the_registry(cloud: SimulatedCloud) -> None:
    body = token(cloud, key_of(cloud, WORKER, 720), ALPHA)
    cloud.clock.offset = 721
    assert login(cloud, ALPHA_HOST, *_login(body)) == 401


@pytest.mark.parametrize(
    ("role", "instance", "region", "code"),
    [
        (WORKER, PARTNER, "cn-hangzhou", "INSTANCE_NOT_EXIST"),
        (WORKER, GAMMA, "cn-hangzhou", "INSTANCE_NOT_EXIST"),
        (WORKER, ALPHA, "cn-shanghai", "INSTANCE_NOT_EXIST"),
        (WORKER, "cri-nothing", "cn-hangzhou", "INSTANCE_NOT_EXIST"),
        ("acr-pull", ALPHA, "cn-hangzhou", "INSTANCE_NOT_EXIST"),
    ],
)
def test_a_wrong_instance_is_refused(cloud: SimulatedCloud, role: str, instance: str, region: str, code: str) -> None:
    with pytest.raises(ClientException) as error:
        token(cloud, key_of(cloud, role), instance, region)
    assert (error.value.code, error.value.status_code) == (code, 404)


def test_another_accounts_instance_may_be_refused_by_ram(cloud: SimulatedCloud) -> None:
    cloud.world.wrong_account_code = "NoPermission"
    with pytest.raises(ClientException) as error:
        token(cloud, key_of(cloud, WORKER), PARTNER)
    assert (error.value.code, error.value.status_code) == ("NoPermission", 403)


def test_refusal_with_status_200(cloud: SimulatedCloud) -> None:
    cloud.world.business_errors_with_status_200 = True
    body = token(cloud, key_of(cloud, WORKER), PARTNER)
    assert (body.is_success, body.code, body.authorization_token) == (False, "INSTANCE_NOT_EXIST", None)
    assert body.request_id


@pytest.mark.parametrize("hours", [0, 25])
def test_hours_out_of_range(cloud: SimulatedCloud, hours: int) -> None:
    with pytest.raises(ClientException) as error:
        token(cloud, user_key(cloud), PARTNER, hours=hours)
    assert error.value.code == "InvalidParameter.ExpiresInHours"


def test_the_managed_role_lists_domains_but_no_instances(cloud: SimulatedCloud) -> None:
    client: Any = enterprise(cloud, key_of(cloud, MANAGED))
    endpoints = client.list_instance_endpoint(ListInstanceEndpointRequest(instance_id=ALPHA)).body.endpoints
    domains = {(domain.domain, domain.type) for endpoint in endpoints for domain in endpoint.domains}
    assert domains == {
        (ALPHA_HOST, "SYSTEM"),
        ("alpha-registry-vpc.cn-hangzhou.cr.aliyuncs.com", "SYSTEM"),
        (CUSTOM_DOMAIN, "USER"),
    }
    with pytest.raises(ClientException) as error:
        client.list_instance(ListInstanceRequest(instance_name="alpha"))
    assert (error.value.code, error.value.status_code) == ("NoPermission", 403)


def test_a_user_without_permissions(cloud: SimulatedCloud) -> None:
    with pytest.raises(ClientException) as error:
        token(cloud, user_key(cloud, 1), ALPHA)
    assert error.value.code == "NoPermission"


def test_list_instance_is_fuzzy_and_in_pages(cloud: SimulatedCloud) -> None:
    client: Any = enterprise(cloud, key_of(cloud, WORKER))
    pages = [client.list_instance(ListInstanceRequest(instance_name="alpha", page_no=page)).body for page in (1, 2, 3)]
    names = [[instance.instance_name for instance in page.instances] for page in pages]
    assert [len(page) for page in names] == [30, 12, 0]
    assert {page.total_count for page in pages} == {42}
    assert "alphabet" in names[0]
    assert "alpha" not in names[0]
    assert "alpha" in names[1]
    everything = client.list_instance(ListInstanceRequest(page_size=100)).body.instances
    assert not {GAMMA, PARTNER} & {instance.instance_id for instance in everything}


def test_an_ended_session_and_a_wrong_secret(cloud: SimulatedCloud) -> None:
    with pytest.raises(ClientException) as error:
        token(cloud, key_of(cloud, WORKER, -1), ALPHA)
    assert error.value.code == "InvalidSecurityToken.Expired"
    key_id, secret, security_token = key_of(cloud, WORKER)
    with pytest.raises(ClientException) as error:
        token(cloud, (key_id, secret + "x", security_token), ALPHA)
    assert error.value.code == "SignatureDoesNotMatch"


def test_a_session_policy_narrows_token_and_pull(cloud: SimulatedCloud) -> None:
    resource = f"acs:cr:*:*:repository/{ALPHA}/team/*"
    policy: dict[str, Any] = {**allow(["cr:GetAuthorizationToken"])}
    policy["Statement"] = [*policy["Statement"], *allow(["cr:PullRepository"], [resource])["Statement"]]
    body = token(cloud, key_of(cloud, "acr-rrsa-push", policy=policy), ALPHA)
    assert pull(cloud, ALPHA_HOST, "team/app", *_login(body)) == 200
    assert pull(cloud, ALPHA_HOST, "team-a/app", *_login(body)) == 401
    with pytest.raises(ClientException) as error:
        enterprise(cloud, key_of(cloud, "acr-rrsa-push", policy=policy)).list_instance(ListInstanceRequest())
    assert error.value.code == "NoPermission"


def test_a_roles_own_permissions_narrow_the_pull(cloud: SimulatedCloud) -> None:
    body = token(cloud, key_of(cloud, "team-a-pull"), ALPHA)
    assert pull(cloud, ALPHA_HOST, "team-a/app", *_login(body)) == 200
    assert pull(cloud, ALPHA_HOST, "team-b/app", *_login(body)) == 401


def test_a_token_is_for_one_instance(cloud: SimulatedCloud) -> None:
    body = token(cloud, key_of(cloud, WORKER), ALPHABET)
    assert login(cloud, "alphabet-registry.cn-hangzhou.cr.aliyuncs.com", *_login(body)) == 200
    assert login(cloud, ALPHA_HOST, *_login(body)) == 401


@pytest.mark.parametrize("tag", ["nothing"])
def test_what_is_not_there(cloud: SimulatedCloud, tag: str) -> None:
    body = token(cloud, key_of(cloud, WORKER), ALPHA)
    assert pull(cloud, ALPHA_HOST, "team/app", *_login(body), tag=tag) == 404


def test_personal_edition(cloud: SimulatedCloud) -> None:
    data = personal_token(cloud, key_of(cloud, WORKER, 5400))
    given = (data["tempUserName"], data["authorizationToken"])
    assert abs(data["expireDate"] / 1000 - time.time() - 5400) < 10
    assert login(cloud, PERSONAL_HOST, *given) == 200
    assert pull(cloud, PERSONAL_HOST, "mine/app", *given) == 200
    assert pull(cloud, PERSONAL_HOST, "theirs/app", *given) == 401
    assert login(cloud, "registry.cn-shanghai.aliyuncs.com", *given) == 401
    assert cloud.calls.of("acr")[-1].action == "GET /tokens"


def test_personal_edition_not_switched_on(cloud: SimulatedCloud) -> None:
    registry = cloud.world.personal_registry("cn-hangzhou")
    assert registry
    registry.accounts.remove("1111111111111111")
    with pytest.raises(ClientException) as error:
        personal_token(cloud, key_of(cloud, WORKER))
    assert (error.value.code, error.value.status_code) == ("USER_NOT_EXIST", 404)


def test_public_images_need_no_login_and_take_no_wrong_one(cloud: SimulatedCloud) -> None:
    assert pull(cloud, PERSONAL_HOST, "acs/pause") == 200
    assert pull(cloud, PERSONAL_HOST, "mine/open") == 200
    assert pull(cloud, ALPHA_HOST, "open/tool") == 200
    assert pull(cloud, PERSONAL_HOST, "mine/app") == 401
    assert pull(cloud, PERSONAL_HOST, "acs/pause", "cr_temp_user", "wrong") == 401


@pytest.mark.parametrize(("challenge", "status"), [("", 404), ("Basic realm=x", 401)])
def test_a_registry_without_that_401(cloud: SimulatedCloud, challenge: str, status: int) -> None:
    cloud.world.instance("alpha").challenge = challenge
    assert login(cloud, ALPHA_HOST, "cr_temp_user", "any") == status
    assert not cloud.calls.of("auth")


def _login(body: Any) -> tuple[str, str]:
    return body.temp_username, body.authorization_token
