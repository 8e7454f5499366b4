"""What `agent place` does, one step after the other: the host's own `install` in its turn, or its `uninstall`."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from provider.agent.host_process import Company, Finished
from provider.agent.place_telling import Attempts, Telling
from provider.agent.rollout_tries import Tries
from provider.agent.rollout_turn import Turn
from provider.agent.slots import Clocks, Slots
from provider.kubernetes.client import ApiFailure
from provider.kubernetes.node_lease import State
from provider.node.detect.found import NotForThisNode
from provider.node.files import NodeError
from provider.places import PROGRAM

LOOK_SECONDS = 180.0
"""How long a look at the node may take: the cloud may be asked for domains."""
WORK_SECONDS = 480.0
"""How long install and uninstall may take, with what they wait for; then they are told to put everything back."""


Command = Literal["install", "uninstall"]


class Foreseen(NamedTuple):
    """What `--dry-run --json` tells."""

    changes: int
    program: bool
    """Whether another program would be placed."""
    restart: bool
    """Whether the kubelet would be restarted."""
    pending: bool
    """Whether a kubelet must start anew for what is, or would be, on the disk."""
    change: str = ""
    """Tells apart what a kubelet would read."""

    @property
    def takes_turn(self) -> bool:
        """Tell whether others are looked at first: a kubelet is restarted, or may meet a program that no node has."""
        return self.restart or self.program


class Host(Protocol):
    """What is asked of the host; see provider.agent.host."""

    def prepare(self) -> None:
        """Make `run` possible. Raises NodeError."""

    def run(self, arguments: Sequence[str], seconds: float, company: Company) -> Finished:
        """Run our program on the host. Raises NodeError."""

    def clean(self) -> None:
        """Leave nothing of that."""


class Task(NamedTuple):
    """What is to be done on the host."""

    command: Command
    options: Sequence[str] = ()
    may_restart: bool = True
    """Whether the kubelet may be restarted, when it is this node's turn."""

    @property
    def states(self) -> tuple[State, State]:
        """Return what the node is called while it is done, and after."""
        return ("installing", "ready") if self.command == "install" else ("removing", "removed")

    @property
    def pending(self) -> str:
        """Return what a node waits for whose kubelet was not restarted."""
        if self.command == "install":
            return "takes effect at the kubelet's next start"
        return "taken away; the kubelet that runs has the flags until its next start"

    def arguments(self, *, restart: bool) -> list[str]:
        """Return the arguments of the host's program."""
        return [self.command, *self.options, f"--restart={'now' if restart else 'never'}"]


@dataclass(frozen=True, slots=True)
class Job:
    """One run, and all that it works with."""

    task: Task
    host: Host
    before: Callable[[], None]
    """Puts on the host what install reads, and is done again and again; raises nothing."""
    after: Callable[[], None]
    """Done when the host's part went well."""
    slots: Slots
    turn: Turn
    telling: Telling
    clocks: Clocks
    attempt: Attempts
    say: Callable[[str], None]
    pass_on: Callable[[str], None]
    """Takes a line as the host's program says it."""

    def is_ended(self) -> bool:
        """Tell whether this process was told to end."""
        return self.clocks.wait(0)


def do(job: Job) -> int:
    """Do it, and return the exit status: 1 where the node failed or this was ended before, to be tried again."""
    try:
        return _do(job)
    except ApiFailure as failure:
        # Asking for a turn was refused: nothing was begun.
        job.say(str(failure))
        return 1
    finally:
        job.host.clean()


def _do(job: Job) -> int:
    job.before()
    try:
        job.host.prepare()
    except NodeError as error:
        return _ended(job) if job.is_ended() else _failed(job, str(error))
    status = None
    while status is None:
        status = _try(job)
    return status


