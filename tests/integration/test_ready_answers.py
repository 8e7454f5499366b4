"""Ready answers at work: who may use them, who renews them, and what happens when nobody can."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from provider.answers import VERSION, Answer, decode
from provider.store import Store
from tests.integration.memory import proportional_memory
from tests.integration.node import ALPHA, GROUP, PERSONAL, SOURCE_PROGRAM, Node

REQUEST = json.dumps(
    {"kind": "CredentialProviderRequest", "apiVersion": f"{GROUP}/v1", "image": f"{ALPHA}/team/app"}
).encode()
TOKEN_CALL = ("acr", "GetAuthorizationToken")


def kept(node: Node, host: str = ALPHA) -> Answer:
    answer = decode((node.state / "answers" / f"{host}.json").read_bytes(), host)
    assert answer is not None
    return answer


def age(node: Node, *, left: int) -> Answer:
    """Make the kept answer due for renewal, with `left` seconds until its end."""
    answer = kept(node)
    now = int(time.time())
    answer.written, answer.renew, answer.end = now - 3000, now - 10, now + left
    assert Store(str(node.state / "answers")).write_answer(answer)
    return answer


def password(node: Node, image: str = f"{ALPHA}/team/app") -> str:
    return node.request(image).auth[ALPHA]["password"]


def test_fifty_at_once_on_a_cold_node_make_one_call_and_stay_small(node: Node) -> None:
    node.cloud.faults.set("acr", "slow", latency=1.5)
    plugins = [node.start() for _ in range(50)]
    try:
        for plugin in plugins:
            assert plugin.stdin is not None
            plugin.stdin.write(REQUEST)
            plugin.stdin.close()
        most = 0
        until = time.monotonic() + 60
        while any(plugin.poll() is None for plugin in plugins) and time.monotonic() < until:
            most = max(most, proportional_memory([plugin.pid for plugin in plugins]))
        answers = set()
        for plugin in plugins:
            assert plugin.stdout is not None
            assert plugin.stderr is not None
            answers.add(json.loads(plugin.stdout.read())["auth"][ALPHA]["password"])
            assert (plugin.wait(10), plugin.stderr.read()) == (0, b"")
    finally:
        for plugin in plugins:
            plugin.kill()
            plugin.wait(10)
            for stream in (plugin.stdout, plugin.stderr):
                assert stream is not None
                stream.close()
    assert len(answers) == 1
    assert len(node.cloud.calls.of(*TOKEN_CALL)) == 1
    assert 0 < most <= 400 << 20, f"{most >> 20} MiB"


def test_fifty_at_once_share_one_failure(node: Node) -> None:
    node.cloud.faults.set("acr", "status", status=503, latency=0.3)
    plugins = [node.start() for _ in range(50)]
    outputs = []
    for plugin in plugins:
        assert plugin.stdin is not None
        plugin.stdin.write(REQUEST)
        plugin.stdin.close()
        plugin.stdin = None
    for plugin in plugins:
        outputs.append(plugin.communicate(timeout=100))
    first = len(node.cloud.calls.of(*TOKEN_CALL))
    assert {plugin.returncode for plugin in plugins} == {1}
    assert all(stdout == b"" and stderr.count(b"\n") == 1 for stdout, stderr in outputs)
    assert sum(b"asked again in" in stderr for _, stderr in outputs) >= 45
    assert first <= 12


def spoil_torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def spoil_foreign(path: Path) -> None:
    os.chown(path, 12345, 12345)


def spoil_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


VERSION_FIELD = f'"version":"{VERSION}"'.encode()
SPOILERS: dict[str, Callable[[Path], object]] = {
    "torn": spoil_torn,
    "empty": lambda path: path.write_bytes(b""),
    "another version's": lambda path: path.write_bytes(path.read_bytes().replace(VERSION_FIELD, b'"version":"0"')),
    "world-readable": lambda path: path.chmod(0o604),
    "symbolic link": spoil_link,
    "another host's": lambda path: path.write_bytes(path.read_bytes().replace(ALPHA.encode(), PERSONAL.encode())),
}
if os.geteuid() == 0:
    SPOILERS["foreign"] = spoil_foreign


@pytest.mark.parametrize("spoil", SPOILERS.values(), ids=SPOILERS.keys())
def test_a_spoilt_answer_is_fetched_anew(spoil: Callable[[Path], object], node: Node) -> None:
    first = password(node)
    assert password(node) == first
    spoil(node.state / "answers" / f"{ALPHA}.json")
    assert password(node) != first
    assert len(node.cloud.calls.of(*TOKEN_CALL)) == 2
    assert kept(node).host == ALPHA


def test_files_and_directories_are_the_owners_alone(node: Node) -> None:
    password(node)
    for path in (node.state, *node.state.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_changed_configuration_makes_the_answers_new(node: Node) -> None:
    first = password(node)
    node.configure("token-mode: workerRole\n")
    assert password(node) != first


def test_an_unchanged_configuration_is_not_read_again(node: Node) -> None:
    node.configure("token-mode: workerRole\n")
    assert "pydantic" in modules_loaded(node)
    (node.state / "answers" / f"{ALPHA}.json").unlink()
    again = modules_loaded(node)
    assert "requests" in again
    assert not again & {"pydantic", "yaml"}


def modules_loaded(node: Node) -> set[str]:
    """Answer a request and return the modules that were imported for it."""
    arguments = [sys.executable, "-X", "importtime", "-I", "-c", SOURCE_PROGRAM, *node.options]
    done = subprocess.run(arguments, input=REQUEST, capture_output=True, env=node.environment, timeout=60, check=True)
    assert json.loads(done.stdout)["auth"]
    return {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines()}


def test_an_answer_is_renewed_before_the_threshold(node: Node) -> None:
    node.cloud.world.authorization_token_seconds = 3600
    result = node.request(f"{ALPHA}/team/app")
    assert 2700 - 61 <= result.cache_seconds <= 2700
    assert 2700 - 61 <= node.request(f"{ALPHA}/team/app").cache_seconds <= result.cache_seconds
    age(node, left=800)
    assert node.request(f"{ALPHA}/team/app").auth != result.auth


def test_a_token_no_longer_than_the_threshold_lives_half_of_that_and_is_warned_of(node: Node) -> None:
    node.cloud.world.authorization_token_seconds = 720
    result = node.run(["get", f"{ALPHA}/team/app", "--json"])
    assert "expiring-threshold" in result.stderr
    assert 350 <= int(json.loads(result.stdout)["cacheDuration"].removesuffix("s")) <= 360


def test_without_a_place_for_answers_every_request_is_answered_all_the_same(node: Node) -> None:
    node.state.write_text("a file where the directory should be")
    assert password(node) != password(node)


def test_a_foreign_state_directory_is_not_used(node: Node) -> None:
    elsewhere = node.directory / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    node.state.symlink_to(elsewhere)
    assert password(node) != password(node)
    assert list(elsewhere.iterdir()) == []


def test_a_killed_plugin_leaves_the_way_free(node: Node) -> None:
    node.cloud.faults.set("acr", "hang", count=1)
    with node.start() as stuck:
        assert stuck.stdin is not None
        stuck.stdin.write(REQUEST)
        stuck.stdin.close()
        wait_until(lambda: bool(node.cloud.calls.of("registry")))
        stuck.send_signal(signal.SIGKILL)
        stuck.wait(10)
        result = node.request(f"{ALPHA}/team/app")
    assert result.auth
    assert result.seconds < 20


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)
