"""A node whose clock is wrong: told so where that is what fails, and right in its times where nothing fails."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from tests.integration.node import ALPHA, BUSY_SECONDS, PERSONAL, Node
from tests.integration.test_identities import ALPHA_ID, PARTNER, PARTNER_ID, PULL_ROLE, instances, managed_role, rrsa

MINUTE = 60


def by_worker_role(node: Node) -> str:
    return ALPHA


def by_rrsa(node: Node) -> str:
    rrsa(node)
    return ALPHA


def by_assumed_role(node: Node) -> str:
    node.configure(instances({"instanceId": PARTNER_ID, "assumeRoleARN": PULL_ROLE}))
    return PARTNER


def by_managed_role(node: Node) -> str:
    managed_role(node)
    return ALPHA


def to_personal(node: Node) -> str:
    node.configure(instances({"instanceId": ""}))
    return PERSONAL


Prepare = Callable[[Node], str]
CHAINS: list[Prepare] = [by_worker_role, by_rrsa, by_assumed_role, to_personal]


@pytest.mark.parametrize("prepare", CHAINS)
@pytest.mark.parametrize(
    ("minutes", "said"),
    [(20, "20 minutes behind"), (-20, "20 minutes ahead of"), (120, "120 minutes behind"), (-120, "120 minutes ahead")],
)
def test_a_clock_that_the_cloud_refuses_is_named(minutes: int, said: str, prepare: Prepare, node: Node) -> None:
    node.cloud.clock.offset = minutes * MINUTE
    host = prepare(node)
    refusal = node.request(f"{host}/team/app").refusal
    assert f"this node's clock is {said}" in refusal
    assert "set it right" in refusal
    assert "Code " in refusal


@pytest.mark.parametrize(
    ("minutes", "said"), [(120, "is 120 minutes behind the cloud's"), (-120, "is the clock right?")]
)
def test_a_managed_role_under_a_wrong_clock_points_at_the_clock(minutes: int, said: str, node: Node) -> None:
    node.cloud.clock.offset = minutes * MINUTE
    by_managed_role(node)
    assert said in node.request(f"{ALPHA}/team/app").refusal


def test_a_session_that_seems_over_names_the_clock(node: Node) -> None:
    node.cloud.clock.offset = -7 * 60 * MINUTE
    refusal = node.request(f"{ALPHA}/team/app").refusal
    assert "this node's clock is 420 minutes ahead of the cloud's" in refusal


@pytest.mark.parametrize("prepare", [*CHAINS, by_managed_role])
@pytest.mark.parametrize("minutes", [5, -5])
def test_a_clock_that_the_cloud_bears_with_is_warned_of_and_reckoned_with(
    minutes: int, prepare: Prepare, node: Node
) -> None:
    node.cloud.clock.offset = minutes * MINUTE
    node.cloud.world.authorization_token_seconds = 3600
    host = prepare(node)
    result = node.run(["get", f"{host}/team/app"])
    assert result.status == 0, result.stderr
    direction = "behind" if minutes > 0 else "ahead of"
    warnings = [line for line in result.stderr.splitlines() if "clock" in line]
    assert len(warnings) == 1
    assert any(f"{seconds} s {direction} the cloud's" in warnings[0] for seconds in range(297, 304)), warnings
    seconds = node.request(f"{host}/team/app").cache_seconds
    assert 3600 - 900 - 75 <= seconds <= 3600 - 900


def test_a_right_clock_is_not_spoken_of(node: Node) -> None:
    node.cloud.clock.offset = 20
    assert node.run(["get", f"{ALPHA}/team/app"]).stderr == ""


@pytest.fixture
def expired(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a TLS server whose certificate has expired, and the file of its authority."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", not_after=datetime.now(UTC) - timedelta(days=1)).configure_cert(context)
    file = tmp_path / "expired-ca.pem"
    authority.cert_pem.write_to_path(str(file))
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(5)
                    try:
                        context.wrap_socket(connection, server_side=True).close()
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}", file
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def test_a_certificate_that_seems_expired_points_at_the_clock(expired: tuple[str, Path], node: Node) -> None:
    address, authority = expired
    node.local(f"endpoints:\n  metadata: {node.cloud.metadata_address}\n  acr: {address}\nca-file: {authority}\n")
    node.configure(instances({"instanceId": ALPHA_ID, "regionId": "cn-hangzhou", "domains": ALPHA}))
    started = time.monotonic()
    refusal = node.request(f"{ALPHA}/team/app").refusal
    assert "127.0.0.1 has a certificate that this node does not accept (it has expired)" in refusal
    assert "clock" in refusal
    assert "ca-file" not in refusal
    assert time.monotonic() - started < BUSY_SECONDS
