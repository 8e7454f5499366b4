"""AssumeRoleWithOIDC, asked by the real SDKs: what passes, and every refusal."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_cr20181201.models import GetAuthorizationTokenRequest
from alibabacloud_credentials.provider import OIDCRoleArnCredentialsProvider
from alibabacloud_tea_openapi.exceptions import ClientException

from provider.identity.policies import pull_repository_policy
from tests.cloud import SimulatedCloud
from tests.cloud.clients import assume_role, assume_role_with_oidc, enterprise, pull, session_key
from tests.cloud.default_world import ACCOUNT, ALPHA, REGION, TEAM_A_ROLE, TEAM_B_ROLE
from tests.cloud.policy import trust

HOST = "alpha-registry.cn-hangzhou.cr.aliyuncs.com"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[SimulatedCloud]:
    with SimulatedCloud(tmp_path) as cloud:
        yield cloud


def arn(cloud: SimulatedCloud, role: str) -> str:
    found = cloud.world.role(role)
    assert found
    return found.arn


def refused(error: pytest.ExceptionInfo[ClientException]) -> str:
    """The Code of a refusal."""
    return str(error.value.code)


def oidc(cloud: SimulatedCloud, token: str, role: str = "acr-rrsa", **query: str) -> dict[str, Any]:
    provider = {"OIDCProviderArn": cloud.world.oidc_providers[0].arn, "RoleArn": arn(cloud, role)}
    return assume_role_with_oidc(cloud, token, **(provider | query))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_assume_role_with_oidc_token_in_the_body(cloud: SimulatedCloud, algorithm: Any) -> None:
    token = cloud.make.service_account_token(algorithm=algorithm)
    answer = oidc(cloud, token)
    session = cloud.sessions.find(answer["Credentials"]["AccessKeyId"])
    assert session
    assert session.role_arn == arn(cloud, "acr-rrsa")
    assert cloud.calls[-1].parameters["OIDCToken"] == "(body)"
    assert token in cloud.secrets()


def test_oidc_by_the_credentials_sdk(cloud: SimulatedCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(cloud.ca_file))
    file = tmp_path / "token"
    file.write_text(cloud.make.service_account_token("team-a", "anybody"))
    provider = OIDCRoleArnCredentialsProvider(
        role_arn=arn(cloud, "team-a-pull"),
        oidc_provider_arn=cloud.world.oidc_providers[0].arn,
        oidc_token_file_path=str(file),
        role_session_name="test",
        sts_endpoint=cloud.https_address,
    )
    assert cloud.sessions.find(provider.get_credentials().get_access_key_id())
    assert cloud.calls[-1].parameters["OIDCToken"] == "(query)"


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ({"audience": "kubernetes"}, "AuthenticationFail.OIDCToken.AudienceNotMatch"),
        ({"issuer": "https://kubernetes.default.svc"}, "AuthenticationFail.OIDCToken.IssuerNotMatch"),
        ({"seconds": -1}, "AuthenticationFail.OIDCToken.Expired"),
        ({"stranger": True}, "AuthenticationFail.OIDCToken.Invalid"),
        ({"stranger": True, "algorithm": "ES256"}, "AuthenticationFail.OIDCToken.Invalid"),
        ({"name": "default"}, "AuthenticationFail.NoPermission"),
        ({"namespace": "default"}, "AuthenticationFail.NoPermission"),
    ],
)
def test_a_wrong_token_is_refused(cloud: SimulatedCloud, token: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientException) as error:
        oidc(cloud, cloud.make.service_account_token(**token))
    assert refused(error) == code


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"OIDCProviderArn": "acs:ram::1111111111111111:oidc-provider/none"}, "AuthenticationFail.NoPermission"),
        ({"RoleArn": "acs:ram::2222222222222222:role/acr-pull"}, "AuthenticationFail.NoPermission"),
        ({"RoleArn": "acs:ram::1111111111111111:role/none"}, "EntityNotExist.Role"),
        ({"DurationSeconds": "3601"}, "InvalidParameter.DurationSeconds"),
        ({"Policy": "[]"}, "InvalidParameter.PolicyGrammar"),
    ],
)
def test_oidc_is_refused(cloud: SimulatedCloud, query: dict[str, str], code: str) -> None:
    with pytest.raises(ClientException) as error:
        oidc(cloud, cloud.make.service_account_token(), **query)
    assert refused(error) == code


@pytest.mark.parametrize("name", ["x", "x" * 65, "team-a:app", "team-a/app", "team a"])
def test_a_wrong_session_name_is_refused(cloud: SimulatedCloud, name: str) -> None:
    with pytest.raises(ClientException) as error:
        oidc(cloud, cloud.make.service_account_token(), RoleSessionName=name)
    assert refused(error) == "InvalidParameter.RoleSessionName"
    assert cloud.calls[-1].parameters["RoleSessionName"] == name


@pytest.mark.parametrize("name", ["xy", "x" * 64, "Team-A.app_1@2"])
def test_the_session_name_is_on_record(cloud: SimulatedCloud, name: str) -> None:
    user = oidc(cloud, cloud.make.service_account_token(), RoleSessionName=name)["AssumedRoleUser"]
    assert user["Arn"].endswith(f"/{name}")
    assert cloud.calls[-1].parameters["RoleSessionName"] == name


@pytest.mark.parametrize(
    ("role", "namespace", "account", "other_subject"),
    [
        (TEAM_A_ROLE, "team-a", "anybody", ("team-b", "app")),
        (TEAM_B_ROLE, "team-b", "app", ("team-b", "other")),
        (TEAM_B_ROLE, "team-b", "app", ("team-a", "app")),
    ],
)
def test_a_teams_role_is_for_the_team_and_pulls_its_repositories_alone(
    cloud: SimulatedCloud, role: str, namespace: str, account: str, other_subject: tuple[str, str]
) -> None:
    answer = oidc(cloud, cloud.make.service_account_token(namespace, account), role)
    assert pulled(cloud, answer) == {f"{namespace}/app"}
    with pytest.raises(ClientException) as error:
        oidc(cloud, cloud.make.service_account_token(*other_subject), role)
    assert refused(error) == "AuthenticationFail.NoPermission"


def test_a_session_policy_counts_for_each_repository(cloud: SimulatedCloud) -> None:
    narrowed = pull_repository_policy(REGION, ACCOUNT, ALPHA, "team-b/app")
    assert pulled(cloud, oidc(cloud, cloud.make.service_account_token(), Policy=narrowed)) == {"team-b/app"}
    # It gives nothing that the role has not.
    answer = oidc(cloud, cloud.make.service_account_token("team-a", "app"), TEAM_A_ROLE, Policy=narrowed)
    assert pulled(cloud, answer) == set()


@pytest.mark.parametrize(("length", "accepted"), [(2048, True), (2049, False)])
def test_a_policy_has_a_maximum_length(cloud: SimulatedCloud, length: int, accepted: bool) -> None:
    short = pull_repository_policy(REGION, ACCOUNT, ALPHA, "")
    policy = pull_repository_policy(REGION, ACCOUNT, ALPHA, "x" * (length - len(short)))
    assert len(policy) == length
    if accepted:
        assert oidc(cloud, cloud.make.service_account_token(), Policy=policy)["Credentials"]
        return
    with pytest.raises(ClientException) as error:
        oidc(cloud, cloud.make.service_account_token(), Policy=policy)
    assert refused(error) == "InvalidParameter.PolicySize"


def pulled(cloud: SimulatedCloud, answer: dict[str, Any]) -> set[str]:
    """Those of alpha's repositories that a session may pull."""
    client = enterprise(cloud, session_key(answer["Credentials"]))
    token: Any = client.get_authorization_token(GetAuthorizationTokenRequest(instance_id=ALPHA)).body
    login = (token.temp_username, token.authorization_token)
    repositories = ("team/app", "team-a/app", "team-b/app")
    return {one for one in repositories if pull(cloud, HOST, one, *login) == 200}


def test_a_provider_is_for_roles_of_its_own_account(cloud: SimulatedCloud) -> None:
    role = cloud.world.role("acr-pull")
    assert role
    role.trust = trust({"Federated": [cloud.world.oidc_providers[0].arn]})
    with pytest.raises(ClientException) as error:
        oidc(cloud, cloud.make.service_account_token(), role.name)
    assert refused(error) == "AuthenticationFail.NoPermission"


@pytest.mark.parametrize("token", ["abc", "a.b.c", "no token at all", "x" * 20001])
def test_what_is_no_token_is_refused(cloud: SimulatedCloud, token: str) -> None:
    with pytest.raises(ClientException) as error:
        oidc(cloud, token)
    assert "OIDCToken" in refused(error)


def test_rrsa_then_the_other_account(cloud: SimulatedCloud) -> None:
    first = session_key(oidc(cloud, cloud.make.service_account_token())["Credentials"])
    second = assume_role(cloud, first, RoleArn=arn(cloud, "acr-pull"))
    session = cloud.sessions.find(second["Credentials"]["AccessKeyId"])
    assert session
    assert session.role_arn == arn(cloud, "acr-pull")
    assert cloud.calls[-1].identity == arn(cloud, "acr-rrsa")
