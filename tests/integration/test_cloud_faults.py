"""The cloud package on bad days: faults of every service, proxies, trust, and time."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from requests import PreparedRequest

from provider.cloud.cloud import Cloud
from provider.config.values import Endpoints, Local
from provider.deadline import Deadline
from provider.environment import Environment
from provider.errors import ConfigurationError, ProviderError, Unreachable
from tests.cloud import SimulatedCloud
from tests.cloud.default_world import (
    ALPHA,
    CROSS_ACCOUNT_ROLE,
    REGION,
    RRSA_ROLE,
)
from tests.cloud.faults import Kind, ServiceName
from tests.integration.cloud_package import ALPHA_HOST, reach, role, simulation, token, worker
from tests.integration.node import BUSY_SECONDS

pytestmark = pytest.mark.source


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[SimulatedCloud]:
    with simulation(tmp_path / "cloud") as cloud:
        yield cloud


SILENT = "did not answer in time"

FAULTS: list[tuple[ServiceName, Kind, dict[str, Any], str]] = [
    ("acr", "status", {}, "failure of its own"),
    ("acr", "throttle", {}, "too many requests"),
    ("acr", "throttle", {"retry_after": 9000}, "too many requests"),
    ("acr", "drop", {}, "broke the connection off"),
    ("acr", "hang", {}, SILENT),
    ("acr", "half", {}, "broke the connection off"),
    ("acr", "torn", {}, "cannot be understood"),
    ("acr", "drip", {}, SILENT),
    ("acr", "drip-headers", {}, SILENT),
    ("acr", "not-json", {}, "cannot be understood"),
    ("acr", "html", {}, "failure of its own"),
    ("acr", "empty", {}, "cannot be understood"),
    ("acr", "huge", {}, "more than 1 MiB"),
    ("acr", "redirect", {}, "a redirect, which is not followed"),
    ("proxy", "status", {"status": 407}, "the proxy refused with HTTP 407"),
    ("proxy", "hang", {}, SILENT),
    ("proxy", "drip-headers", {}, SILENT),
    ("metadata", "status", {}, "failure of its own"),
    ("metadata", "drop", {}, "broke the connection off"),
    ("metadata", "hang", {}, SILENT),
    ("metadata", "drip", {}, SILENT),
    ("metadata", "half", {"action": "*"}, "broke the connection off"),
    ("metadata", "not-json", {}, "no usable"),
    ("metadata", "huge", {}, "more than 1 MiB"),
    ("metadata", "redirect", {}, "a redirect, which is not followed"),
    ("sts", "torn", {}, "cannot be understood"),
    ("sts", "drop", {}, "broke the connection off"),
]


@pytest.mark.parametrize(
    ("service", "kind", "options", "said"), FAULTS, ids=[f"{row[0]}-{row[1]}-{row[2] or ''}" for row in FAULTS]
)
def test_faults_end_in_time_and_tell_no_secret(
    simulated: SimulatedCloud,
    capfd: pytest.CaptureFixture[str],
    service: ServiceName,
    kind: Kind,
    options: dict[str, Any],
    said: str,
) -> None:
    jwt = simulated.make.service_account_token()
    provider = simulated.world.oidc_providers[0].arn
    cloud = reach(simulated, seconds=0.8 if said == SILENT else 3)
    if service != "metadata":
        cloud.metadata.region()
    simulated.faults.set(service, kind, **options)
    began = time.monotonic()
    with pytest.raises(Unreachable, match=said) as raised:
        match service:
            case "metadata":
                cloud.metadata.worker_role_session()
            case "sts":
                cloud.sts.assume_role_with_oidc(role(simulated, RRSA_ROLE), provider, jwt)
            case _:
                token(simulated, cloud)
    assert time.monotonic() - began < BUSY_SECONDS
    assert simulated.trapped == []
    output = "".join([str(raised.value), repr(raised.value), *capfd.readouterr()])
    assert not [secret for secret in simulated.secrets() if secret in output]
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("service", "kind"), [("acr", "status"), ("acr", "drop"), ("acr", "throttle"), ("acr", "torn")]
)
def test_a_passing_fault_is_overcome(simulated: SimulatedCloud, service: ServiceName, kind: Kind) -> None:
    simulated.faults.set(service, kind, count=2)
    assert token(simulated, reach(simulated))


def test_the_public_endpoint_stands_in_for_the_vpc_and_is_remembered(simulated: SimulatedCloud) -> None:
    simulated.proxy.refused_hosts.add(f"cr-vpc.{REGION}.aliyuncs.com")
    cloud = reach(simulated)
    for _ in range(2):
        token(simulated, cloud)
    assert [call.host for call in simulated.calls.of("acr")] == [f"cr.{REGION}.aliyuncs.com"] * 2


def test_a_silent_vpc_endpoint_leaves_time_for_the_public_one(simulated: SimulatedCloud) -> None:
    simulated.faults.set("acr", "drip-headers", host="cr-vpc.*")
    began = time.monotonic()
    assert token(simulated, reach(simulated))
    assert time.monotonic() - began < 8 + BUSY_SECONDS


def test_an_inspecting_proxy_needs_its_authority(simulated: SimulatedCloud) -> None:
    simulated.proxy.inspecting = True
    with pytest.raises(Unreachable, match=rf"cr-vpc\.{REGION}\.aliyuncs\.com has a certificate .* ca-file in local"):
        token(simulated, reach(simulated))
    assert token(simulated, reach(simulated, ca_file=str(simulated.inspection_ca_file)))


def through_tls(simulated: SimulatedCloud, seconds: float) -> Cloud:
    """A cloud whose proxy is itself spoken to by TLS."""
    environment = Environment(https_proxy=simulated.secure_proxy_url, ssl_cert_file=str(simulated.ca_file))
    return Cloud(environment, Local(Endpoints(metadata=simulated.metadata_address)), Deadline(seconds))


def test_a_proxy_behind_tls_serves_as_well(simulated: SimulatedCloud) -> None:
    cloud = through_tls(simulated, 45)
    assert token(simulated, cloud)
    assert len(simulated.calls.of("proxy", "CONNECT")) == 1
    cloud.registry.challenge(ALPHA_HOST)


@pytest.mark.parametrize("service", ["acr", "proxy"])
@pytest.mark.parametrize("kind", ["drip", "drip-headers", "hang"])
def test_a_drip_behind_a_proxy_with_tls_ends_in_time(
    simulated: SimulatedCloud, service: ServiceName, kind: Kind
) -> None:
    cloud = through_tls(simulated, 0.8)
    cloud.metadata.region()
    simulated.faults.set(service, kind)
    began = time.monotonic()
    with pytest.raises(Unreachable):
        token(simulated, cloud)
    assert time.monotonic() - began < BUSY_SECONDS


def test_a_wrong_ca_file_is_a_configuration_error(simulated: SimulatedCloud, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.pem"):
        token(simulated, reach(simulated, ca_file=str(tmp_path / "absent.pem")))


def test_the_metadata_service_is_never_asked_through_a_proxy(simulated: SimulatedCloud) -> None:
    simulated.faults.set("proxy", "status")
    assert reach(simulated).metadata.account() == simulated.world.node.account


def test_endpoints_of_local_yaml_are_used_as_they_are(simulated: SimulatedCloud) -> None:
    simulated.faults.set("proxy", "status")
    cloud = reach(simulated, acr=simulated.https_address, sts=simulated.https_address, metadata="127.0.0.1:1")
    assert token(simulated, cloud)
    assert cloud.sts.assume_role(worker(simulated), role(simulated, CROSS_ACCOUNT_ROLE)).security_token


def test_nothing_but_metadata_goes_without_tls(simulated: SimulatedCloud) -> None:
    transport = reach(simulated).transport
    with pytest.raises(OSError, match=r"cr\.cn-hangzhou\.aliyuncs\.com may not be asked without TLS"):
        transport.request("GET", "http://cr.cn-hangzhou.aliyuncs.com/")
    assert simulated.trapped == []


def test_a_refused_connection_fails_in_a_few_seconds(simulated: SimulatedCloud) -> None:
    began = time.monotonic()
    with pytest.raises(Unreachable, match="cannot be connected to"):
        reach(simulated, metadata="127.0.0.1:1").metadata.region()
    assert time.monotonic() - began < BUSY_SECONDS


def test_connections_are_kept_for_the_next_call(simulated: SimulatedCloud) -> None:
    cloud = reach(simulated)
    session = cloud.metadata.worker_role_session()
    for _ in range(3):
        cloud.enterprise.authorization_token(session, REGION, ALPHA)
    adapter: Any = cloud.transport.adapter
    pools = [pool for manager in adapter.proxy_manager.values() for pool in manager.pools._container.values()]
    assert [(pool.num_connections, pool.num_requests) for pool in pools] == [(1, 3)]


def test_no_caller_switches_checking_off(simulated: SimulatedCloud) -> None:
    simulated.untrusted_hosts.add(ALPHA_HOST)
    transport = reach(simulated).transport
    request = PreparedRequest()
    request.prepare(method="GET", url=f"https://{ALPHA_HOST}/v2/")
    with pytest.raises(OSError, match="has a certificate that this node does not accept"):
        transport.adapter.send(request, verify=False)


def test_only_the_nodes_authorities_are_trusted(simulated: SimulatedCloud) -> None:
    cloud = reach(simulated)
    token(simulated, cloud)
    cloud.registry.challenge(ALPHA_HOST)
    adapter: Any = cloud.transport.adapter
    assert len(adapter._trust.get_ca_certs()) == 1


def test_a_certificate_for_nobody_is_refused(simulated: SimulatedCloud) -> None:
    simulated.untrusted_hosts.add(ALPHA_HOST)
    with pytest.raises(ProviderError, match=f"{ALPHA_HOST} has a certificate that this node does not accept"):
        reach(simulated).registry.challenge(ALPHA_HOST)
