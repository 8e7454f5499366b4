"""The running kubelet, found in /proc: this system's own, not that of a container on it."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from provider.node.detect.found import Process
from provider.node.detect.systemd_units import SUFFIX

DELETED = " (deleted)"
"""What the kernel adds to the path of a program whose file is gone or was replaced."""

INIT, SELF = "1", "self"
USERS = "/user.slice/"
"""What users start, by units of their own as well."""
_TICKS = os.sysconf("SC_CLK_TCK")
# proc(5): the 22nd field of `stat`; the second, in brackets, may hold anything.
_START = 22 - 3


@dataclass(frozen=True, slots=True)
class Running:
    """A process by the program that it runs, and the unit that its control group belongs to; empty: none."""

    program: str
    unit: str
    process: Process


def running(proc: str, programs: Iterable[str], clock: Callable[[], float]) -> list[Running]:
    """Return this system's processes of some programs, the oldest first. `clock`: seconds since the epoch.

    Who shares neither the root nor the process namespace of this system's first process is in a container. Not our own
    process is the measure: an agent that entered only the host's files sees the host's /proc from another namespace.
    Where the first process is hidden from us, our own has to do.
    """
    wanted = frozenset(programs)
    with contextlib.suppress(OSError, ValueError):
        try:
            measure = _namespace(proc, INIT)
        except PermissionError:
            measure = _namespace(proc, SELF)
        booted = clock() - float(_read(f"{proc}/uptime").split()[0])
        found = list(_found(proc, wanted, measure, booted))
        return sorted(found, key=lambda one: (one.process.started, one.process.pid))
    return []


def _found(proc: str, wanted: frozenset[str], measure: object, booted: float) -> Iterator[Running]:
    for pid in filter(str.isdigit, os.listdir(proc)):
        # It may end at any moment.
        with contextlib.suppress(OSError, ValueError, IndexError):
            executable = os.readlink(f"{proc}/{pid}/exe").removesuffix(DELETED)
            # A script that is called kubelet has the file name of its shell, but its own name.
            names = (executable.rpartition("/")[2], _read(f"{proc}/{pid}/comm").rstrip("\n"))
            program = next((name for name in names if name in wanted), "")
            if not program or _namespace(proc, pid) != measure:
                continue
            words = tuple(os.fsdecode(word) for word in _bytes(f"{proc}/{pid}/cmdline").split(b"\0")[:-1])
            ticks = int(_read(f"{proc}/{pid}/stat").rpartition(")")[2].split()[_START])
            started = booted + ticks / _TICKS
            yield Running(program, _unit(proc, pid), Process(int(pid), started, words, executable))


def _namespace(proc: str, pid: str) -> tuple[object, ...]:
    root = os.stat(f"{proc}/{pid}/root")
    return root.st_dev, root.st_ino, os.readlink(f"{proc}/{pid}/ns/pid")


def _unit(proc: str, pid: str) -> str:
    """Return the service whose control group a process is in, whatever groups are above and below."""
    groups = [line.split(":", 2) for line in _read(f"{proc}/{pid}/cgroup").splitlines()]
    for hierarchy, controllers, path in groups:
        if (controllers == "name=systemd" or (hierarchy == "0" and not controllers)) and USERS not in path:
            services = [part for part in path.split("/") if part.endswith(SUFFIX)]
            if services:
                return services[-1]
    return ""


def _bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _read(path: str) -> str:
    return os.fsdecode(_bytes(path))
