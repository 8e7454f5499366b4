"""Keeps the tokens for the Secrets: a child asks for them when it is time, and leaves them in a file."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from provider.own_program import NOT_IN_TIME, Done
from provider.places import Places
from provider.secrets.content import content_of
from provider.secrets.desired import Content
from provider.secrets.token_child import run_child
from provider.secrets.token_file import read_tokens
from provider.secrets.token_report import Failure, Report, parse_report
from provider.secrets.token_turns import LOOK_SECONDS, Turns

CHILD_SECONDS = 300.0
"""For all targets together; what was got by then counts."""
STDERR_LIMIT = 300
"""Characters that are told of what a child says that left no report."""

Run = Callable[[Sequence[str], float], Awaitable[Done]]


class Tokens:
    """The tokens of one configuration, which lies where `places` says."""

    def __init__(
        self,
        places: Places,
        *,
        changed: Callable[[Content | None], None],
        told: Callable[[Report], Awaitable[None]],
        run: Run = run_child,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        turns: Turns | None = None,
    ) -> None:
        """`changed` gets the content at every look, `told` what each run of the child came to."""
        self._options = (
            f"--config={places.config}",
            f"--local={places.local}",
            f"--state-dir={places.state}",
            f"--data-dir={places.data}",
        )
        self._places = places
        self._changed = changed
        self._told = told
        self._run = run
        self._clock = clock
        self._monotonic = monotonic
        self._turns = turns or Turns()
        self._wake = asyncio.Event()
        self.failed: tuple[Failure, ...] = ()
        """What the last run could not get and should have."""

    def ask_soon(self) -> None:
        """Ask for what the configuration wants now, as soon as can be."""
        self._turns.ask_soon()
        self._wake.set()

    async def read_configuration(self, seconds: float) -> Done:
        """Have a child read the configuration, so that it is there in the form that is read fast."""
        return await self._run(["agent", "tokens", *self._options, "--no-tokens"], seconds)

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            self._wake.clear()
            turn = self._turns.look(self._clock(), self._monotonic())
            if turn:
                await self._ask(every=turn == "all")
            self._changed(content_of(read_tokens(self._places), self._clock()))
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _ask(self, *, every: bool) -> None:
        arguments = ["agent", "tokens", *self._options, *(["--all"] if every else [])]
        done = await self._run(arguments, CHILD_SECONDS)
        report = parse_report(done.stdout) or self._without_report(done)
        self.failed = report.failed
        self._turns.done(
            report.renew, failed=bool(report.failed), expected=bool(report.failures), monotonic=self._monotonic()
        )
        await self._told(report)

    def _without_report(self, done: Done) -> Report:
        """Return what is to be said of a child that came to no end, or to a bad one."""
        if done.status == NOT_IN_TIME:
            late = f"asking for tokens took longer than {CHILD_SECONDS:g} s"
            failure = Failure("all registries", "", "unreachable", late)
        else:
            said = " ".join(done.stderr.split())[:STDERR_LIMIT] or f"exit status {done.status}"
            failure = Failure("all registries", "", "configuration", f"no token could be asked for: {said}")
        content = content_of(read_tokens(self._places), self._clock())
        return Report(renew=content.renew if content else 0, end=content.end if content else 0, failures=(failure,))
