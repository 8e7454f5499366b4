"""The benchmark's processes, and a short run of the whole. Nothing here depends on how fast the machine is."""

import io
import json
import os
import sys
from pathlib import Path

import pytest

from tests.bench.__main__ import main
from tests.bench.process import Command, Run, memory_at_rest, run, started
from tests.bench.subjects import Subject, Wrong, bundle_bytes, nothing, verify
from tests.integration.node import ALPHA

ANSWER = json.dumps({"auth": {ALPHA: {"username": "u", "password": "p"}}}).encode()


def python(code: str, given: bytes = b"", **environment: str) -> Command:
    return Command((sys.executable, "-I", "-S", "-c", code), environment, given)


def test_a_process_is_given_its_request_and_nothing_else() -> None:
    code = "import sys, os; print(sys.stdin.read(), os.environ['ONE'], len(os.environ)); sys.exit(3)"
    done = run(python(code, b"the request", ONE="1", LC_CTYPE="C.UTF-8"))
    assert (done.status, done.output) == (3, b"the request 1 2\n")
    assert done.seconds > 0


def test_a_long_answer_is_read_whole() -> None:
    assert run(python("print('x' * 1_000_000)")).output == b"x" * 1_000_000 + b"\n"


def test_a_process_that_was_not_waited_for_is_ended() -> None:
    with started(python("import time; time.sleep(600)")) as process:
        os.kill(process.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_memory_is_that_of_a_process_before_its_answer() -> None:
    small = memory_at_rest(python("print()"))
    large = memory_at_rest(python("kept = bytes(1) * (64 << 20); print()"))
    gone = memory_at_rest(python("kept = bytes(1) * (64 << 20); del kept; print()"))
    assert 0 < small.proportional < small.peak
    assert large.peak - small.peak > 60 << 20
    assert large.proportional - small.proportional > 60 << 20
    assert gone.peak - small.peak > 60 << 20
    assert gone.proportional - small.proportional < 30 << 20


WRONG = {
    "failed": (Run(0.1, 1, b""), 1, "exit status 1"),
    "no credentials": (Run(0.1, 0, b'{"auth":{}}'), 1, "without credentials"),
    "a call too many": (Run(0.1, 0, ANSWER), 2, "2 calls of ACR, not 1"),
}


@pytest.mark.parametrize(("done", "calls", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_run_that_did_not_do_its_work_ends_the_benchmark(done: Run, calls: int, message: str) -> None:
    with pytest.raises(Wrong, match=message):
        verify(Subject("cold", python(""), nothing, 1), done, calls)
    verify(Subject("peer", python(""), nothing, None), done, calls)
    verify(Subject("cold", python(""), nothing, 1), Run(0.1, 0, ANSWER), 1)


def test_a_bundle_is_as_large_as_its_files(tmp_path: Path) -> None:
    (tmp_path / "bundle" / "_internal").mkdir(parents=True)
    (tmp_path / "bundle" / "program").write_bytes(bytes(100))
    (tmp_path / "bundle" / "_internal" / "library").write_bytes(bytes(20))
    (tmp_path / "bundle" / "link").symlink_to("program")
    (tmp_path / "bin").symlink_to(tmp_path / "bundle" / "link")
    assert bundle_bytes(str(tmp_path / "bin")) == (2, 120)


def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **environ: str) -> tuple[int, io.StringIO, io.StringIO]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    stdout, stderr = io.StringIO(), io.StringIO()
    status = main(["--runs", "1", "--at-once", "3", "--json"], environ, stdout, stderr)
    assert list(tmp_path.iterdir()) == []
    return status, stdout, stderr


def test_everything_is_measured_and_nothing_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # `cat` echoes the request, and knows nothing of what is ours.
    status, stdout, stderr = measured(tmp_path, monkeypatch, PEER="cat", PATH=os.defpath)
    assert (status, stderr.getvalue()) == (0, "")
    found = json.loads(stdout.getvalue())
    cold = {"cold", "cold, configuration known"}
    assert found["times"].keys() == cold | {"warm", "warm, without site", "bare interpreter", "peer cat"}
    assert found["times"]["bare interpreter"]["ratio"] == 1
    assert found["memory"].keys() == found["imports"].keys() == {"bare interpreter", "warm", "cold"}
    loaded = {name: {package["name"] for package in each["packages"]} for name, each in found["imports"].items()}
    assert "provider" in loaded["warm"]
    assert "requests" in loaded["cold"] - loaded["warm"]
    assert (found["crowd"]["processes"], found["crowd"]["calls"]) == (3, 1)
    assert found["bundle"] is None


@pytest.mark.parametrize(
    ("program", "message"),
    [("false", "exit status 1"), ("true", "no answer in JSON"), ("no-such-program", "no program that can be run")],
)
def test_a_program_that_does_not_answer_is_not_measured(
    program: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, stdout, stderr = measured(tmp_path, monkeypatch, PROGRAM=program)
    assert (status, stdout.getvalue()) == (1, "")
    assert message in stderr.getvalue()
