"""Runs a program of the host, with the host's files for its own, from a container that shares no more than that.

The container is privileged and has the host's /proc; a child enters the mount namespace of the host's first process
before it becomes the program. Its process ids stay the container's.
"""

import contextlib
import ctypes
import os
import selectors
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from provider.node.child_processes import ENVIRONMENT, OVER_D_BUS
from provider.node.files import NodeError

NEW_MOUNTS = 0x00020000  # CLONE_NEWNS; os.setns is there from Python 3.12 on
STEP_SECONDS = 0.5
"""How soon a signal is passed on."""
GRACE_SECONDS = 150.0
"""How long a program that was told to end may take: it puts back what it had begun, and sees the kubelet well."""
DRAIN_SECONDS = 2.0
"""How long the last words of a program that has ended are waited for."""
LINE_LIMIT = 2000
"""Characters."""
LAST_LINES = 3


@dataclass(frozen=True, slots=True)
class Finished:
    """What a program left. `status`: its exit status; minus the signal's number where one ended it."""

    status: int
    stdout: str = ""
    last: Sequence[str] = field(default=())
    """The last lines of its stderr."""


@dataclass(frozen=True, slots=True)
class Company:
    """What goes on while a program runs."""

    say: Callable[[str], None]
    """Takes each line of its stderr as it comes."""
    is_ended: Callable[[], bool]
    """Tells whether the program is to be told to end."""
    tick: Callable[[], None]
    """Called twice a second, and whenever there is something to read."""


@contextlib.contextmanager
def entrance(namespace: str) -> Iterator[Callable[[], None]]:
    """Give what takes a child into a mount namespace; `namespace`: its file. Raises NodeError."""
    try:
        descriptor = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise NodeError(_no_way_in(namespace, error.strerror)) from None
    # Looked up before there is a child, in which only what is loaded can be relied on.
    library = ctypes.CDLL(None, use_errno=True)

    def enter() -> None:
        if library.setns(descriptor, NEW_MOUNTS):
            raise OSError(ctypes.get_errno(), "setns")
        os.chdir("/")

    try:
        yield enter
    finally:
        os.close(descriptor)


def run_inside(namespace: str, command: Sequence[str], seconds: float, company: Company) -> Finished:
    """Run a command line inside a mount namespace, whose paths are that namespace's. Raises NodeError.

    This process has no other thread. After `seconds` the program is told to end, and some time later killed.
    """
    with entrance(namespace) as enter:
        try:
            process = subprocess.Popen(  # noqa: S603 (our own program, no shell)
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**ENVIRONMENT, OVER_D_BUS: "1"},
                start_new_session=True,
                preexec_fn=enter,
            )
        except OSError as error:
            what = error.filename or command[0]
            raise NodeError(f"{what}: cannot be started on the host: {error.strerror}") from None
        except subprocess.SubprocessError:
            raise NodeError(_no_way_in(namespace, "not permitted")) from None
    try:
        return _follow(process, seconds, company)
    finally:
        _end(process)


def _follow(process: "subprocess.Popen[bytes]", seconds: float, company: Company) -> Finished:
    assert process.stdout is not None and process.stderr is not None  # noqa: S101 - asked for above
    printed, rest = b"", b""
    last: deque[str] = deque(maxlen=LAST_LINES)
    end, told, ended = time.monotonic() + seconds, 0.0, 0.0

    def heard(line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()[:LINE_LIMIT]
        if text:
            last.append(text)
            company.say(text)

    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        selector.register(process.stderr, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select(STEP_SECONDS):
                content = os.read(key.fd, 1 << 16)
                if not content:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stdout:
                    printed += content
                else:
                    *lines, rest = (rest + content).split(b"\n")
                    for line in lines:
                        heard(line)
            now = time.monotonic()
            if not told and (now > end or company.is_ended()):
                process.terminate()
                told = now
            if told and now > told + GRACE_SECONDS:
                process.kill()
            if process.poll() is not None:
                ended = ended or now
                if now > ended + DRAIN_SECONDS:
                    break
            company.tick()
    heard(rest)
    return Finished(process.wait(), printed.decode(errors="replace"), tuple(last))


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _no_way_in(namespace: str, why: str | None) -> str:
    return (
        f"{namespace}: the host's files cannot be entered ({why}): the container must be privileged, with the host's "
        "/proc mounted"
    )
