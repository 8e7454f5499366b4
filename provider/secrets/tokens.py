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
ALL = "all registries"
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
        """`changed` gets the content at every look, `told` what each run of the child came to.

        The content is None while nobody knows of a token, and may be empty when it is known that there is none. That of
        one configuration never comes while another one is in force.
        """
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
        self._wanted = 0
        """How many configurations there were before the one that is in force."""
        self._asked: int | None = None
        """Of which of them what there is was asked for."""
        self._report: Report | None = None
        self.failed: tuple[Failure, ...] = ()
        """What the last run could not get and should have."""

    def configured(self) -> None:
        """Ask for what the configuration wants now, which is another one. Till that is known nothing is said."""
        self._wanted += 1
        self.ask_soon()

    def ask_soon(self) -> None:
        """Ask for what is due, as soon as can be."""
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
            if self._asked == self._wanted:
                self._changed(self._content())
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _content(self) -> Content | None:
        content = content_of(read_tokens(self._places), self._clock())
        says_all = self._report is not None and self._report.says_all
        return content if says_all or not content.is_empty else None

    async def _ask(self, *, every: bool) -> None:
        arguments = ["agent", "tokens", *self._options, *(["--all"] if every else [])]
        wanted = self._wanted
        done = await self._run(arguments, CHILD_SECONDS)
        report = parse_report(done.stdout) or self._without_report(done)
        self._asked, self._report = wanted, report
        self.failed = report.failed
        self._turns.done(
            report.renew, failed=bool(report.failed), expected=bool(report.failures), monotonic=self._monotonic()
        )
        await self._told(report)

    def _without_report(self, done: Done) -> Report:
        """Return what is to be said of a child that came to no end, or to a bad one."""
        content = content_of(read_tokens(self._places), self._clock())
        if done.status == NOT_IN_TIME:
            late = f"asking for tokens took longer than {CHILD_SECONDS:g} s"
            failure = Failure(ALL, "", "unreachable", late, kept_until=content.end)
        else:
            said = " ".join(done.stderr.split())[:STDERR_LIMIT] or f"exit status {done.status}"
            wrong = f"no token could be asked for: {said}"
            failure = Failure(ALL, "", "configuration", wrong, kept_until=content.end)
        ends = ((ALL, content.end),)
        return Report((), 0, content.renew, content.end, (failure,), ends, is_whole=False)
