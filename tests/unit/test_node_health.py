"""Waiting for a kubelet to be well: a real healthz, and processes as a test has them."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from provider.node.detect.found import Process
from provider.node.health import is_healthy, wait_until_healthy, words_of_the_kubelet


class Healthz(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name there
        return


@pytest.fixture
def url() -> Iterator[str]:
    Healthz.status = 200
    server = HTTPServer(("127.0.0.1", 0), Healthz)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/healthz"
    server.shutdown()
    thread.join()
    server.server_close()


def process(pid: int, age: float) -> Process:
    return Process(pid, time.time() - age, (), "/usr/bin/kubelet")


def test_healthz(url: str) -> None:
    assert is_healthy(url)
    assert is_healthy("")
    assert not is_healthy(url.replace("/healthz", "/other"))
    Healthz.status = 500
    assert not is_healthy(url)
    assert not is_healthy("http://127.0.0.1:1/healthz")


def test_a_kubelet_that_stays_and_says_so(url: str) -> None:
    mine = process(7, age=6)
    assert wait_until_healthy(lambda: mine, url, None, seconds=2) == (mine, "")


def test_the_old_process_does_not_count(url: str) -> None:
    old = process(7, age=100)
    health = wait_until_healthy(lambda: old, url, old, seconds=0.5)
    assert health.reason == "it did not start within 0.5 s"


def test_one_that_is_started_again_and_again(url: str) -> None:
    pids = iter(range(10, 1000))
    health = wait_until_healthy(lambda: process(next(pids), age=0), url, None, seconds=20)
    assert health.reason == "it was started 3 times and does not stay"


def test_one_that_ended(url: str) -> None:
    seen: list[Process | None] = [process(7, age=0)]
    health = wait_until_healthy(lambda: seen.pop() if seen else None, url, None, seconds=1)
    assert health.reason == "it started and ended again"


def test_one_that_never_says_ok(url: str) -> None:
    Healthz.status = 500
    mine = process(7, age=60)
    health = wait_until_healthy(lambda: mine, url, None, seconds=0.5)
    assert health.reason == f"{url} was not well within 0.5 s"


LINES = [
    'I1125 02:59:17.000000  100 server.go:1] "Starting" flag="--image-credential-provider-config"',
    'E1125 02:59:17.100000  100 kuberuntime.go:2] "Failed to garbage collect" err="no such container"',
    'E1125 02:59:17.200000  100 run.go:72] "command failed" err="failed to run Kubelet: error reading image '
    'credential provider config"',
    'E1125 02:59:17.300000  100 other.go:1] "Later" err="of no matter"',
]


def test_an_error_of_several_lines_is_one() -> None:
    lines = [
        'E1125 run.go:72] "Failed to register CRI auth plugins" err=<',
        "\tno such plugin",
        "\tnor that",
        " >",
        "I1125 end",
    ]
    assert words_of_the_kubelet(lines) == (
        'E1125 run.go:72] "Failed to register CRI auth plugins" err=< no such plugin nor that >'
    )


def test_the_words_that_say_why() -> None:
    assert words_of_the_kubelet(LINES).endswith('error reading image credential provider config"')
    assert words_of_the_kubelet([*LINES[:2], LINES[3]]).endswith('err="of no matter"')
    assert words_of_the_kubelet(LINES[:1]) == ""
    assert words_of_the_kubelet([]) == ""
