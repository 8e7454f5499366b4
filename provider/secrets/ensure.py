"""The Secret of one namespace, at once: for the webhook, which lets no ServiceAccount pass before it is there."""

import asyncio
from collections.abc import Callable

from provider.errors import ProviderError
from provider.kubernetes.client import CONFLICT, ApiFailure
from provider.secrets.apply import Apply
from provider.secrets.plan import is_served
from provider.secrets.selection import Wanted
from provider.secrets.serve import Serve

SECONDS = 5.0


class Ensure:
    """Sees to it that Secrets are there, also on a replica that does not lead: then by writing those missing."""

    def __init__(self, serve: Serve, apply: Apply, synced: asyncio.Event, is_held: Callable[[str], bool]) -> None:
        self._serve = serve
        self._apply = apply
        self._synced = synced
        self._is_held = is_held
        self._creating: dict[str, asyncio.Task[ApiFailure | None]] = {}

    async def ensure(self, namespace: str) -> bool:
        """Tell within `SECONDS` whether our Secret is there; it is written where none is, once for all who ask.

        False: the namespace is to have none, there is no login for one, or another writer has it. Raises ProviderError
        where it cannot be had now.
        """
        try:
            async with asyncio.timeout(SECONDS):
                await self._synced.wait()
                return await self._ensured(namespace)
        except TimeoutError:
            raise ProviderError(f"the API server did not let it be written within {SECONDS:g} s") from None

    async def _ensured(self, namespace: str) -> bool:
        wanted, place = self._serve.wanted, self._serve.place(namespace)
        # A namespace that has just been made may not be known yet.
        if wanted is None or namespace not in wanted.namespaces or (place.namespace and not is_served(place, wanted)):
            return False
        if place.secret is not None:
            if place.secret.is_ours and place.secret.deleting:
                raise ProviderError("the one that is there is being deleted")
            return place.secret.is_ours
        if wanted.content is None:
            if wanted.is_refused:
                return False
            raise ProviderError("no token could be had yet")
        if wanted.content.is_empty:
            return False
        if self._is_held(namespace):
            raise ProviderError("it could not be written, and is tried again soon")
        if namespace not in self._creating:
            task = asyncio.create_task(self._create(namespace, wanted))
            self._creating[namespace] = task
            task.add_done_callback(lambda _: self._creating.pop(namespace))
        # Who stops waiting does not stop it for the others.
        failure = await asyncio.shield(self._creating[namespace])
        if failure is not None and failure.status != CONFLICT:
            raise failure
        return failure is None

    async def _create(self, namespace: str, wanted: Wanted) -> ApiFailure | None:
        try:
            if wanted.content is not None:
                await self._apply.create(namespace, wanted.content, wanted.service_accounts)
        except ApiFailure as failure:
            if failure.status != CONFLICT:
                self._serve.log(str(failure))
            return failure
        return None
