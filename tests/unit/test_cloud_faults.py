"""Every fault as a client meets it."""

import socket
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from alibabacloud_cr20181201.models import GetAuthorizationTokenRequest
from alibabacloud_tea_openapi.exceptions import ClientException, ServerException, ThrottlingException

from tests.cloud import SimulatedCloud
from tests.cloud.clients import enterprise
from tests.cloud.default_world import ALPHA
from tests.cloud.faults import KINDS, Kind

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


def region(cloud: SimulatedCloud, timeout: float = 5) -> requests.Response:
    with requests.Session() as client:
        client.trust_env = False
        return client.get(f"http://{cloud.metadata_address}/latest/meta-data/region-id", timeout=timeout)


def raw(cloud: SimulatedCloud, seconds: float) -> bytes:
    """What the metadata service sends in that time."""
    host, _, port = cloud.metadata_address.rpartition(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(b"GET /latest/meta-data/region-id HTTP/1.1\r\nHost: x\r\n\r\n")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            connection.settimeout(max(0.01, end - time.monotonic()))
            try:
                data = connection.recv(4096)
            except TimeoutError:
                break
            if not data:
                return received + b"<end>"
            received += data
    return received


def test_server_errors_by_the_sdk(cloud: SimulatedCloud) -> None:
    cloud.faults.set("acr", "status", status=500, code="InternalError", count=1)
    with pytest.raises(ServerException) as error:
        token(cloud)
    assert (error.value.status_code, error.value.code) == (500, "InternalError")
    assert cloud.calls.of("acr")[-1].code == "fault:status"
    assert token(cloud).is_success is True


def test_throttling_by_the_sdk(cloud: SimulatedCloud) -> None:
    cloud.faults.set("acr", "throttle", count=1)
    with pytest.raises(ClientException) as plain:
        token(cloud)
    assert (plain.value.status_code, plain.value.code) == (400, "Throttling.User")
    cloud.faults.set("acr", "throttle", retry_after=1500, count=1)
    with pytest.raises(ThrottlingException) as told:
        token(cloud)
    assert told.value.retry_after == 1500


def test_limit_throttles_what_exceeds_the_rate(cloud: SimulatedCloud) -> None:
    cloud.faults.set("metadata", "limit", per_second=2)
    assert [region(cloud).status_code for _ in range(4)] == [200, 200, 400, 400]
    statuses = []
    end = time.monotonic() + 3
    while time.monotonic() < end and 200 not in statuses:
        statuses.append(region(cloud).status_code)
    assert statuses[0] == 400
    assert statuses[-1] == 200


@pytest.mark.parametrize(("kind", "issued"), [("drop", 0), ("drop-after", 1), ("half", 1), ("torn", 1)])
def test_broken_answers(cloud: SimulatedCloud, kind: Kind, issued: int) -> None:
    cloud.faults.set("acr", kind)
    before = len(cloud.secrets())
    with pytest.raises(Exception) as error:
        token(cloud)
    assert not isinstance(error.value, ClientException)
    grown = len(cloud.secrets()) - before
    # The session has two secrets, one of them also percent-encoded; the authorization token has more.
    assert (grown > 3) is bool(issued)


def test_half_is_less_than_announced(cloud: SimulatedCloud) -> None:
    cloud.faults.set("metadata", "half")
    assert b"Content-Length: 11\r\n" in raw(cloud, 2)
    assert raw(cloud, 2).endswith(b"\r\n\r\ncn-ha<end>")
    cloud.faults.clear()
    cloud.faults.set("metadata", "torn")
    assert raw(cloud, 0.3).endswith(b"Content-Length: 7\r\n\r\ncn-hang")


@pytest.mark.parametrize(("kind", "part"), [("drip", b"\r\n\r\n  "), ("drip-headers", b"X-Drip: xx")])
def test_drip_never_ends(cloud: SimulatedCloud, kind: Kind, part: bytes) -> None:
    cloud.faults.set("metadata", kind)
    received = raw(cloud, 1.2)
    assert part in received
    assert not received.endswith(b"<end>")


def test_hang_sends_nothing(cloud: SimulatedCloud) -> None:
    cloud.faults.set("metadata", "hang")
    assert raw(cloud, 0.5) == b""


@pytest.mark.parametrize(
    ("kind", "options", "status", "body"),
    [
        ("not-json", {}, 200, "<upstream"),
        ("html", {}, 502, "<html>"),
        ("empty", {}, 200, ""),
        ("empty", {"status": 502}, 502, ""),
        ("huge", {"size": 2 << 20}, 200, '{"RequestId":"AAAA'),
    ],
)
def test_other_answers(cloud: SimulatedCloud, kind: Kind, options: dict[str, Any], status: int, body: str) -> None:
    cloud.faults.set("metadata", kind, **options)
    answer = region(cloud)
    assert answer.status_code == status
    assert answer.text.startswith(body)
    assert len(answer.content) > options.get("size", -1)


def test_latency_and_a_wrong_date(cloud: SimulatedCloud) -> None:
    cloud.faults.set("metadata", "slow", latency=0.4, date_offset=-5000)
    begun = time.monotonic()
    date = parsedate_to_datetime(region(cloud).headers["Date"]).timestamp()
    assert time.monotonic() - begun >= 0.4
    assert abs(date - time.time() + 5000) < 5
    cloud.faults.clear("metadata")
    cloud.clock.offset = 5000
    assert abs(parsedate_to_datetime(region(cloud).headers["Date"]).timestamp() - time.time() - 5000) < 5


def test_a_redirect_is_noted_where_it_leads(cloud: SimulatedCloud) -> None:
    cloud.faults.set("metadata", "redirect")
    host = cloud.metadata_address
    with requests.Session() as client:
        client.trust_env = False
        client.get(f"http://{host}/latest/meta-data/region-id", headers={"X-Came": "along"}, timeout=20)
    assert [(one.url, one.headers["x-came"]) for one in cloud.trapped] == [(cloud.trap_url, "along")]
    cloud.faults.set("acr", "redirect", location="https://evil.example.com/", status=307)
    with pytest.raises(Exception):  # noqa: B017 what the SDK raises is the SDK's affair
        token(cloud)
    hit = cloud.trapped[-1]
    assert (hit.url.partition("?")[0], hit.method) == ("https://evil.example.com/", "POST")
    assert hit.headers["host"] == "cr.cn-hangzhou.aliyuncs.com"
    assert hit.headers["x-acs-security-token"] in cloud.secrets()


def test_faults_are_for_hosts_actions_and_times(cloud: SimulatedCloud) -> None:
    fault = cloud.faults.set("registry", "status", host="*-registry-vpc.*", action="GET /v2/", count=1)
    assert get(cloud, f"https://{HOST}/v2/").status_code == 401
    vpc = f"https://{HOST.replace('-registry', '-registry-vpc')}"
    assert get(cloud, f"{vpc}/v2/team/app/manifests/v1").status_code == 401
    assert get(cloud, f"{vpc}/v2/").status_code == 503
    assert get(cloud, f"{vpc}/v2/").status_code == 401
    assert fault.met == 1


@pytest.mark.parametrize("kind", KINDS)
def test_no_fault_holds_up_the_end(tmp_path: Path, kind: Kind) -> None:
    with SimulatedCloud(tmp_path) as cloud:
        cloud.faults.set("metadata", kind, latency=0.01)
        raw(cloud, 0.1)
        begun = time.monotonic()
    assert time.monotonic() - begun < 10


def test_unknown_faults_are_errors(cloud: SimulatedCloud) -> None:
    with pytest.raises(ValueError, match="no fault"):
        cloud.faults.set("acr", "boom")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        cloud.faults.set("acr", "slow", latence=3)
