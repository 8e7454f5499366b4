"""The writer as a process: its parts together, and their end."""

import argparse
import asyncio
import signal
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

from lightkube import AsyncClient

from provider.agent.identities import Identities
from provider.errors import ProviderError, place_of
from provider.journal import Journal
from provider.kubernetes.client import open_async_client
from provider.kubernetes.probes import Health, address_of, serve
from provider.places import Places
from provider.secrets.configuration import LiveConfiguration, Watched
from provider.secrets.leader import Leader
from provider.secrets.leader_nodes import Nodes
from provider.secrets.metrics import Metrics
from provider.secrets.reconcile import Reconciler
from provider.secrets.run_cluster import keep_identities, learn_cluster_date, put_identities
from provider.secrets.run_events import Events
from provider.secrets.run_writer import Telling, Writer
from provider.secrets.tokens import Tokens

SETTLE_SECONDS = 5.0
"""For writes that are under way when the process is to end."""
SETTLE_STEP_SECONDS = 0.05
SIGNALS = (signal.SIGTERM, signal.SIGINT)

Part = Coroutine[Any, Any, None]


class Process:
    """All parts, from the beginning to the end."""

    def __init__(self, parsed: argparse.Namespace, places: Places, mounts: str, journal: Journal) -> None:
        self._parsed = parsed
        self._places = places
        self._mounts = mounts
        self._journal = journal
        self._metrics = Metrics()
        self._health = Health()
        self._tasks: list[asyncio.Task[None]] = []
        """Of the parts; the first is the leader's."""

    async def run(self) -> int:
        """Begin, go on until a signal comes, 0, or a part fails, 1; and end in order. Raises ProviderError."""
        address, port = address_of(self._parsed.listen)
        ended = asyncio.Event()
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        async with AsyncExitStack() as stack:
            client = open_async_client(self._parsed.kubeconfig)
            stack.push_async_callback(client.close)
            server = serve(address, port, self._health, self._metrics.registry)
            stack.callback(server.close)
            leader = self._leader(client)
            reconciler, writer, parts = self._writer(client, leader)
            webhook = await self._webhook(reconciler, writer) if self._parsed.webhook_listen else None
            try:
                return await self._until(ended, [leader.run(), *parts])
            finally:
                await self._hand_over(leader, reconciler)
                if webhook is not None:
                    await webhook.close()
                await self._cancel(*self._tasks)

    def _log(self, line: str) -> None:
        self._journal(" ".join(line.split()), "info")

    def _leader(self, client: AsyncClient) -> Leader:
        metrics = self._metrics
        metrics.leads(leads=False)
        return Leader(
            client,
            self._parsed.namespace,
            self._parsed.identity,
            changed=lambda leads: metrics.leads(leads=leads),
            asked=metrics.asked,
            log=self._log,
        )

    def _writer(self, client: AsyncClient, leader: Leader) -> tuple[Reconciler, Writer, list[Part]]:
        metrics, log, parsed = self._metrics, self._log, self._parsed
        events = Events(client, time.time, metrics.asked, log)
        reconciler = Reconciler(
            client,
            clock=time.time,
            monotonic=time.monotonic,
            may_write=leader.may_write,
            tell=events.post,
            wrote=metrics.wrote,
            asked=metrics.asked,
            log=log,
        )
        writer = Writer(
            reconciler,
            Telling(events, metrics, self._health, log),
            leader.may_write,
            namespace=parsed.namespace,
            takeover=parsed.takeover,
            remove=parsed.remove,
        )
        nodes = Nodes(
            client, parsed.namespace, may_write=leader.may_write, counts=metrics.nodes, asked=metrics.asked, log=log
        )
        parts = [writer.watch(), reconciler.run(), events.run(), nodes.run()]
        return reconciler, writer, parts if parsed.remove else parts + self._supplies(client, writer)

    def _supplies(self, client: AsyncClient, writer: Writer) -> list[Part]:
        """Return what brings configuration and tokens."""
        metrics, log, places = self._metrics, self._log, self._places
        tokens = Tokens(places, changed=writer.supplied, told=writer.asked)
        writer.changed = tokens.configured
        watched = Watched(client, metrics.asked, log)
        live = LiveConfiguration(
            watched,
            places,
            self._parsed.token_mode,
            prepare=tokens.read_configuration,
            changed=writer.configured,
            log=log,
        )

        async def follow() -> None:
            await learn_cluster_date(client, places, self._parsed.cluster_id, metrics.asked, log)
            await live.run()

        async def supply() -> None:
            await writer.known.wait()
            await tokens.run()

        def renewed() -> None:
            if tokens.failed:
                tokens.ask_soon()

        identities = Identities(self._mounts, places.identities)
        # Before anybody asks for a token.
        put_identities(identities, log)
        return [watched.run(), follow(), supply(), keep_identities(identities, renewed, log)]

    async def _webhook(self, reconciler: Reconciler, writer: Writer) -> Any:
        # aiohttp is loaded only where it is needed.
        from provider.secrets.webhook import serve_webhook

        parsed = self._parsed
        where = (parsed.webhook_listen, parsed.webhook_authority, parsed.webhook_service)
        try:
            return await serve_webhook(*where, reconciler, writer.rules, self._journal)
        except OSError as error:
            raise ProviderError(f"--webhook-listen {parsed.webhook_listen}: {error.strerror}") from None

    async def _until(self, ended: asyncio.Event, parts: list[Part]) -> int:
        self._tasks = [asyncio.ensure_future(part) for part in parts]
        waiting = asyncio.ensure_future(ended.wait())
        await asyncio.wait([*self._tasks, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        return 0 if ended.is_set() else 1

    async def _hand_over(self, leader: Leader, reconciler: Reconciler) -> None:
        """Let the writes end that are under way, and somebody else begin."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                self._journal(f"ends, and is to be started anew: {_told(error)}", "error")
        leader.stop()
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                while reconciler.is_at_work:
                    await asyncio.sleep(SETTLE_STEP_SECONDS)
        except TimeoutError:
            self._log("writes are still under way: they are given up")
        await self._cancel(*self._tasks[:1])
        await leader.release()

    async def _cancel(self, *tasks: asyncio.Task[None]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _told(error: BaseException) -> str:
    """Return what may be said of an error: a bug's text may hold anything."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(_told(each) for each in error.exceptions)
    return str(error) if isinstance(error, ProviderError) or not isinstance(error, Exception) else place_of(error)
