"""AssumeRoleWithOIDC, asked by the real SDKs: what passes, and every refusal."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_credentials.provider import OIDCRoleArnCredentialsProvider
from alibabacloud_tea_openapi.exceptions import ClientException

from tests.cloud import SimulatedCloud
from tests.cloud.clients import assume_role, assume_role_with_oidc, session_key
from tests.cloud.policy import trust


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
