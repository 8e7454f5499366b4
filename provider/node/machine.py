"""A node, or the tree of an image, and what acts on it: put together once for each node command."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from provider.errors import ProviderError
from provider.node.carry_out import Carrier
from provider.node.child_processes import run
from provider.node.detect.detect import detect
from provider.node.detect.found import Found, NotForThisNode, Process
from provider.node.files import NodeError, Tree
from provider.node.generations import Generations
from provider.node.health import is_healthy
from provider.node.systemd import Systemd

UNDO_SECONDS = 60.0
VERSION_SECONDS = 10.0
WELL_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Machine:
    """What the node commands work with; `say` takes lines for people."""

    tree: Tree
    generations: Generations
    systemd: Systemd | None
    carrier: Carrier
    say: Callable[[str], None]

    def detect(self) -> Found:
        """Look at the kubelet as it is now. Raises ProviderError where there is none, or none that is understood."""
        return detect(self.tree, run=lambda command: run(command, VERSION_SECONDS).stdout)

    def check_health(self, found: Found) -> None:
        """Wait a minute for a kubelet that runs, or is meant to, to be well.

        Raises NodeError where it is not: that is to be mended first, and a change could not be told to be good.
        """
        if self.systemd is None:
            return
        end = time.monotonic() + WELL_SECONDS
        while (state := self._state(found)) != "active" or not is_healthy(found.health_url):
            if state == "inactive":
                return
            if time.monotonic() > end:
                asked = found.health_url or "no healthz"
                raise NodeError(
                    f"the kubelet is not well ({found.unit} is {state or 'unknown'}; {asked}): mend that first "
                    f"(journalctl -u {found.unit}), or use --restart=never"
                )
            time.sleep(1)

    def _state(self, found: Found) -> str:
        return self.systemd.show(found.unit, "ActiveState").get("ActiveState", "") if self.systemd is not None else ""


def open_machine(root: str, say: Callable[[str], None]) -> Machine:
    """Return this machine (`root` empty), or the tree of an image. Raises NodeError for one that is none."""
    tree = Tree(root)
    if root and not tree.names("/"):
        raise NodeError(f"--root {root}: there is no tree of an image")
    systemd = None if root else Systemd(run)
    if systemd is not None and not systemd.is_running():
        raise NotForThisNode(
            "this machine does not run systemd, which is needed; for the tree of an image use --root DIR"
        )
    generations = Generations(tree, lambda arguments: run(arguments, UNDO_SECONDS).status)

    def process() -> Process | None:
        # Its version is not wanted, and takes a process of its own to find out.
        try:
            return detect(tree, run=lambda command: "").process
        except ProviderError:
            return None

    return Machine(tree, generations, systemd, Carrier(tree, generations, systemd, process, say), say)
