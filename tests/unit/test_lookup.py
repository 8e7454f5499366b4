"""The look-up where it needs no cloud: what nobody foresaw, and what waits behind whom."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from provider.environment import Environment
from provider.errors import Unreachable
from provider.journal import LEVELS, Journal, SystemJournal
from provider.kubelet import API_VERSIONS, Request
from provider.locks import LANES, Busy, Lock
from provider.lookup import Lookup
from provider.places import Places
from provider.store import Store

HOST = "alpha-registry.cn-hangzhou.cr.aliyuncs.com"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    names = ("config", "local", "state-dir", "data-dir")
    return Places({f"--{name}": str(tmp_path / name) for name in names})


def failing_clock(calls_before: int) -> Callable[[], float]:
    """A clock that breaks in the middle of a look-up, with a text that must not be shown."""
    left = [calls_before]

    def clock() -> float:
        left[0] -= 1
        if left[0] == -1:
            raise KeyError("s3cr3t")
        return time.time()

    return clock


def test_what_nobody_foresaw_is_one_line_without_its_text(places: Places) -> None:
    lookup = Lookup(Request(API_VERSIONS[0], f"{HOST}/a"), places, Journal(), environment=Environment(),
                    clock=failing_clock(2))  # fmt: skip
    with pytest.raises(Unreachable, match=r"internal error KeyError at test_lookup\.py:\d+") as caught:
        lookup.run(5)
    assert "s3cr3t" not in str(caught.value)
    refusal = Store(places.answers).read_refusal(HOST)
    assert refusal is not None
    assert refusal.is_outage


def taken_before(until: float, path: str) -> bool:
    """Take and free the lock, which each that comes holds for a moment, until it sees that the disk is full."""
    while time.monotonic() < until:
        try:
            with Lock(path, wait=False) as held:
                return held
        except Busy:
            time.sleep(0.01)
    return False


def test_a_full_disk_lets_a_few_ask_at_once(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk."""
    path = tmp_path / "host.lock"
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "from provider.locks import Lock\n"
        f"with Lock({str(path)!r}, wait=True) as held:\n"
        "    print(held, flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    plugins = [subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe) for _ in range(2 * LANES)]
    try:
        lanes = {plugin.pid % LANES for plugin in plugins}
        at_once = [threading.Thread(target=plugin.stdout.readline) for plugin in plugins if plugin.stdout]
        for thread in at_once:
            thread.start()
        until = time.monotonic() + 20
        while sum(not thread.is_alive() for thread in at_once) < len(lanes):
            assert time.monotonic() < until, "they wait for each other"
            time.sleep(0.01)
        assert taken_before(until, str(path)), "those that wait for their lane keep others from theirs"
    finally:
        for plugin in plugins:
            plugin.kill()
            plugin.communicate()
        for thread in at_once:
            thread.join(10)


def test_a_log_that_nobody_reads_holds_nobody_up(tmp_path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reader:
        reader.bind(str(tmp_path / "log"))
        journal = SystemJournal(str(tmp_path / "log"))
        started = time.monotonic()
        for number in range(2000):
            journal(f"line {number} " + "x" * 500)
        assert time.monotonic() - started < 20
        first = reader.recv(4096).decode()
    assert first.startswith(f"<{24 | LEVELS['warning']}>")
    assert "aliyun-acr-credential-provider[" in first
    assert "line 0 " in first


def test_without_a_log_nothing_happens(tmp_path: Path) -> None:
    SystemJournal(str(tmp_path / "missing"))("a line")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("log_level", "expected"), [("error", 0), ("warning", 1), ("info", 2), ("debug", 2)])
def test_log_level_leaves_out_what_is_less_important(log_level: str, expected: int) -> None:
    written: list[str] = []

    class Kept(Journal):
        def _write(self, line: str, level: str) -> None:
            written.append(line)

    journal = Kept()
    journal.log_level = log_level
    journal("a warning")
    journal("a renewal", "info")
    assert len(written) == expected
