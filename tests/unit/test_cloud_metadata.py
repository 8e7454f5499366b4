"""The metadata service in its modes, asked by the real SDK, and the managed role's Secret."""

import json
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from alibabacloud_credentials.exceptions import CredentialException
from alibabacloud_credentials.http import HttpOptions
from alibabacloud_credentials.provider import EcsRamRoleCredentialsProvider
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.cloud import SimulatedCloud
from tests.cloud.clock import parse_iso
from tests.cloud.world import MetadataMode

TTL = "X-aliyun-ecs-metadata-token-ttl-seconds"
TOKEN = "X-aliyun-ecs-metadata-token"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[SimulatedCloud]:
    with SimulatedCloud(tmp_path) as cloud:
        yield cloud


def provider(cloud: SimulatedCloud, only_tokens: bool = False) -> EcsRamRoleCredentialsProvider:
    """The SDK's address is fixed: it gets here by the proxy for plain HTTP."""
    return EcsRamRoleCredentialsProvider(
        disable_imds_v1=only_tokens, http_options=HttpOptions(proxy=cloud.proxy_url), async_update_enabled=False
    )


def ask(cloud: SimulatedCloud, path: str, method: str = "GET", **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with requests.Session() as client:
        client.trust_env = False
        return client.request(method, f"http://{cloud.metadata_address}/latest/{path}", headers=named, timeout=10)


@pytest.mark.parametrize("mode", ["open", "hardened", "old"])
def test_the_worker_roles_session_by_the_sdk(cloud: SimulatedCloud, mode: MetadataMode) -> None:
    cloud.world.node.mode = mode
    credentials = provider(cloud).get_credentials()
    session = cloud.sessions.find(credentials.get_access_key_id())
    assert session
    assert session.security_token == credentials.get_security_token()
    assert session.role_arn == "acs:ram::1111111111111111:role/kubernetesworkerrole-test"
    assert abs(session.expiration - time.time() - 21600) < 10
    reads = [call.parameters["token"] for call in cloud.calls.of("metadata") if call.action.startswith("GET")]
    assert set(reads) == {"none" if mode == "old" else "given"}


def test_no_role(cloud: SimulatedCloud) -> None:
    cloud.world.node.role_name = ""
    with pytest.raises(CredentialException, match="HttpCode=404"):
        provider(cloud).get_credentials()


def test_the_old_service_has_no_tokens(cloud: SimulatedCloud) -> None:
    cloud.world.node.mode = "old"
    assert ask(cloud, "api/token", "PUT", **{TTL: "60"}).status_code == 404
    with pytest.raises(CredentialException, match="HttpCode=404"):
        provider(cloud, only_tokens=True).get_credentials()


def test_hardened_mode_wants_a_token(cloud: SimulatedCloud) -> None:
    cloud.world.node.mode = "hardened"
    token = ask(cloud, "api/token", "PUT", **{TTL: "21600"}).text
    assert ask(cloud, "meta-data/region-id").status_code == 403
    assert ask(cloud, "meta-data/region-id", **{TOKEN: "guess"}).status_code == 403
    assert ask(cloud, "meta-data/region-id", **{TOKEN: token}).text == "cn-hangzhou"
    assert token in cloud.secrets()


@pytest.mark.parametrize("seconds", ["", "0", "21601", "x"])
def test_a_tokens_life_is_bounded(cloud: SimulatedCloud, seconds: str) -> None:
    assert ask(cloud, "api/token", "PUT", **{TTL: seconds}).status_code == 400


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("region-id", "cn-hangzhou"),
        ("zone-id", "cn-hangzhou-h"),
        ("owner-account-id", "1111111111111111"),
        ("instance-id", "i-bp10000000000000test"),
        ("ram/security-credentials/", "KubernetesWorkerRole-test"),
    ],
)
def test_the_nodes_place(cloud: SimulatedCloud, path: str, value: str) -> None:
    assert ask(cloud, f"meta-data/{path}").text == value
    assert ask(cloud, f"meta-data/x{path}").status_code == 404


def test_the_session_is_renewed_before_it_ends(cloud: SimulatedCloud) -> None:
    def key() -> str:
        answer = ask(cloud, "meta-data/ram/security-credentials/KubernetesWorkerRole-test").json()
        assert set(answer) >= {"Code", "AccessKeyId", "AccessKeySecret", "SecurityToken", "Expiration", "LastUpdated"}
        return str(answer["AccessKeyId"])

    first = key()
    assert key() == first
    cloud.clock.offset = 21600 - 1700
    assert key() != first


def test_another_code(cloud: SimulatedCloud) -> None:
    cloud.world.node.credentials_code = "Failed"
    with pytest.raises(CredentialException):
        provider(cloud).get_credentials()


@pytest.mark.parametrize("key_bytes", [16, 24, 32])
@pytest.mark.parametrize("seconds", [3600, -5])
def test_the_managed_roles_secret(cloud: SimulatedCloud, key_bytes: int, seconds: int) -> None:
    secret = json.loads(cloud.make.managed_role_secret(seconds=seconds, key_bytes=key_bytes))
    keyring = secret["keyring"]
    assert len(keyring) == key_bytes
    session = cloud.sessions.find(_opened(secret["access.key.id"], keyring))
    assert session
    assert _opened(secret["access.key.secret"], keyring) == session.access_key_secret
    assert _opened(secret["security.token"], keyring) == session.security_token
    assert parse_iso(secret["expiration"]) == session.expiration
    assert (session.expiration > time.time()) == (seconds > 0)
    assert keyring in cloud.secrets()


def test_the_managed_roles_error(cloud: SimulatedCloud) -> None:
    secret = json.loads(cloud.make.managed_role_secret(error=("NoPermission", "role is not trusted")))
    error = {"roleName": "AliyunCSManagedAcrRole", "code": "NoPermission", "message": "role is not trusted"}
    assert secret["error"] == error
    assert "keyring" not in secret


def _opened(sealed: str, keyring: str) -> str:
    data = b64decode(sealed)
    decryptor = Cipher(algorithms.AES(keyring.encode()), modes.CBC(data[:16])).decryptor()
    padded = decryptor.update(data[16:]) + decryptor.finalize()
    assert set(padded[-padded[-1] :]) == {padded[-1]}
    return padded[: -padded[-1]].decode()
