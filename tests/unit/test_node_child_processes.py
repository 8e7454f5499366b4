"""The node's own programs, run by ours."""

import os
import time
from pathlib import Path

import pytest

from provider.node.child_processes import ENVIRONMENT, Completed, run
from provider.node.files import NodeError


def is_gone(pid: int) -> bool:
    """Whether a process has ended, or is about to be fetched by its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def test_what_a_command_leaves() -> None:
    assert run(["sh", "-c", "echo out; echo err >&2; exit 3"], 10) == Completed(3, "out\n", "err\n")
    assert run(["sh", "-c", "kill -9 $$"], 10).status == -9
    assert run(["printf", r"\377"], 10).stdout == "\ufffd"


def test_nothing_of_our_environment_gets_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere")
    monkeypatch.setenv("SECRET", "x")
    # The shell adds its own.
    shown = run(["env"], 10).stdout.splitlines()
    assert dict(line.split("=", 1) for line in shown) == ENVIRONMENT


def test_no_descriptor_and_no_terminal_gets_there(tmp_path: Path) -> None:
    stdin = os.dup(0)
    with (tmp_path / "ours").open("w+") as ours:
        os.set_inheritable(ours.fileno(), True)
        os.dup2(ours.fileno(), 0)
        try:
            seen = run(["sh", "-c", "ls -l /proc/self/fd; readlink /proc/self/fd/0; pwd"], 10).stdout
        finally:
            os.dup2(stdin, 0)
            os.close(stdin)
    assert str(tmp_path) not in seen
    assert seen.endswith("/dev/null\n/\n")


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(NodeError, match="no-such-command --version: cannot be started: No such file"):
        run(["no-such-command", "--version", "secret"], 10)


def test_a_command_that_does_not_end_goes_with_its_children(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(NodeError, match=r"sh -c: did not end within 0\.5 s"):
        run(["sh", "-c", f"sleep 60 & echo $! >{tmp_path}/pid; wait"], 0.5)
    assert time.monotonic() - started < 10
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_who_left_the_group_and_keeps_the_output_open_is_not_waited_for(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(NodeError, match="did not end within"):
        run(["sh", "-c", f"setsid sh -c 'echo $$ >{tmp_path}/pid; exec sleep 60' & sleep 60"], 1)
    assert time.monotonic() - started < 10
    os.kill(int((tmp_path / "pid").read_text()), 9)
