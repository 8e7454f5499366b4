"""What people are told of what is not served: as Events there, each once an hour."""

from collections.abc import Awaitable, Callable

from lightkube.resources.core_v1 import Event

from provider.kubernetes.events import HOUR, Limiter, event
from provider.kubernetes.names import SECRET
from provider.places import PROGRAM
from provider.secrets.cache import AccountView
from provider.secrets.plan import Problem

REMIND_SECONDS = HOUR


class Telling:
    """Makes the Events and hands them on; each method tells whether it is said, now or within the last hour."""

    def __init__(self, tell: Callable[[Event], Awaitable[bool]], clock: Callable[[], float]) -> None:
        """`tell` returns False where it cannot take an Event now."""
        self._tell = tell
        self._clock = clock
        # A little less, so that a reminder that comes a moment early is not the one that is left out.
        self._limiter = Limiter(REMIND_SECONDS - 60)

    async def problem(self, namespace: str, problem: Problem) -> bool:
        """Say at the Secret why it is left alone."""
        return await self._say("Secret", namespace, SECRET, problem.reason, problem.message)

    async def refused(self, namespace: str, message: str) -> bool:
        """Say at the namespace what the API server refuses."""
        said = f"{message}. {PROGRAM} tries again now and then."
        return await self._say("Namespace", "", namespace, "SecretRefused", said)

    async def secret_removed(self, namespace: str) -> bool:
        """Say at a namespace that somebody takes the Secret away again and again."""
        said = (
            f"Somebody keeps taking Secret {SECRET} away from namespace {namespace}, as a tool does that removes what "
            f"it does not know. Have that tool leave {SECRET} alone, or take {namespace} out of watch-namespace in the "
            f"ConfigMap. {PROGRAM} writes it again less and less often, in the end every 10 minutes; pods that start "
            "meanwhile have no pull secret of ours."
        )
        return await self._say("Namespace", "", namespace, "SecretRemoved", said)

    async def entry_removed(self, account: AccountView) -> bool:
        """Say at a ServiceAccount that somebody takes the entry away again and again."""
        said = (
            f"Somebody keeps taking {SECRET} out of the imagePullSecrets of ServiceAccount {account.name}, as a tool "
            f"does that applies it from a file. Have that tool leave imagePullSecrets alone, or write {SECRET} into "
            f"them there; or take {account.name} out of service-account in the ConfigMap. {PROGRAM} puts it back less "
            "and less often, in the end every 10 minutes; pods that start meanwhile have no pull secret of ours."
        )
        return await self._say("ServiceAccount", account.namespace, account.name, "EntryRemoved", said)

    async def entry_refused(self, account: AccountView, message: str) -> bool:
        """Say at a ServiceAccount that the API server lets its entry not be changed."""
        said = f"{message}. Let {PROGRAM} change its imagePullSecrets, or take {account.name} out of service-account in"
        said = f"{said} the ConfigMap. {PROGRAM} tries again every 5 minutes at most; all others are served."
        return await self._say("ServiceAccount", account.namespace, account.name, "EntryRefused", said)

    async def _say(self, kind: str, namespace: str, name: str, reason: str, message: str) -> bool:
        now, key = self._clock(), f"{namespace}/{name} {reason}"
        if not self._limiter.allow(key, now):
            return True
        if await self._tell(event(kind, namespace, name, reason, message, warning=True, now=now)):
            return True
        self._limiter.forget(key)
        return False
