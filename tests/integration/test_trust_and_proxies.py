"""Trust and proxies: what the SDKs get wrong, with the whole program and real TLS."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration import network, network_scenarios
from tests.integration.node import ALPHA, Node
from tests.integration.test_identities import ALPHA_ID, instances
from tests.integration.trust import WAYS, by_local_file

IMAGE = f"{ALPHA}/team/app"
Trust = Callable[[Node, Path], None]


def without_trust(node: Node) -> None:
    del node.environment["SSL_CERT_FILE"]


@pytest.mark.parametrize("trust", WAYS.values(), ids=WAYS.keys())
def test_an_inspecting_proxy_works_once_its_authority_is_named(trust: Trust, node: Node) -> None:
    node.cloud.proxy.inspecting = True
    without_trust(node)
    trust(node, node.cloud.inspection_ca_file)
    result = node.request(IMAGE)
    assert list(result.auth) == [ALPHA]
    assert {call.host for call in node.cloud.calls.of("acr")} == {"cr-vpc.cn-hangzhou.aliyuncs.com"}


@pytest.mark.parametrize("trust", WAYS.values(), ids=WAYS.keys())
def test_a_proxy_that_does_not_inspect_works_with_the_clouds_own_authority(trust: Trust, node: Node) -> None:
    without_trust(node)
    trust(node, node.cloud.ca_file)
    assert node.login(node.request(IMAGE), ALPHA) == 200


@pytest.mark.parametrize("trust", WAYS.values(), ids=WAYS.keys())
def test_an_inspecting_proxy_whose_authority_nobody_named_gets_nothing(trust: Trust, node: Node) -> None:
    node.cloud.proxy.inspecting = True
    without_trust(node)
    trust(node, node.cloud.ca_file)
    refusal = node.request(IMAGE).refusal
    assert f"{ALPHA} has a certificate that this node does not accept" in refusal
    assert f"through the proxy {node.cloud.proxy.address}" in refusal
    assert "ca-file in local.yaml" in refusal
    assert {call.service for call in node.cloud.calls} <= {"metadata", "proxy"}


def test_a_ca_file_comes_in_addition(node: Node) -> None:
    """The cloud behind an inspecting proxy, and some hosts past it: both authorities count."""
    by_local_file(node, node.cloud.inspection_ca_file)
    for inspecting in (True, False):
        node.cloud.proxy.inspecting = inspecting
        for path in (node.state / "answers").glob("*"):
            path.unlink()
        assert node.request(IMAGE).auth


@pytest.mark.parametrize("setting", ["SSL_CERT_FILE", "SSL_CERT_DIR", "ca-file"])
def test_an_authority_that_is_missing_is_named_with_its_setting(setting: str, node: Node) -> None:
    absent = str(node.directory / "absent.pem")
    if setting == "ca-file":
        by_local_file(node, Path(absent))
    else:
        without_trust(node)
        node.environment[setting] = absent
    result = node.request(IMAGE)
    assert result.status == 2
    assert absent in result.refusal
    assert setting in result.refusal
    assert "acr-registry-info" not in result.refusal


@pytest.mark.parametrize("bundle", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_libraries_own_variables_give_no_trust(bundle: str, node: Node) -> None:
    node.cloud.proxy.inspecting = True
    node.environment[bundle] = str(node.cloud.inspection_ca_file)
    assert "certificate that this node does not accept" in node.request(IMAGE).refusal


def test_a_host_with_a_certificate_from_nobody_gets_no_token(node: Node) -> None:
    node.cloud.untrusted_hosts |= {"cr-vpc.cn-hangzhou.aliyuncs.com", "cr.cn-hangzhou.aliyuncs.com"}
    refusal = node.request(IMAGE).refusal
    assert "cr-vpc.cn-hangzhou.aliyuncs.com has a certificate" in refusal
    assert "cr.cn-hangzhou.aliyuncs.com has a certificate" in refusal
    assert node.cloud.calls.of("acr") == []


def test_a_proxy_with_a_password_is_used_and_the_password_is_not_shown(node: Node) -> None:
    password = "a-proxys-secret-word"
    address = node.cloud.proxy.address
    node.environment["HTTPS_PROXY"] = f"http://user:{password}@{address}"
    assert node.request(IMAGE).auth
    for path in (node.state / "answers").glob("*"):
        path.unlink()
    node.cloud.faults.set("proxy", "status", status=407)
    refusal = node.request(IMAGE).refusal
    assert address in refusal
    assert "407" in refusal
    assert password not in refusal


@pytest.mark.parametrize("configured", [False, True], ids=["the registry is asked first", "an SDK is used first"])
@pytest.mark.parametrize("url", ["socks5://127.0.0.1:1080", "http:///", "ftp://proxy.example:21", "http://proxy:port"])
def test_a_proxy_that_is_none_is_named_and_not_quoted(url: str, configured: bool, node: Node) -> None:
    if configured:
        node.configure(instances({"instanceId": ALPHA_ID, "regionId": "cn-hangzhou", "domains": ALPHA}))
    node.environment["HTTPS_PROXY"] = url
    result = node.request(IMAGE)
    assert result.status == 2
    assert "HTTPS_PROXY" in result.refusal
    assert url not in result.refusal


SCENARIOS = {
    "direct": network_scenarios.direct,
    "direct trust": network_scenarios.direct_trust,
    "NO_PROXY": network_scenarios.no_proxy,
    "NO_PROXY with addresses": network_scenarios.no_proxy_addresses,
    "HTTP_PROXY": network_scenarios.http_proxy,
    "DNS is the proxy's": network_scenarios.proxy_resolves,
    "nobody there": network_scenarios.nowhere,
}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_with_real_names_and_ports(scenario: network.Scenario, tmp_path: Path) -> None:
    network.run(scenario, tmp_path / "network")
