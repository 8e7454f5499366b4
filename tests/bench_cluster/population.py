"""The cluster that is measured: namespaces with ServiceAccounts, as many as the design speaks of."""

import asyncio
import contextlib
from collections.abc import Awaitable, Sequence

from lightkube import ApiError, AsyncClient
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Namespace, ServiceAccount

AT_ONCE = 40
FIRST = "default"
"""Every namespace's first ServiceAccount; a cluster's own controller makes it there."""


def namespaces(count: int, word: str = "team") -> list[str]:
    return [f"{word}-{number:04}" for number in range(count)]


def accounts(count: int) -> list[str]:
    return [FIRST, *(f"app-{number}" for number in range(1, count))]


async def fill(client: AsyncClient, names: Sequence[str], each: int) -> None:
    """Make these namespaces with so many ServiceAccounts each, many requests at once."""
    await gather([make_namespace(client, name) for name in names])
    await gather([make_account(client, space, name) for space in names for name in accounts(each)])


async def make_namespace(client: AsyncClient, name: str) -> None:
    with contextlib.suppress(ApiError):
        await client.create(Namespace(metadata=ObjectMeta(name=name)))


async def make_account(client: AsyncClient, namespace: str, name: str) -> None:
    await client.create(ServiceAccount(metadata=ObjectMeta(name=name, namespace=namespace)))


async def gather(work: Sequence[Awaitable[None]]) -> None:
    """Do it all, so much at once."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(awaitable: Awaitable[None]) -> None:
        async with gate:
            await awaitable

    async with asyncio.TaskGroup() as tasks:
        for awaitable in work:
            tasks.create_task(one(awaitable))
