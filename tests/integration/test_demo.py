"""The demo: it tells the truth, fails where the cloud does not play its part, and leaves nothing behind."""

import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cloud import SimulatedCloud
from tests.demo.__main__ import show
from tests.demo.narrator import Narrator, Untrue, masked
from tests.demo.story import IMAGE, WRONG_INSTANCE
from tests.integration.node import ROOT

pytestmark = pytest.mark.source

COMMAND = [sys.executable, "-m", "tests.demo"]


def test_the_demo_shows_what_it_promises_and_leaves_no_file(tmp_path: Path) -> None:
    done = subprocess.run(COMMAND, cwd=ROOT, env={"TMPDIR": str(tmp_path)}, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    text = " ".join(done.stdout.split())
    assert "\x1b" not in text
    expected = (
        f'"image": "{IMAGE}"',
        "nothing was ready (cold)",
        "characters, hidden here)",
        "an answer was ready (warm)",
        "ACR was called once for both requests",
        "/v2/: HTTP 200",
        "guessed password: HTTP 401",
        f"there is no instance {WRONG_INSTANCE}",
        "All well: the registry can be pulled from.",
        "README.md",
    )
    places = [text.find(part) for part in expected]
    assert -1 not in places
    assert places == sorted(places)
    assert len(re.findall(r"after \d+ ms", text)) == 2
    assert list(tmp_path.iterdir()) == []


def forbid_everything(cloud: SimulatedCloud) -> None:
    for role in cloud.world.roles:
        role.policies.clear()


SPOILERS: dict[str, tuple[Callable[[SimulatedCloud], object], str]] = {
    "ACR refuses": (
        forbid_everything,
        "nothing was ready (cold)",
    ),
    "the registry refuses the login": (lambda cloud: cloud.faults.set("auth", "status", status=401), "/v2/: HTTP 200"),
    "the clock is wrong": (lambda cloud: setattr(cloud.clock, "offset", 600), "no step failed"),
}


@pytest.mark.parametrize(("spoil", "untrue"), SPOILERS.values(), ids=SPOILERS.keys())
def test_the_demo_fails_where_the_cloud_does_not_play_its_part(
    spoil: Callable[[SimulatedCloud], object], untrue: str, cloud: SimulatedCloud, tmp_path: Path
) -> None:
    spoil(cloud)
    out = io.StringIO()
    assert show(cloud, tmp_path / "node", out, coloured=False) == 1
    last = out.getvalue().splitlines()[-1]
    assert last.startswith("The demo failed.")
    assert untrue in last
    assert "Where to go next" not in out.getvalue()


def test_an_interrupted_demo_leaves_no_file_and_no_process_and_colours_a_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        COMMAND,
        cwd=ROOT,
        env={"TMPDIR": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        # Whoever runs the tests in the background may have it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as demo:
        os.close(theirs)
        try:
            seen = read_until(ours, b"standard input")
            assert list(tmp_path.iterdir()) != []
            os.killpg(demo.pid, signal.SIGINT)
            seen += read_until(ours, None)
            assert demo.wait(20) == 128 + signal.SIGINT
        finally:
            os.close(ours)
            demo.kill()
    assert b"\x1b[1m1  " in seen
    assert b"Traceback" not in seen
    assert list(tmp_path.iterdir()) == []
    assert_group_ends(demo.pid)


def assert_group_ends(group: int) -> None:
    """Processes that lost their parent are taken away by init, in its own time."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    pytest.fail("a process of the demo still runs")


def read_until(descriptor: int, text: bytes | None) -> bytes:
    """Return what a terminal shows until `text` has come, or until nobody writes any more."""
    seen = b""
    until = time.monotonic() + 60
    while text is None or text not in seen:
        assert select.select([descriptor], [], [], max(0.0, until - time.monotonic()))[0], seen
        try:
            part = os.read(descriptor, 4096)
        except OSError:  # the other side is closed
            part = b""
        if not part:
            assert text is None, seen
            break
        seen += part
    return seen


def test_the_narrator_prints_no_secret() -> None:
    out = io.StringIO()
    narrator = Narrator(out, lambda: ["a-real-password"], coloured=False)
    with pytest.raises(Untrue):
        narrator.say("it is a-real-password")
    narrator.say(f"it is {masked('a-real-password')}")
    assert out.getvalue() == "   it is a-re… (15 characters, hidden here)\n"
