"""The writer's Events: sent one after the other, and lost where the API server does not take them."""

import asyncio
from collections.abc import Callable, Iterable

from lightkube import AsyncClient
from lightkube.resources.core_v1 import Event

from provider.kubernetes.client import CONFLICT, NOT_FOUND, ApiFailure, Count, ask_counted
from provider.kubernetes.events import HOUR, Limiter, event
from provider.kubernetes.names import CONFIG_MAP, SYSTEM_NAMESPACE
from provider.secrets.token_report import Failure

MOST_WAITING = 200
MOST_NAMESPACES = 20
"""In which it is said that a token is missing; with more, or `all`, the ConfigMap's Event has to do."""
SECONDS = 5.0
WRONG, REFUSED, UNREACHABLE = "ConfigurationWrong", "TokenRefused", "TokenNotRenewed"


class Events:
    """Sends Events."""

    def __init__(
        self, client: AsyncClient, clock: Callable[[], float], asked: Count,
        log: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._client = client
        self._clock = clock
        self._asked = asked
        self._log = log
        self._limiter = Limiter(HOUR)
        self._waiting: asyncio.Queue[Event] = asyncio.Queue(MOST_WAITING)

    async def post(self, made: Event) -> bool:
        """Have an Event sent; raises nothing and waits for nobody. False: too many wait already, and it is lost."""
        try:
            self._waiting.put_nowait(made)
        except asyncio.QueueFull:
            return False
        return True

    async def configuration_wrong(self, detail: str) -> None:
        """Say that the ConfigMap is wrong."""
        await self._on_config_map(WRONG, detail, detail)

    async def tokens_failed(self, failures: Iterable[Failure], namespaces: Iterable[str]) -> None:
        """Say which tokens could not be had, at the ConfigMap; and where none is left, in the namespaces too."""
        named = tuple(namespaces)[:MOST_NAMESPACES]
        for failure in failures:
            reason = REFUSED if failure.cause == "refused" else UNREACHABLE
            # Each try has a RequestId of its own.
            key = f"{failure.target} {failure.cause} {failure.code}"
            await self._on_config_map(reason, sentence(failure), key)
            for namespace in () if failure.kept_until else named:
                await self._say("Namespace", "", namespace, reason, sentence(failure), key)

    async def run(self) -> None:
        """Send what there is, until cancelled."""
        while True:
            made = await self._waiting.get()
            try:
                async with asyncio.timeout(SECONDS):
                    await ask_counted(self._asked, "POST", "make an Event", self._client.create(made))
            except TimeoutError:
                self._asked("POST", 0)
            except ApiFailure as failure:
                # Somebody else has said the same, or the namespace has gone.
                if failure.status not in (NOT_FOUND, CONFLICT):
                    self._log(str(failure))

    async def _on_config_map(self, reason: str, message: str, key: str) -> None:
        await self._say("ConfigMap", SYSTEM_NAMESPACE, CONFIG_MAP, reason, message, key)

    async def _say(self, kind: str, namespace: str, name: str, reason: str, message: str, key: str) -> None:
        now, said = self._clock(), f"{kind} {name} {reason} {key}"
        if self._limiter.allow(said, now) and not await self.post(
            event(kind, namespace, name, reason, message, warning=True, now=now)
        ):
            self._limiter.forget(said)


def sentence(failure: Failure) -> str:
    """Return what is said of a failure: whom it was asked of, as whom, and why not."""
    identity = f", as {failure.identity}" if failure.identity else ""
    kept = " The token that is there stays until it ends." if failure.kept_until else ""
    return f"No token for {failure.target}{identity}: {failure.line}.{kept}"
