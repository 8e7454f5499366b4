"""Probes and metrics over real HTTP."""

import http.client
import socket
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter

from provider.errors import ConfigurationError, ProviderError
from provider.kubernetes.probes import MOST_REQUESTS, Health, Server, address_of, serve


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Site:
    def __init__(self, address: str = "127.0.0.1") -> None:
        self.clock = Clock()
        self.health = Health(60, self.clock)
        self.registry = CollectorRegistry()
        self.address = address
        self.server: Server = serve(address, 0, self.health, self.registry)

    def get(self, path: str, method: str = "GET") -> tuple[int, str]:
        connection = http.client.HTTPConnection(self.address, self.server.port, timeout=10)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.close()


def test_it_is_alive_while_the_loop_goes_on(site: Site) -> None:
    assert site.get("/healthz") == (200, "ok\n")
    site.clock.now += 61
    assert site.get("/healthz") == (503, "no round for 61 s\n")
    site.health.beat()
    assert site.get("/healthz") == (200, "ok\n")


def test_it_is_ready_when_it_says_so(site: Site) -> None:
    assert site.get("/readyz") == (503, "has only just begun\n")
    site.health.ready()
    assert site.get("/readyz?verbose") == (200, "ok\n")
    site.health.not_ready("line 3: wrong\nline 5: wrong")
    assert site.get("/readyz") == (503, "line 3: wrong\nline 5: wrong\n")
    assert site.get("/healthz")[0] == 200


def test_what_hangs_is_not_ready_either(site: Site) -> None:
    site.health.ready()
    site.clock.now += 61
    assert site.get("/readyz")[0] == 503


def test_metrics_are_those_of_the_registry(site: Site) -> None:
    Counter("writes", "What was written.", registry=site.registry).inc(3)
    status, text = site.get("/metrics")
    assert status == 200
    assert "writes_total 3.0" in text


@pytest.mark.parametrize(("path", "method", "status"), [("/", "GET", 404), ("/healthz", "POST", 501)])
def test_nothing_else_is_answered(site: Site, path: str, method: str, status: int) -> None:
    assert site.get(path, method)[0] == status


def test_those_who_say_nothing_do_not_hold_up_the_others(site: Site) -> None:
    silent = [socket.create_connection(("127.0.0.1", site.server.port)) for _ in range(MOST_REQUESTS - 1)]
    try:
        assert site.get("/healthz")[0] == 200
    finally:
        for each in silent:
            each.close()


def test_more_than_it_takes_at_once_are_turned_away(site: Site) -> None:
    silent = [socket.create_connection(("127.0.0.1", site.server.port)) for _ in range(MOST_REQUESTS)]
    try:
        with pytest.raises((http.client.HTTPException, OSError)):
            site.get("/healthz")
    finally:
        for each in silent:
            each.close()


def test_who_was_answered_makes_room_for_others(site: Site) -> None:
    assert {site.get("/healthz")[0] for _ in range(MOST_REQUESTS + 2)} == {200}


def test_it_answers_on_ipv6() -> None:
    site = Site("::1")
    try:
        assert site.get("/healthz")[0] == 200
    finally:
        site.server.close()


def test_an_address_that_is_taken_is_named(site: Site) -> None:
    with pytest.raises(
        ProviderError, match=f"cannot listen on 127.0.0.1 port {site.server.port}: Address already in use"
    ):
        serve("127.0.0.1", site.server.port, site.health, site.registry)


def test_it_answers_no_longer_when_closed(site: Site) -> None:
    made = Site()
    made.server.close()
    with pytest.raises(OSError, match="refused"):
        made.get("/healthz")


@pytest.mark.parametrize(
    ("listen", "address"),
    [("127.0.0.1:10358", ("127.0.0.1", 10358)), ("[::1]:80", ("::1", 80)), ("0.0.0.0:0", ("0.0.0.0", 0))],
)
def test_addresses_are_read(listen: str, address: tuple[str, int]) -> None:
    assert address_of(listen) == address


@pytest.mark.parametrize("listen", ["", "10358", ":10358", "localhost", "127.0.0.1:http", "127.0.0.1:65536"])
def test_what_is_no_address_is_refused(listen: str) -> None:
    with pytest.raises(ConfigurationError, match="right form"):
        address_of(listen)
