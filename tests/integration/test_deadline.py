"""The whole ends in time, whatever a server does, and says in one line what it waited for.

These take as long as the deadline itself, so they all run at once.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from provider.answers import decode
from provider.store import Store
from tests.cloud.faults import ServiceName
from tests.integration import network, network_scenarios
from tests.integration.leaks import no_part_of_a_secret_in
from tests.integration.many import at_once
from tests.integration.node import ALPHA, BUSY_SECONDS, Node
from tests.integration.test_failures import CR, STS, to_acr, to_registry, to_sts

IMAGE = f"{ALPHA}/team/app"
DEADLINE = 45.0

Faults = dict[ServiceName, tuple[str, dict[str, Any]]]


class Endless(NamedTuple):
    """What never ends, and what the one line must name."""

    prepare: Callable[[Node], str]
    faults: Faults
    named: tuple[str, ...]
    at_least: float = 0.0
    """Seconds that are worth waiting for the service."""
    command: str = ""
    """Empty: the plugin."""


def nothing(node: Node) -> str:
    return IMAGE


ENDLESS = {
    "ACR drips": Endless(to_acr, {"acr": ("drip", {})}, CR[:1], 20),
    "ACR drips headers": Endless(to_acr, {"acr": ("drip-headers", {})}, CR[:1], 20),
    "ACR hangs": Endless(to_acr, {"acr": ("hang", {})}, CR[:1], 20),
    "ACR throttles": Endless(to_acr, {"acr": ("throttle", {})}, (CR[0], "Throttling.User"), 40),
    "ACR throttles and names a time": Endless(to_acr, {"acr": ("throttle", {"retry_after": 4000})}, CR[:1], 30),
    "STS drips": Endless(to_sts, {"sts": ("drip", {})}, STS[:1], 20),
    "STS drips headers": Endless(to_sts, {"sts": ("drip-headers", {})}, STS[:1], 20),
    "STS hangs": Endless(to_sts, {"sts": ("hang", {})}, STS[:1], 20),
    "metadata service drips": Endless(nothing, {"metadata": ("drip", {})}, ("the ECS metadata service",)),
    "metadata service drips headers": Endless(nothing, {"metadata": ("drip-headers", {})}, ("the ECS metadata",)),
    "metadata service hangs": Endless(nothing, {"metadata": ("hang", {})}, ("the ECS metadata service",)),
    "registry drips": Endless(to_registry, {"registry": ("drip", {})}, (ALPHA,)),
    "registry drips headers": Endless(to_registry, {"registry": ("drip-headers", {})}, (ALPHA,)),
    "proxy hangs": Endless(nothing, {"proxy": ("hang", {})}, (ALPHA, "through the proxy 127.0.0.1:")),
    "proxy drips": Endless(to_acr, {"proxy": ("drip-headers", {})}, CR[:1], 20),
    "get, ACR hangs": Endless(to_acr, {"acr": ("hang", {})}, CR[:1], 20, "get"),
    "everything drips": Endless(
        nothing, {service: ("drip", {}) for service in ("metadata", "registry", "acr")}, (ALPHA,)
    ),
}


def check_that_it_ends(node: Node, row: Endless) -> None:
    image = row.prepare(node)
    for service, (kind, options) in row.faults.items():
        node.cloud.faults.set(service, kind, **options)  # type: ignore[arg-type]
    result = node.run([row.command, image]) if row.command else node.request(image)
    assert result.status == 1
    assert all(name in result.refusal for name in row.named), result.refusal
    assert row.at_least < result.seconds < DEADLINE + BUSY_SECONDS, result.seconds
    no_part_of_a_secret_in(node, result.refusal)


@pytest.fixture(scope="module")
def silent_names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """The scenario of that name, which runs beside the other tests."""
    with network.start(network_scenarios.silent_names, tmp_path_factory.mktemp("silent") / "names") as started:
        yield started
        started.kill()


@pytest.mark.usefixtures("silent_names")
def test_all_of_it_ends_within_the_deadline(tmp_path: Path) -> None:
    assert at_once(tmp_path, ENDLESS, check_that_it_ends, together=len(ENDLESS)) == {}


def test_a_silent_dns_server_does_not_hold_the_process(silent_names: subprocess.Popen[str]) -> None:
    network.finish(silent_names, DEADLINE + 20)


def age(node: Node) -> None:
    """Make the kept answer due for renewal; its token is good for ten minutes more."""
    kept = decode((node.state / "answers" / f"{ALPHA}.json").read_bytes(), ALPHA)
    assert kept is not None
    now = int(time.time())
    kept.written, kept.renew, kept.end = now - 3000, now - 10, now + 600
    assert Store(str(node.state / "answers")).write_answer(kept)


OUTAGES: dict[str, Faults] = {
    "ACR drips": {"acr": ("drip", {})},
    "ACR drips headers": {"acr": ("drip-headers", {})},
    "ACR hangs": {"acr": ("hang", {})},
    "ACR throttles": {"acr": ("throttle", {})},
    "metadata service drips": {"metadata": ("drip", {})},
    "proxy hangs": {"proxy": ("hang", {})},
    "proxy drips": {"proxy": ("drip-headers", {})},
    "everything hangs": {service: ("hang", {}) for service in ("metadata", "acr", "proxy")},
}


def check_the_old_token(node: Node, faults: Faults) -> None:
    first = node.request(IMAGE)
    age(node)
    for service, (kind, options) in faults.items():
        node.cloud.faults.set(service, kind, **options)  # type: ignore[arg-type]
    result = node.request(IMAGE)
    assert result.auth == first.auth
    assert 0 < result.cache_seconds <= 60
    assert result.stderr == ""
    assert result.seconds < 5 + BUSY_SECONDS, result.seconds


def test_an_old_token_that_is_still_good_comes_after_five_seconds(tmp_path: Path) -> None:
    assert at_once(tmp_path, OUTAGES, check_the_old_token, together=4) == {}


def test_an_old_token_comes_as_soon_while_dns_is_silent(tmp_path: Path) -> None:
    network.run(network_scenarios.silent_names_with_an_old_token, tmp_path / "network")


def test_who_waits_for_another_waits_no_longer_than_that_one(node: Node) -> None:
    """One asks the cloud, the others wait for its lock, and what it gets is theirs."""
    image = to_acr(node)
    node.cloud.faults.set("acr", "hang", count=1)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(node.request, [image] * 4))
    assert len({result.auth[ALPHA]["password"] for result in results}) == 1
    assert max(result.seconds for result in results) < 15
    assert len(node.cloud.calls.of("acr", "GetAuthorizationToken")) == 2
