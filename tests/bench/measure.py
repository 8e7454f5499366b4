"""The benchmark itself: everything side by side in one run."""

from dataclasses import dataclass

from tests.bench.crowd import Crowd, memory_together, seconds_together
from tests.bench.figures import Figures, figures, interleaved
from tests.bench.imports import Import, imports_of
from tests.bench.process import Command, Memory, memory_at_rest, run
from tests.bench.subjects import BARE, COLD, WARM, Programs, Subject, bundle_bytes, empty, verify, verify_answer
from tests.cloud import SimulatedCloud
from tests.integration.node import Node


@dataclass(frozen=True, slots=True)
class Measured:
    """All that was measured, by the names of the subjects."""

    times: dict[str, Figures]
    base: str
    """The subject that the others are compared with."""
    memory: dict[str, Memory]
    imports: dict[str, list[Import]]
    """Empty for a frozen program, which cannot be asked."""
    crowd: Crowd | None
    bundle: tuple[int, int] | None
    """Files and bytes of a frozen program."""
    statuses: dict[str, list[int]]
    """The exit statuses other than 0 of what is not ours."""


class Bench:
    """One node of a simulated cloud that answers without delay, and what is measured on it."""

    def __init__(self, cloud: SimulatedCloud, node: Node, programs: Programs) -> None:
        self._cloud = cloud
        self._node = node
        self._programs = programs
        self._statuses: dict[str, list[int]] = {}

    def measure(self, rounds: int, at_once: int) -> Measured:
        """Measure everything. Raises Wrong where a run did not do what it is measured for, and Stuck."""
        programs = self._programs
        return Measured(
            times=self._times(rounds),
            base=programs.subjects[programs.base].name,
            memory=self._memory(),
            imports=self._imports() if programs.from_source else {},
            crowd=self._crowd(at_once) if at_once else None,
            bundle=None if programs.from_source else bundle_bytes(programs.program.arguments[0]),
            statuses=self._statuses,
        )

    def _times(self, rounds: int) -> dict[str, Figures]:
        subjects = self._programs.subjects
        for subject in subjects:  # the first run finds nothing in the page cache
            self._one(subject)
        seconds: list[list[float]] = [[] for _ in subjects]
        for index in interleaved(len(subjects), rounds):
            seconds[index].append(self._one(subjects[index]))
        return {subject.name: figures(series) for subject, series in zip(subjects, seconds, strict=True)}

    def _one(self, subject: Subject) -> float:
        subject.prepare()
        self._cloud.calls.clear()
        done = run(subject.command)
        verify(subject, done, len(self._cloud.calls.of("acr")))
        if done.status:
            self._statuses.setdefault(subject.name, []).append(done.status)
        return done.seconds

    def _memory(self) -> dict[str, Memory]:
        program, bare = self._programs.program, self._programs.bare
        waiting = Command((*bare.arguments[:-1], "print()"), bare.environment, bare.given)
        empty(self._node)
        cold = memory_at_rest(program)
        return {BARE: memory_at_rest(waiting), WARM: memory_at_rest(program), COLD: cold}

    def _imports(self) -> dict[str, list[Import]]:
        program, bare = self._programs.program, self._programs.bare
        empty(self._node)
        cold = imports_of(program)
        return {BARE: imports_of(bare), WARM: imports_of(program), COLD: cold}

    def _crowd(self, processes: int) -> Crowd:
        program = self._programs.program
        empty(self._node)
        proportional = memory_together(program, processes)
        empty(self._node)
        self._cloud.calls.clear()
        seconds, runs = seconds_together(program, processes)
        for each in runs:
            verify_answer(f"{processes} at once", each)
        return Crowd(processes, seconds, len(self._cloud.calls.of("acr")), proportional)
