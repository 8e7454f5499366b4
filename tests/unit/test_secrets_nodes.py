"""How often the leader looks at the nodes' Leases while it cannot, and which it takes away."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
from lightkube import AsyncClient

from provider.kubernetes.client import ApiFailure, open_async_client
from provider.kubernetes.node_lease import NodeState, lease_of
from provider.secrets import api
from provider.secrets.leader_nodes import GONE_SECONDS, LOOK_SECONDS, Nodes
from provider.secrets.metrics import SILENT
from tests.unit.tls_api_server import TOKEN, ApiServer, Asked, always

NOW = 1_800_000_000


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


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    found = ApiServer(tmp_path, wants_certificate=False)
    with found.running():
        yield found


def look(server: ApiServer) -> tuple[Mapping[str, int], list[str]]:
    """What is counted, and said."""
    counts: list[Mapping[str, int]] = []
    lines: list[str] = []

    async def run() -> None:
        client = open_async_client(server.kubeconfig({"token": TOKEN}))
        nodes = Nodes(
            client, "ours", may_write=lambda: True, counts=counts.append,
            asked=lambda method, status: None, log=lines.append, clock=lambda: float(NOW),
        )  # fmt: skip
        try:
            await nodes.look(clean=True)
        finally:
            await client.close()

    asyncio.run(run())
    return counts[-1], lines


def with_one_that_is_gone(deletion: int) -> Any:
    """Answers that list the Lease of such a node, and so to its deletion."""
    lease = lease_of(NodeState("node-1", "ready", renewed=NOW - GONE_SECONDS - 1), "ours").to_dict()
    lease["metadata"]["resourceVersion"] = "77"

    def answer(asked: Asked) -> tuple[int, bytes]:
        if asked.method == "DELETE":
            return always(deletion, {"kind": "Status", "code": deletion, "reason": "Because"})(asked)
        return always(200, {"kind": "LeaseList", "metadata": {"resourceVersion": "9"}, "items": [lease]})(asked)

    return answer


@pytest.mark.parametrize(("status", "counts", "lines"), [(200, {}, 1), (404, {}, 0), (409, {SILENT: 1}, 0)])
def test_a_lease_goes_only_as_it_was_seen(
    server: ApiServer, status: int, counts: Mapping[str, int], lines: int
) -> None:
    server.answer = with_one_that_is_gone(status)
    counted, said = look(server)
    assert (counted, len(said)) == (counts, lines)
    (deletion,) = [asked for asked in server.asked if asked.method == "DELETE"]
    assert deletion.path.endswith("/namespaces/ours/leases/node-1")
    assert deletion.body == {"preconditions": {"resourceVersion": "77"}}, json.dumps(deletion.body)


def test_a_deletion_that_is_not_answered_ends_in_time(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "REQUEST_SECONDS", 0.3)
    others, over = with_one_that_is_gone(200), threading.Event()

    def late(asked: Asked) -> tuple[int, bytes]:
        if asked.method == "DELETE":
            over.wait(30)
        return cast(tuple[int, bytes], others(asked))

    server.answer = late
    begun = time.monotonic()
    with pytest.raises(ApiFailure, match="did not answer in time"):
        look(server)
    assert time.monotonic() - begun < 10
    over.set()
