"""STS, asked by the real SDKs: what passes, and every refusal."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_credentials.exceptions import CredentialException
from alibabacloud_credentials.provider import RamRoleArnCredentialsProvider
from alibabacloud_tea_openapi.exceptions import ClientException

from tests.cloud import SimulatedCloud
from tests.cloud.clients import assume_role
from tests.cloud.clock import parse_iso
from tests.cloud.default_world import EXTERNAL_ID
from tests.cloud.policy import allow, trust

Key = tuple[str, str, str]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[SimulatedCloud]:
    with SimulatedCloud(tmp_path) as cloud:
        yield cloud


def key_of(cloud: SimulatedCloud, role: str, seconds: int = 3600) -> Key:
    found = cloud.world.role(role)
    assert found
    session = cloud.sessions.issue(found, "test", seconds)
    return session.access_key_id, session.access_key_secret, session.security_token


def arn(cloud: SimulatedCloud, role: str) -> str:
    found = cloud.world.role(role)
    assert found
    return found.arn


def refused(error: pytest.ExceptionInfo[ClientException]) -> str:
    """The Code of a refusal."""
    return str(error.value.code)


WORKER = "KubernetesWorkerRole-test"


def test_assume_role_by_the_generic_client(cloud: SimulatedCloud) -> None:
    answer = assume_role(cloud, key_of(cloud, WORKER), RoleArn=arn(cloud, "acr-pull"), DurationSeconds="900")
    session = cloud.sessions.find(answer["Credentials"]["AccessKeyId"])
    assert session
    assert session.role_arn == arn(cloud, "acr-pull")
    assert parse_iso(answer["Credentials"]["Expiration"]) == session.expiration
    assert abs(session.expiration - time.time() - 900) < 10
    assert cloud.calls[-1].identity == arn(cloud, WORKER)
    assert "Signature" not in str(cloud.calls[-1].parameters)


def test_assume_role_by_the_credentials_sdk(cloud: SimulatedCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(cloud.ca_file))
    key_id, secret, token = key_of(cloud, "acr-rrsa")
    provider = RamRoleArnCredentialsProvider(
        access_key_id=key_id,
        access_key_secret=secret,
        security_token=token,
        role_arn=arn(cloud, "acr-pull-external"),
        role_session_name="test",
        external_id=EXTERNAL_ID,
        duration_seconds=7200,
        policy=json.dumps(allow(["cr:PullRepository"]), separators=(",", ":")),
        sts_endpoint=cloud.https_address,
    )
    session = cloud.sessions.find(provider.get_credentials().get_access_key_id())
    assert session
    assert session.policy == allow(["cr:PullRepository"])
    assert cloud.calls[-1].parameters["SecurityToken"] == "(query)"


def test_spaces_signed_as_plus_are_refused(cloud: SimulatedCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(cloud.ca_file))
    key_id, secret, token = key_of(cloud, "acr-rrsa")
    provider = RamRoleArnCredentialsProvider(
        access_key_id=key_id,
        access_key_secret=secret,
        security_token=token,
        role_arn=arn(cloud, "acr-pull"),
        policy=json.dumps(allow(["cr:PullRepository"])),
        sts_endpoint=cloud.https_address,
    )
    with pytest.raises(CredentialException, match="SignatureDoesNotMatch"):
        provider.get_credentials()


@pytest.mark.parametrize(
    ("caller", "query", "code"),
    [
        (WORKER, {"DurationSeconds": "899"}, "InvalidParameter.DurationSeconds"),
        (WORKER, {"DurationSeconds": "3601"}, "InvalidParameter.DurationSeconds"),
        (WORKER, {"DurationSeconds": "soon"}, "InvalidParameter.DurationSeconds"),
        (WORKER, {"RoleSessionName": "x"}, "InvalidParameter.RoleSessionName"),
        (WORKER, {"RoleSessionName": "a b"}, "InvalidParameter.RoleSessionName"),
        (WORKER, {"RoleArn": "acr-pull"}, "InvalidParameter.RoleArn"),
        (WORKER, {"RoleArn": "acs:ram::2222222222222222:role/nothing"}, "EntityNotExist.Role"),
        (WORKER, {"RoleArn": "acs:ram::2222222222222222:role/acr-strangers"}, "NoPermission"),
        (WORKER, {"RoleArn": "acs:ram::2222222222222222:role/acr-pull-external"}, "NoPermission"),
        (
            WORKER,
            {"RoleArn": "acs:ram::2222222222222222:role/acr-pull-external", "ExternalId": "guess"},
            "NoPermission",
        ),
        (WORKER, {"ExternalId": "x"}, "InvalidParameter.ExternalId"),
        (WORKER, {"Policy": "{}"}, "InvalidParameter.PolicyGrammar"),
        (WORKER, {"Policy": "not JSON"}, "InvalidParameter.PolicyGrammar"),
        (WORKER, {"Policy": "x" * 2049}, "InvalidParameter.PolicySize"),
        ("AliyunCSManagedAcrRole", {}, "NoPermission"),
        ("any-pod-pull", {}, "NoPermission"),
    ],
)
def test_assume_role_is_refused(cloud: SimulatedCloud, caller: str, query: dict[str, str], code: str) -> None:
    with pytest.raises(ClientException) as error:
        assume_role(cloud, key_of(cloud, caller), **({"RoleArn": arn(cloud, "acr-pull")} | query))
    assert refused(error) == code
    assert cloud.calls[-1].code == code


def test_the_external_id_opens_the_role(cloud: SimulatedCloud) -> None:
    role = arn(cloud, "acr-pull-external")
    answer = assume_role(cloud, key_of(cloud, WORKER), RoleArn=role, ExternalId=EXTERNAL_ID, DurationSeconds="43200")
    assert cloud.sessions.find(answer["Credentials"]["AccessKeyId"])


def test_trust_alone_is_not_enough(cloud: SimulatedCloud) -> None:
    """A role that its own account's trust policy lets in still needs sts:AssumeRole."""
    target = cloud.world.role("acr-pull")
    assert target
    target.trust = trust({"RAM": ["acs:ram::1111111111111111:root"]})
    with pytest.raises(ClientException) as error:
        assume_role(cloud, key_of(cloud, "AliyunCSManagedAcrRole"), RoleArn=target.arn)
    assert refused(error) == "NoPermission"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda key: (key[0], key[1] + "x", key[2]), "SignatureDoesNotMatch"),
        (lambda key: ("STS.Nobody", key[1], key[2]), "InvalidAccessKeyId.NotFound"),
        (lambda key: (key[0], key[1], key[2] + "x"), "InvalidSecurityToken.Malformed"),
        (lambda key: (key[0], key[1], ""), "MissingSecurityToken"),
    ],
)
def test_a_wrong_key_is_refused(cloud: SimulatedCloud, change: Any, code: str) -> None:
    key = key_of(cloud, WORKER)
    assert assume_role(cloud, key, RoleArn=arn(cloud, "acr-pull"))["Credentials"]
    with pytest.raises(ClientException) as error:
        assume_role(cloud, change(key), RoleArn=arn(cloud, "acr-pull"))
    assert refused(error) == code


