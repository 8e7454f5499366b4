"""The queue of namespaces."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from provider.secrets.work import Work


async def taken(work: Work) -> list[str]:
    """Everything that is there now, in its order; all of it is given back."""
    keys = []
    while work.waiting():
        keys.append(await asyncio.wait_for(work.get(), 5))
        work.done(keys[-1])
    return keys


async def urgent_before_bulk() -> None:
    work = Work()
    for key in ("a", "b", "c"):
        work.add(key)
    work.add("new", urgent=True)
    work.add("c", urgent=True)
    assert await taken(work) == ["new", "c", "a", "b"]


async def once_each() -> None:
    work = Work()
    for key in ("a", "b", "a", "a"):
        work.add(key)
    work.add("a", urgent=True)
    work.add("a")
    assert await taken(work) == ["a", "b"]


async def by_one_worker_at_a_time_and_again_afterwards() -> None:
    work = Work()
    work.add("a")
    assert await work.get() == "a"
    work.add("a")
    work.add("b")
    assert await work.get() == "b"
    assert work.waiting() == {"a", "b"}
    work.done("a")
    assert await asyncio.wait_for(work.get(), 5) == "a"
    work.done("a")
    work.done("b")
    assert work.waiting() == set()


async def held_back() -> None:
    work = Work()
    work.add("a")
    work.add("b")
    work.hold("a", 0.2)
    work.add("a", urgent=True)
    assert work.is_held("a")
    assert await work.get() == "b"
    work.done("b")
    assert work.waiting() == set()
    assert await asyncio.wait_for(work.get(), 5) == "a"
    assert not work.is_held("a")


async def held_back_while_at_work() -> None:
    work = Work()
    work.add("a")
    await work.get()
    work.add("a", urgent=True)
    work.hold("a", 3600)
    work.done("a")
    assert work.waiting() == set()
    work.release_all()
    assert await taken(work) == ["a"]


CASES: list[Callable[[], Awaitable[None]]] = [
    urgent_before_bulk,
    once_each,
    by_one_worker_at_a_time_and_again_afterwards,
    held_back,
    held_back_while_at_work,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_queue(case: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await case()

    asyncio.run(run())
