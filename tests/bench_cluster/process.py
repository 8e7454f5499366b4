"""The measured process from outside: its figures, and what it takes of the machine."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class Figures:
    """At one moment since the start: requests and writes by kind, and seconds of processor."""

    synced: bool
    total: int
    pending: int
    requests: dict[str, int]
    writes: dict[str, int]
    processor: float
    resident: int
    """Bytes."""
    moment: float
    """Seconds of a clock that goes forward."""

    @property
    def asked(self) -> int:
        return sum(self.requests.values())

    def since(self, before: "Figures") -> "Figures":
        """What came in between; `moment` is its length."""
        return Figures(
            self.synced,
            self.total,
            self.pending,
            {kind: count - before.requests.get(kind, 0) for kind, count in self.requests.items()},
            {kind: count - before.writes.get(kind, 0) for kind, count in self.writes.items()},
            self.processor - before.processor,
            self.resident,
            self.moment - before.moment,
        )


class Subject:
    """The running process."""

    def __init__(self, kubeconfig: Path) -> None:
        command = [sys.executable, "-m", "tests.bench_cluster.subject", str(kubeconfig)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> "Subject":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def tokens(self, generation: int) -> Figures:
        """Give it the tokens of a generation, and return its figures at that moment."""
        return self._ask(str(generation))

    def figures(self) -> Figures:
        return self._ask("")

    def wait(self, condition: Callable[[Figures], bool], seconds: float) -> Figures:
        """Return the first figures that the condition holds for."""
        end = time.monotonic() + seconds
        while not condition(found := self.figures()):
            assert time.monotonic() < end, f"waited in vain: {found}"
            time.sleep(PAUSE)
        return found

    def _ask(self, line: str) -> Figures:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        place = Path(f"/proc/{self._process.pid}")
        times = place.joinpath("stat").read_text().rpartition(")")[2].split()[11:13]
        pages = int(place.joinpath("statm").read_text().split()[1])
        ticks = os.sysconf("SC_CLK_TCK")
        return Figures(
            **answer,
            processor=sum(map(int, times)) / ticks,
            resident=pages * os.sysconf("SC_PAGESIZE"),
            moment=time.monotonic(),
        )
