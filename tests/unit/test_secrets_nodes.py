"""How often the leader looks at the nodes' Leases while it cannot."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx2
import pytest
from lightkube import AsyncClient

from provider.secrets.leader_nodes import LOOK_SECONDS, Nodes


class Down:
    """An API server that is not there."""

    async def list(self, *found: Any, **_: Any) -> AsyncIterator[Any]:
        for each in found:
            raise httpx2.ConnectError(f"down: {each}")
        yield


def test_who_cannot_read_the_leases_waits_longer_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    lines: list[str] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 12:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", sleep)
    nodes = Nodes(
        cast(AsyncClient, Down()), "ours", may_write=lambda: True, counts=lambda counts: None,
        asked=lambda method, status: None, log=lines.append,
    )  # fmt: skip
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(nodes.run())
    assert len(lines) == 12
    assert max(waits[:2]) <= 2
    assert 2 < max(waits[6:]) <= LOOK_SECONDS