def _try(job: Job) -> int | None:
    """Look at the node, wait where that is needed, and work; None: the node is to be looked at anew."""
    try:
        foreseen = _foresee(job)
    except NotForThisNode as error:
        return _let_be(job, str(error))
    except NodeError as error:
        return _ended(job) if job.is_ended() else _failed(job, str(error))
    job.turn.planned(foreseen.change, restarts=foreseen.restart)
    if foreseen.takes_turn:
        match job.turn.wait():
            case "ended":
                return _ended(job)
            case "look again":
                return None
        # That may have taken hours.
        job.before()
    if foreseen.restart or foreseen.changes:
        job.telling.tell(job.task.states[0])
    try:
        done = _work(job, foreseen)
    except NodeError as error:
        return _failed(job, str(error), foreseen)
    if not done.status:
        return _well(job, foreseen)
    if job.is_ended():
        return _ended(job)
    if job.slots.is_lost:
        job.say("another node has this node's slot by now: what was begun is put back, and the next turn waited for")
        job.telling.tell("waiting", "another node has its slot by now")
        return None
    if done.status == NotForThisNode.exit_status:
        return _let_be(job, _reason(done))
    return _failed(job, _reason(done), foreseen)


def _foresee(job: Job) -> Foreseen:
    """Look at the node. Raises NotForThisNode where nothing can ever be done there, else NodeError."""
    arguments = [*job.task.arguments(restart=job.task.may_restart), "--dry-run", "--json"]
    done = job.host.run(arguments, LOOK_SECONDS, Company(job.pass_on, job.is_ended, lambda: None))
    if done.status == NotForThisNode.exit_status:
        raise NotForThisNode(_reason(done))
    if done.status:
        raise NodeError(_reason(done))
    try:
        told = json.loads(done.stdout)
        program, restart, pending = (told[name] is True for name in ("program", "restart", "pending"))
        return Foreseen(int(told["changes"]), program, restart, pending, str(told["change"]))
    except (ValueError, KeyError, TypeError):
        raise NodeError(f"{job.task.command} --dry-run --json of this version tells nothing that is known") from None


def _work(job: Job, foreseen: Foreseen) -> Finished:
    """Let the host's program do it; the kubelet is restarted with a slot alone, whatever has changed since the look."""

    def tick() -> None:
        if job.slots.taken is not None:
            job.attempt(job.slots.renew)

    def is_ended() -> bool:
        return job.is_ended() or (foreseen.takes_turn and job.slots.is_lost)

    arguments = job.task.arguments(restart=foreseen.restart)
    return job.host.run(arguments, WORK_SECONDS, Company(job.pass_on, is_ended, tick))


def _well(job: Job, foreseen: Foreseen) -> int:
    try:
        job.after()
    except NodeError as error:
        job.say(f"warning: {error}")
    if foreseen.takes_turn:
        job.turn.succeeded(used=foreseen.restart or not foreseen.pending)
    else:
        job.attempt(job.turn.mended)
    job.telling.tried(Tries())
    if foreseen.pending and not foreseen.restart:
        job.telling.tell("pending", job.task.pending, restart_pending=True)
    else:
        job.telling.tell(job.task.states[1])
    return 0


def _failed(job: Job, reason: str, foreseen: Foreseen | None = None) -> int:
    """Say so. `foreseen`: what was to be done, where that is known and was begun."""
    job.say(f"failed: {reason}")
    if foreseen is not None and (foreseen.restart or foreseen.changes):
        job.turn.failed(reason)
    else:
        job.turn.warn(reason)
    job.telling.tell("failed", reason)
    return 1


def _let_be(job: Job, reason: str) -> int:
    """End well where nothing can be done: that is this node's own, and no other one waits for it."""
    job.say(f"the program cannot be on this node: {reason}")
    job.turn.end()
    job.attempt(job.turn.mended)
    job.telling.tell("unable", reason)
    return 0


def _ended(job: Job) -> int:
    job.say("ended before it was done; the node is as it was")
    job.turn.end()
    job.telling.tell("waiting", "its pod was ended before it was done")
    return 1


def _reason(done: Finished) -> str:
    last = done.last[-1].removeprefix(f"{PROGRAM}: ") if done.last else ""
    return last or (f"exit status {done.status}" if done.status > 0 else f"killed by signal {-done.status}")
