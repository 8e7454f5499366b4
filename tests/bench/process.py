"""Processes as the kubelet starts them: a request on a pipe, an answer on another, with as little between as can be.

`posix_spawn`, since `subprocess` adds 1 to 2 ms of its own, and the request is in the pipe before the start. Errors go
where the benchmark's own go.
"""

import fcntl
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

SETTLED_SECONDS = 0.2
WAIT_SECONDS = 60.0


class Stuck(Exception):
    """A process did not come to rest, or to its end, in time."""


@dataclass(frozen=True, slots=True)
class Command:
    """What is started. The environment is all that the process has."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    given: bytes
    """What stands on its standard input: less than a pipe holds (64 KiB)."""

    def with_interpreter_options(self, *options: str) -> Self:
        """Return the command with options of the interpreter, which is its first argument."""
        return type(self)((self.arguments[0], *options, *self.arguments[1:]), self.environment, self.given)


@dataclass(frozen=True, slots=True)
class Run:
    """One run from start to exit."""

    seconds: float
    status: int
    output: bytes


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of one process that is about to answer."""

    peak: int
    """Resident at most so far, shared pages counted in full (VmHWM)."""
    proportional: int
    """Resident now, shared pages divided among those that share them (Pss)."""


class Started:
    """A process that runs."""

    def __init__(self, command: Command, *, output_is_full: bool = False) -> None:
        """`output_is_full`: its standard output takes nothing, so that it stands still where it would answer."""
        given, writing = os.pipe()
        self._output, answering = os.pipe()
        os.write(writing, command.given)
        os.close(writing)
        if output_is_full:
            _fill(answering)
        actions = [(os.POSIX_SPAWN_DUP2, given, 0), (os.POSIX_SPAWN_DUP2, answering, 1)]
        self.started = time.perf_counter()
        try:
            self.pid = os.posix_spawn(
                command.arguments[0], command.arguments, command.environment, file_actions=actions
            )
        except BaseException:
            os.close(self._output)
            raise
        finally:
            os.close(given)
            os.close(answering)
        self._ended = False

    def result(self) -> Run:
        """Wait for the end and return what became of it."""
        parts = []
        while part := os.read(self._output, 1 << 16):
            parts.append(part)
        _, status = os.waitpid(self.pid, 0)
        seconds = time.perf_counter() - self.started
        self._ended = True
        return Run(seconds, os.waitstatus_to_exitcode(status), b"".join(parts))

    def close(self) -> None:
        """Kill it if it still runs."""
        if not self._ended:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self._ended = True
        os.close(self._output)


@contextmanager
def started(command: Command, *, output_is_full: bool = False) -> Iterator[Started]:
    """Start a process; at the end of the body it runs no longer."""
    process = Started(command, output_is_full=output_is_full)
    try:
        yield process
    finally:
        process.close()


def run(command: Command) -> Run:
    """Run one process to its end."""
    with started(command) as process:
        return process.result()


def memory_at_rest(command: Command) -> Memory:
    """Return what a process takes when it has all it needs and is about to write its answer. Raises Stuck.

    `ru_maxrss` would not do: a process inherits that of the one that started it.
    """
    with started(command, output_is_full=True) as process:
        _settle(process.pid)
        of_process = Path(f"/proc/{process.pid}")
        return Memory(
            _kilobytes(of_process / "status", "VmHWM:") << 10, _kilobytes(of_process / "smaps_rollup", "Pss:") << 10
        )


def _fill(descriptor: int) -> None:
    size = fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, 1)  # rounded up to a page
    os.write(descriptor, bytes(size))


def _settle(pid: int) -> None:
    """Wait until a process sleeps and has used no more processor time for a while."""
    before = ""
    since = start = time.monotonic()
    while (now := time.monotonic()) < start + WAIT_SECONDS:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        used = f"{state} {fields[10]} {fields[11]}"  # utime and stime
        if used != before or state != "S":
            before, since = used, now
        elif now >= since + SETTLED_SECONDS:
            return
        if state == "Z":
            break
        time.sleep(0.01)
    raise Stuck("it did not come to rest before its answer")


def _kilobytes(path: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(name))
