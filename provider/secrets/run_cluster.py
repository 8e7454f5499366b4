"""What the writer needs of the cluster beside its configuration: its date, and the identities that are mounted."""

import asyncio
from collections.abc import Callable

from lightkube import AsyncClient
from lightkube.resources.core_v1 import Namespace

from provider.agent.identities import IDENTITIES, Identities
from provider.agent.place_cluster import content_of, write
from provider.kubernetes.client import ApiFailure, Count, ask_counted
from provider.kubernetes.names import SYSTEM_NAMESPACE
from provider.node.files import NodeError, Tree
from provider.places import Places
from provider.secrets.rate import back_off

LOOK_SECONDS = 10.0
BACK_OFF_LIMIT = 30.0


async def learn_cluster_date(
    client: AsyncClient,
    places: Places,
    cluster_id: str,
    asked: Count,
    log: Callable[[str], None],
) -> None:
    """Write down when the cluster was made, which decides the identity; tries until the API server tells.

    `cluster_id`: of the ACK cluster; empty where nobody said it. Raises NodeError where it cannot be written.
    """
    failures = 0
    while True:
        try:
            content = await _cluster_date(client, cluster_id, asked)
            break
        except ApiFailure as failure:
            failures += 1
            log(str(failure))
            await asyncio.sleep(back_off(failures, BACK_OFF_LIMIT))
    write(Tree(), content, places.cluster)


async def _cluster_date(client: AsyncClient, cluster_id: str, asked: Count) -> bytes:
    what = f"read namespace {SYSTEM_NAMESPACE}"
    found = await ask_counted(asked, "GET", what, client.get(Namespace, SYSTEM_NAMESPACE))
    moment = found.metadata.creationTimestamp if found.metadata is not None else None
    if moment is None:
        raise ApiFailure(f"cannot {what}: it has no creationTimestamp")
    return content_of(moment, cluster_id)


def put_identities(identities: Identities, log: Callable[[str], None]) -> tuple[float | None, ...]:
    """Copy what is mounted to where it is read; returns when each identity ends."""
    ends: list[float | None] = []
    for identity in IDENTITIES:
        try:
            ends.append(identities.put(identity))
        except NodeError as error:
            log(str(error))
            ends.append(None)
    return tuple(ends)


async def keep_identities(identities: Identities, changed: Callable[[], None], log: Callable[[str], None]) -> None:
    """Keep the identities in step until cancelled; `changed` is called when one is another."""
    before: tuple[float | None, ...] | None = None
    said: set[str] = set()

    def say_once(line: str) -> None:
        if line not in said:
            said.add(line)
            log(line)

    while True:
        now = put_identities(identities, say_once)
        if now != before and before is not None:
            changed()
        before = now
        await asyncio.sleep(LOOK_SECONDS)
