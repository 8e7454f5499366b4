"""Killed, or without power, at every step of install, upgrade and uninstall: the node finds back with nobody's help."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from provider.places import PROGRAM
from provider.version import VERSION
from tests.e2e.network import Network
from tests.e2e.node import HEALTHY_SECONDS, Node
from tests.e2e.parts import NEXT, Parts
from tests.e2e.site import NODE
from tests.e2e.slots import NODES, slot
from tests.e2e.steps import CHANGES, Step, steps, strace, unsynced, worth_a_kill
from tests.e2e.tree import Tree, differences

LOG = "/run/steps.log"
ROLLBACK = f"{PROGRAM}-rollback"
READ_BY_THE_KUBELET = ("etc/kubernetes", "etc/systemd/system/kubelet.service.d", f"etc/{PROGRAM}")
# Most of the time is spent waiting for that timer.
SOONER = "[Timer]\nOnActiveSec=\nOnActiveSec=45\nOnActiveSec=60\n"
# Not in our own /var/lib, which nobody looks at, and which goes as a whole.
TEMPORARY = "find /etc /opt /var/lib/kubelet -name '*.new' -o -name '.new-*' -o -name '.old-*'"
INSTALL = f"/srv/{VERSION}/install.sh"
# What is killed in the uninstall is the program of the archive: the installed one is taken away.
OPERATIONS = {
    "install": (None, INSTALL),
    "upgrade": (VERSION, f"/srv/{NEXT}/install.sh"),
    "uninstall": (VERSION, f"/srv/{VERSION}/uninstall.sh"),
}


@dataclass(frozen=True)
class Operation:
    """What is cut short, and on which disk."""

    command: str
    disks: tuple[Path, ...]
    """What the nodes begin with: the disk of a node that was prepared for it."""
    steps: list[Step]
    outcomes: tuple[Tree, Tree]
    """What the kubelet reads, before and after."""


@contextmanager
def node_on(parts: Parts, folder: Path, disks: tuple[Path, ...]) -> Iterator[Node]:
    with slot(parts.slots), Network(NODE) as network, Node(parts, network, folder, below=disks) as node:
        node.put(f"/etc/systemd/system/{ROLLBACK}.timer.d/sooner.conf", SOONER)
        node.boot()
        node.wait_healthy()
        yield node


@pytest.fixture(scope="module", params=OPERATIONS)
def operation(request: pytest.FixtureRequest, parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Operation:
    """The operation with its steps, as a run of it that is not disturbed shows them."""
    installed, command = OPERATIONS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    disk = folder / "disk"
    with node_on(parts, folder / f"{os.getpid()}-first", ()) as node:
        if installed:
            node.install(version=installed)
        node.power_off()
        node.disk.rename(disk)
    with node_on(parts, folder / f"{os.getpid()}-counted", (disk,)) as node:
        before = read_by_the_kubelet(node)
        node.run(strace(LOG, command))
        node.wait_healthy()
        found = worth_a_kill(steps(node.run(f"cat {LOG}")))
        return Operation(command, (disk,), found, (before, read_by_the_kubelet(node)))


@pytest.mark.timeout(5400)
@pytest.mark.parametrize("power_fails", [False, True], ids=["kill -9", "power loss"])
def test_at_every_step(operation: Operation, parts: Parts, tmp_path: Path, power_fails: bool) -> None:
    def attempt(numbered: tuple[int, Step]) -> str:
        number, step = numbered
        try:
            with node_on(parts, tmp_path / f"{os.getpid()}-{number}", operation.disks) as node:
                cut_short(node, operation, step, power_fails)
        except Exception as error:  # Told with all others.
            return f"at {step}\n{error}"
        return ""

    # The disk is the same at a process's start as at the next step.
    chosen = [step for step in operation.steps if step.call in CHANGES or not power_fails]
    assert len(chosen) > 10
    with ThreadPoolExecutor(NODES) as pool:
        failures = [failure for failure in pool.map(attempt, enumerate(chosen)) if failure]
    assert not failures, f"{len(failures)} of {len(chosen)}\n\n" + "\n\n".join(failures)


def cut_short(node: Node, operation: Operation, step: Step, power_fails: bool) -> None:
    """Let it happen, start nothing, and see the node well within its time; then an install must end well."""
    done = node.attempt(strace(LOG, operation.command, step))
    assert done.returncode in (-9, 137), f"was not killed: exit status {done.returncode}\n{done.stderr}"
    cut = time.monotonic()
    if power_fails:
        lost = unsynced(node.run(f"cat {LOG}"))
        node.kill()
        halve(node.disk, lost)
        node.boot()

    def in_time(condition: Callable[[], bool], what: str) -> None:
        node.wait(condition, HEALTHY_SECONDS - (time.monotonic() - cut), what)

    in_time(node.kubelet_is_healthy, "the kubelet to be healthy")
    in_time(lambda: nothing_is_pending(node), "the dead-man's timer to be done")
    # What the timer did may have restarted it.
    in_time(node.kubelet_is_healthy, "the kubelet to be healthy after that")
    found = read_by_the_kubelet(node)
    half = [differences(outcome, found) for outcome in operation.outcomes]
    assert [] in half, f"neither what was before nor what was to be: {half}"
    node.install()
    node.wait_healthy(30)
    status = node.status()
    assert status["ok"], "; ".join(f"{line['subject']}: {line['detail']}" for line in status["lines"])
    left = node.run(TEMPORARY)
    assert left == "", left


def nothing_is_pending(node: Node) -> bool:
    """Whether the timer has done what it had to; one that nobody stopped stays behind as `elapsed`."""
    shown = node.attempt(f"systemctl show --property=SubState --value {ROLLBACK}.timer {ROLLBACK}.service").stdout
    return not {"waiting", "running", "start"} & set(shown.split())


def read_by_the_kubelet(node: Node) -> Tree:
    """Not what was about to be renamed, which nobody reads."""
    tree = node.tree(*READ_BY_THE_KUBELET)
    return {path: tree[path] for path in tree if not path.endswith(".new")}


def halve(disk: Path, files: list[str]) -> None:
    """Leave half of each file, as a file system may that had not written them yet."""
    for file in files:
        place = disk / file.lstrip("/")
        if place.is_file() and not place.is_symlink():
            os.truncate(place, place.stat().st_size // 2)
