"""What people are told of a namespace that is not served: as Events there, each once an hour."""

from collections.abc import Awaitable, Callable

from lightkube.resources.core_v1 import Event

from provider.kubernetes.events import Limiter, event
from provider.kubernetes.names import SECRET
from provider.places import PROGRAM
from provider.secrets.plan import Problem

REMIND_SECONDS = 3600.0
"""API servers forget an Event after an hour."""


class Telling:
    """Makes the Events and hands them on."""

    def __init__(self, tell: Callable[[Event], Awaitable[None]], clock: Callable[[], float]) -> None:
        self._tell = tell
        self._clock = clock
        # A little less, so that a reminder that comes a moment early is not the one that is left out.
        self._limiter = Limiter(REMIND_SECONDS - 60)

    async def problem(self, namespace: str, problem: Problem) -> None:
        """Say at the Secret why it is left alone."""
        await self._say("Secret", namespace, SECRET, problem.reason, problem.message)

    async def refused(self, namespace: str, message: str) -> None:
        """Say at the namespace what the API server refuses."""
        await self._say("Namespace", "", namespace, "SecretRefused", f"{message}. {PROGRAM} tries again now and then.")

    async def _say(self, kind: str, namespace: str, name: str, reason: str, message: str) -> None:
        now = self._clock()
        if self._limiter.allow(f"{namespace}/{name} {reason}", now):
            await self._tell(event(kind, namespace, name, reason, message, warning=True, now=now))
