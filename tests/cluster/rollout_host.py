"""The host of a node of a roll-out: its install is a stand-in that takes a moment, fails, or is cut off."""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from provider.agent.host_process import Company, Finished

WORK_SECONDS = 0.6
PAUSE = 0.02


class Killed(BaseException):
    """The node lost its power."""


class Work:
    """What all nodes of a test do on their hosts: how many at once, and in which order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.at_work: set[str] = set()
        self.begun: list[str] = []
        self.most = 0
        self.done: list[str] = []

    def begin(self, node: str) -> None:
        with self._lock:
            self.at_work.add(node)
            self.begun.append(node)
            self.most = max(self.most, len(self.at_work))

    def end(self, node: str) -> None:
        with self._lock:
            self.at_work.discard(node)
            self.done.append(node)


@dataclass
class StandIn:
    """A host whose install takes a moment."""

    node: str
    work: Work
    restarts: bool = True
    fails: str = ""
    """What install says when it fails."""
    refuses: str = ""
    """What it says where nothing can be told beforehand."""
    killed: bool = False
    holds: threading.Event | None = None
    """Install goes on until that is set."""
    change: str = "a"
    program: bool = False
    """Whether it places another program, where it restarts nothing."""
    ran: list[Sequence[str]] = field(default_factory=list)
    is_clean: bool = False

    def prepare(self) -> None:
        self.is_clean = False

    def clean(self) -> None:
        self.is_clean = True

    def run(self, arguments: Sequence[str], seconds: float, company: Company) -> Finished:
        self.ran.append(arguments)
        if "--dry-run" in arguments and self.refuses:
            return Finished(1, "", [self.refuses])
        if "--dry-run" in arguments:
            restart = self.restarts and "--restart=now" in arguments
            told = {"restart": restart, "pending": self.restarts, "change": self.change}
            return Finished(0, json.dumps({"changes": 3, "program": self.program, **told}))
        self.work.begin(self.node)
        if self.killed:
            self.work.end(self.node)
            raise Killed
        end = time.monotonic() + WORK_SECONDS
        while time.monotonic() < end or (self.holds is not None and not self.holds.is_set()):
            company.tick()
            if company.is_ended():
                break
            time.sleep(PAUSE)
        self.work.end(self.node)
        if company.is_ended():
            return Finished(1, "", ["ended by SIGTERM"])
        if self.fails:
            company.say(self.fails)
            return Finished(1, "", [self.fails])
        return Finished(0, "", ["it is installed"])
