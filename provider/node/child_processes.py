"""Runs the node's own programs: `systemctl`, `kubelet --version`, and whatever else a command needs to ask.

The bootloader of the frozen program sets LD_LIBRARY_PATH to the bundle's libraries, and a kubelet or a user may have
set other things; a program of the node gets none of it. Whatever it does, it ends in time.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from provider.node.files import NodeError

OVER_D_BUS = "SYSTEMCTL_FORCE_BUS"
"""With this variable of systemd's (233 and newer) systemctl asks D-Bus instead of systemd itself. From a container
without the node's process ids it must: it insists on seeing the process at the other end of systemd's own socket."""
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
    "HOME": "/root",
    **{name: os.environ[name] for name in (OVER_D_BUS,) if name in os.environ},
}
LAST_SECONDS = 1.0
"""How long is waited for a command that was killed: the kernel may keep it, where a disk does not answer."""


@dataclass(frozen=True, slots=True)
class Completed:
    """What a command left. `status`: its exit status; minus the signal's number where one ended it."""

    status: int
    stdout: str
    stderr: str


def run(command: Sequence[str], seconds: float) -> Completed:
    """Run a command line and return what it left, whatever its exit status.

    Raises NodeError where it cannot be started, or did not end in time; then all of its process group is killed.
    Arguments are not in the message, but for the first one: they may be long.
    """
    shown = " ".join(command[:2])
    try:
        process = subprocess.Popen(  # noqa: S603 (an argument list of our own, no shell)
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise NodeError(f"{shown}: cannot be started: {error.strerror}") from None
    try:
        stdout, stderr = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise NodeError(f"{shown}: did not end within {seconds:g} s") from None
    finally:
        _end(process)
    return Completed(process.returncode, stdout.decode(errors="replace"), stderr.decode(errors="replace"))


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill what is left of the group. Who left it and holds the pipes open is not waited for."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(LAST_SECONDS)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