def test_an_ended_session_is_refused(cloud: SimulatedCloud) -> None:
    with pytest.raises(ClientException) as error:
        assume_role(cloud, key_of(cloud, WORKER, -1), RoleArn=arn(cloud, "acr-pull"))
    assert refused(error) == "InvalidSecurityToken.Expired"


@pytest.mark.parametrize("offset", [-1000, 1000])
def test_a_clock_that_is_off_is_refused(cloud: SimulatedCloud, offset: float) -> None:
    key = key_of(cloud, WORKER, 7200)
    cloud.clock.offset = offset * 0.8
    assert assume_role(cloud, key, RoleArn=arn(cloud, "acr-pull"))["Credentials"]
    cloud.clock.offset = offset
    with pytest.raises(ClientException) as error:
        assume_role(cloud, key, RoleArn=arn(cloud, "acr-pull"))
    assert refused(error) == "InvalidTimeStamp.Expired"


def test_a_nonce_works_once(cloud: SimulatedCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alibabacloud_tea_openapi.utils.Utils.get_nonce", lambda: "once")
    assume_role(cloud, key_of(cloud, WORKER), RoleArn=arn(cloud, "acr-pull"))
    with pytest.raises(ClientException) as error:
        assume_role(cloud, key_of(cloud, WORKER), RoleArn=arn(cloud, "acr-pull"))
    assert refused(error) == "SignatureNonceUsed"
