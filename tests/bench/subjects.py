"""What is measured: the bare interpreter, the program warm and cold, and another one beside it where that is wanted."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from provider import settings
from tests.bench.process import Command, Run
from tests.cloud import default_world
from tests.integration.node import ALPHA, GROUP, SOURCE_PROGRAM, Node

REQUEST = json.dumps(
    {"kind": "CredentialProviderRequest", "apiVersion": f"{GROUP}/v1", "image": f"{ALPHA}/team/app"}
).encode()
CONFIGURATION = f"""\
acr-registry-info:
  - instanceId: {default_world.ALPHA}
    regionId: {default_world.REGION}
token-mode: workerRole
expiring-threshold: 15m
"""
RESOLVED = f"{settings.SUBJECT}.{settings.KIND}"

BARE = "bare interpreter"
WARM = "warm"
COLD = "cold"


class Wrong(Exception):
    """A run did not do what it is measured for."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One row of the table."""

    name: str
    command: Command
    prepare: Callable[[], None]
    calls: int | None
    """How many calls of ACR each run makes; None where nobody knows, nor whether it answers."""


@dataclass(frozen=True, slots=True)
class Programs:
    """What there is to measure."""

    subjects: tuple[Subject, ...]
    program: Command
    """The program as it is measured, for memory, imports and many at once."""
    bare: Command
    from_source: bool

    @classmethod
    def of(cls, node: Node, environ: Mapping[str, str]) -> "Programs":
        """Return what PROGRAM and PEER in `environ` name; without PROGRAM, this source tree (in its directory)."""
        node.configure(CONFIGURATION)

        def command(*program: str) -> Command:
            return Command((*program, *node.options), node.environment, REQUEST)

        python = sys.executable
        bare = Command((python, "-I", "-S", "-E", "-c", "pass"), {}, b"")
        frozen = executable(environ["PROGRAM"]) if environ.get("PROGRAM") else ""
        program = command(frozen) if frozen else command(python, "-m", "provider")
        subjects = [
            Subject(COLD, program, lambda: empty(node), 1),
            Subject(f"{COLD}, configuration known", program, lambda: empty(node, RESOLVED), 1),
            Subject(WARM, program, nothing, 0),
            Subject(BARE, bare, nothing, 0),
        ]
        if not frozen:
            launcher = command(python, "-I", "-S", "-c", SOURCE_PROGRAM)
            subjects.append(Subject(f"{WARM}, without site", launcher, nothing, 0))
        if environ.get("PEER"):
            subjects.append(peer(shlex.split(environ["PEER"]), node, environ))
        return cls(tuple(subjects), program, bare, not frozen)

    @property
    def base(self) -> int:
        """The index of the subject that all others are compared with."""
        return next(index for index, subject in enumerate(self.subjects) if subject.name == BARE)


def peer(arguments: list[str], node: Node, environ: Mapping[str, str]) -> Subject:
    """Return another credential helper: it is given the kubelet's request, and led to the simulated cloud."""
    environment = {"PATH": environ.get("PATH", os.defpath), "HOME": str(node.directory), **node.environment}
    command = Command((executable(arguments[0]), *arguments[1:]), environment, REQUEST)
    return Subject(f"peer {Path(arguments[0]).name}", command, nothing, None)


def executable(name: str) -> str:
    """Return the path of a program that is there. Raises Wrong."""
    found = shutil.which(name)
    if found is None:
        raise Wrong(f"{name} is no program that can be run")
    return str(Path(found).absolute())


def nothing() -> None:
    """Leave everything as it is."""


def empty(node: Node, *kept: str) -> None:
    """Remove the ready answers and all that is remembered, but for the files that are to be kept."""
    for path in (node.state / "answers").glob("*"):
        if path.name not in kept:
            path.unlink()


def verify(subject: Subject, run: Run, calls: int) -> None:
    """Raise Wrong where a run did not answer as it should, or not with as many calls of ACR."""
    if subject.calls is None:
        return
    verify_answer(subject.name, run, credentials=subject.name != BARE)
    if calls != subject.calls:
        raise Wrong(f"{subject.name}: {calls} calls of ACR, not {subject.calls}")


def verify_answer(name: str, run: Run, *, credentials: bool = True) -> None:
    """Raise Wrong where a run failed, or answered without credentials."""
    if run.status != 0:
        raise Wrong(f"{name}: exit status {run.status}")
    if not credentials:
        return
    try:
        answer = json.loads(run.output)
    except ValueError:
        raise Wrong(f"{name}: no answer in JSON") from None
    if ALPHA not in answer["auth"]:
        raise Wrong(f"{name}: an answer without credentials")


def bundle_bytes(program: str) -> tuple[int, int]:
    """Return how many files there are beside a frozen program and their bytes together; links are not followed."""
    files = [path for path in Path(program).resolve().parent.rglob("*") if path.is_file() and not path.is_symlink()]
    return len(files), sum(path.stat().st_size for path in files)
