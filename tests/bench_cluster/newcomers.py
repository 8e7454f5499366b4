"""How long something new waits: a ServiceAccount for its entry, a namespace for its Secret and the first entry."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable

from lightkube import AsyncClient
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Secret, ServiceAccount

from provider.kubernetes.names import SECRET
from tests.bench_cluster.population import FIRST, make_account, make_namespace

WAIT_SECONDS = 30
Key = tuple[str, str]
"""Namespace and name."""


class Arrivals:
    """When each thing was there, as a watch tells: Secrets of ours, and ServiceAccounts that name them."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._events: defaultdict[Key, asyncio.Event] = defaultdict(asyncio.Event)
        self._moments: dict[Key, float] = {}

    async def watch(self) -> None:
        """Take notice until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._secrets())
            tasks.create_task(self._accounts())

    async def moment(self, key: Key) -> float:
        """Wait for it, and return when it was there."""
        async with asyncio.timeout(WAIT_SECONDS):
            await self._events[key].wait()
        return self._moments[key]

    async def _secrets(self) -> None:
        async for _, secret in self._client.watch(Secret, namespace="*", fields={"metadata.name": SECRET}):
            self._note(secret.metadata, SECRET)

    async def _accounts(self) -> None:
        async for _, account in self._client.watch(ServiceAccount, namespace="*"):
            if any(one.name == SECRET for one in account.imagePullSecrets or ()):
                self._note(account.metadata)

    def _note(self, metadata: ObjectMeta | None, name: str = "") -> None:
        assert metadata is not None
        key = str(metadata.namespace), name or str(metadata.name)
        self._moments.setdefault(key, time.monotonic())
        self._events[key].set()


async def new_accounts(client: AsyncClient, arrivals: Arrivals, namespaces: list[str]) -> list[float]:
    """Seconds until each of these has a new ServiceAccount ready, one after the other."""

    async def one(namespace: str) -> float:
        await make_account(client, namespace, "new")
        made = time.monotonic()
        return await arrivals.moment((namespace, "new")) - made

    return await _each(one, namespaces)


async def new_namespaces(client: AsyncClient, arrivals: Arrivals, names: list[str]) -> list[float]:
    """Seconds until each new namespace has its Secret, and its ServiceAccount, which is made at once, names it."""

    async def one(name: str) -> float:
        await make_namespace(client, name)
        await make_account(client, name, FIRST)
        made = time.monotonic()
        moments = [await arrivals.moment((name, SECRET)), await arrivals.moment((name, FIRST))]
        return max(moments) - made

    return await _each(one, names)


async def _each(one: Callable[[str], Awaitable[float]], names: list[str]) -> list[float]:
    return [max(0.0, await one(name)) for name in names]
