"""The proxy, TLS trust, the trap, and what is recorded."""

import http.client
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from alibabacloud_cr20181201.models import GetAuthorizationTokenRequest

from tests.cloud import SimulatedCloud
from tests.cloud.clients import enterprise
from tests.cloud.default_world import ALPHA, CUSTOM_DOMAIN

HOST = "alpha-registry.cn-hangzhou.cr.aliyuncs.com"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[SimulatedCloud]:
    with SimulatedCloud(tmp_path) as cloud:
        yield cloud


def token(cloud: SimulatedCloud) -> Any:
    role = cloud.world.role("KubernetesWorkerRole-test")
    assert role
    session = cloud.sessions.issue(role, "test", 3600)
    key = (session.access_key_id, session.access_key_secret, session.security_token)
    return enterprise(cloud, key).get_authorization_token(GetAuthorizationTokenRequest(instance_id=ALPHA)).body


def get(cloud: SimulatedCloud, url: str, timeout: float = 5, ca: Path | None = None) -> requests.Response:
    with requests.Session() as client:
        client.trust_env = False
        client.proxies = {"https": cloud.proxy_url, "http": cloud.proxy_url}
        client.verify = str(ca or cloud.ca_file)
        return client.get(url, timeout=timeout, allow_redirects=False, headers={"X-Came": "along"})


def test_the_proxy_refuses_hosts_and_ports(cloud: SimulatedCloud) -> None:
    cloud.proxy.refused_hosts.add(HOST)
    with pytest.raises(requests.exceptions.ProxyError):
        get(cloud, f"https://{HOST}/v2/")
    with pytest.raises(requests.exceptions.ProxyError):
        get(cloud, f"https://{CUSTOM_DOMAIN}:8443/v2/")
    assert [call.status for call in cloud.calls.of("proxy", "CONNECT")] == [502, 403]
    cloud.faults.set("proxy", "status", status=407)
    with pytest.raises(requests.exceptions.ProxyError):
        get(cloud, f"https://{CUSTOM_DOMAIN}/v2/")


def test_an_inspecting_proxy(cloud: SimulatedCloud) -> None:
    cloud.proxy.inspecting = True
    assert get(cloud, f"https://{HOST}/v2/", ca=cloud.inspection_ca_file).status_code == 401
    with pytest.raises(requests.exceptions.SSLError):
        get(cloud, f"https://{HOST}/v2/")


def test_plain_requests_through_the_proxy_are_noted(cloud: SimulatedCloud) -> None:
    assert get(cloud, "http://100.100.100.200/latest/meta-data/region-id").text == "cn-hangzhou"
    assert [(call.service, call.host) for call in cloud.calls] == [
        ("proxy", "100.100.100.200"),
        ("metadata", "100.100.100.200"),
    ]


def test_a_certificate_that_nobody_trusts(cloud: SimulatedCloud) -> None:
    cloud.untrusted_hosts.add(HOST)
    with pytest.raises(requests.exceptions.SSLError):
        get(cloud, f"https://{HOST}/v2/")
    assert get(cloud, f"https://{CUSTOM_DOMAIN}/v2/").status_code == 401


@pytest.mark.parametrize(
    "host", ["cr-vpc.oss-cn-hangzhou.aliyuncs.com", "registry.oss-cn-hangzhou.aliyuncs.com", "sts.x.example.com"]
)
def test_strangers_hosts_are_traps(cloud: SimulatedCloud, host: str) -> None:
    get(cloud, f"https://{host}/v2/?a=b")
    assert [one.url for one in cloud.trapped] == [f"https://{host}/v2/?a=b"]


def test_the_listener_answers_on_its_address_too(cloud: SimulatedCloud) -> None:
    context = ssl.create_default_context(cafile=str(cloud.ca_file))
    host, _, port = cloud.https_address.rpartition(":")
    connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=20)
    connection.request("POST", "/?Action=AssumeRole&Version=2015-04-01")
    answer = connection.getresponse()
    error = json.loads(answer.read())
    connection.close()
    assert (answer.status, error["Code"], error["HostId"]) == (400, "MissingParameter", "127.0.0.1")
    assert cloud.calls[-1].service == "sts"


def test_the_record_holds_no_secret(cloud: SimulatedCloud) -> None:
    body = token(cloud)
    get(cloud, f"https://dockerauth.cn-hangzhou.aliyuncs.com/auth?service={body.authorization_token}")
    text = repr(list(cloud.calls))
    assert "***" in text
    assert not [secret for secret in cloud.secrets() if secret in text]
    assert cloud.world.users[0].access_key_secret in cloud.secrets()
