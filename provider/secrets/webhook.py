"""The webhook: the API server asks at each new ServiceAccount, and gets its entry once the Secret is there.

So a chart that creates a ServiceAccount and its pods together works: those pods find both.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from aiohttp import web

from provider.errors import ConfigurationError, ProviderError, RequestError, place_of
from provider.journal import Journal
from provider.kubernetes.events import Limiter
from provider.kubernetes.names import SECRET
from provider.places import PROGRAM
from provider.secrets.admission import Rules, allowed, needs_entry, patched, read_review, seconds_of
from provider.secrets.certificates import ServerCertificate

PATH = "/mutate"
SIZE_LIMIT = 4 << 20
"""Bytes of a request: an object has 1.5 MiB at most, and comes alone at its creation."""
KEEP_ALIVE_SECONDS = 180.0
"""Longer than the 90 s that API servers keep a connection which nobody uses: who closes first must be the one that
sends, or a request meets a closed connection."""
LINGERING_SECONDS = 1.0
"""For the rest of a request that is answered before its end."""
DRAIN_SECONDS = 4.0
"""How long after the end was decided Services still lead here."""
CLOSE_SECONDS = 5.0
"""For requests that are being answered when the server closes."""


class Reconciler(Protocol):
    """What makes the Secrets."""

    async def ensure(self, namespace: str) -> bool:
        """Return once the namespace has its Secret: True; False where it is to have none, or has another's.

        Raises ProviderError where it cannot be made now.
        """


class Server:
    """The running webhook."""

    def __init__(self, runner: web.AppRunner) -> None:
        self._runner = runner

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._runner.addresses[0][1])

    async def close(self, drain_seconds: float = DRAIN_SECONDS) -> None:
        """Answer as before for so long, then take no more connections, and end once all are answered that are here."""
        await asyncio.sleep(drain_seconds)
        server = self._runner.server
        transports = [connection.transport for connection in server.connections] if server else []
        await self._runner.cleanup()
        for transport in transports:
            if transport is not None:
                # TLS would wait for the other side's farewell.
                transport.abort()
        await asyncio.sleep(0)


async def serve_webhook(
    listen: str,
    authority: str,
    service: str,
    reconciler: Reconciler,
    rules: Callable[[], Rules | None],
    journal: Journal,
) -> Server:
    """Listen on `listen` (`ADDRESS:PORT`, port 0: any) as host `service` (`NAME.NAMESPACE.svc`), and return the server.

    `authority`: the folder that has tls.crt and tls.key. `rules` is asked at each request; without any it is no answer,
    and the API server does what the webhook's failurePolicy says. Raises
    ConfigurationError for a wrong authority, OSError for a port that is taken.
    """
    address, _, port = listen.rpartition(":")
    if not port.isdecimal():
        raise ConfigurationError(f"{listen} is no place to listen on; right form: 0.0.0.0:10360")
    certificate = ServerCertificate(Path(authority), (service,), journal)
    answering = _Answering(reconciler, rules, journal)
    application = web.Application(client_max_size=SIZE_LIMIT)
    application.router.add_post(PATH, answering.answer)
    runner = web.AppRunner(
        application,
        access_log=None,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        lingering_time=LINGERING_SECONDS,
        shutdown_timeout=CLOSE_SECONDS,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, address.strip("[]"), int(port), ssl_context=certificate.context).start()
    except OSError:
        await runner.cleanup()
        raise
    return Server(runner)


class _Answering:
    def __init__(self, reconciler: Reconciler, rules: Callable[[], Rules | None], journal: Journal) -> None:
        self._reconciler, self._rules, self._journal = reconciler, rules, journal
        self._limiter = Limiter()

    async def answer(self, request: web.Request) -> web.Response:
        seconds = seconds_of(request.query.get("timeout", ""))
        end = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(end):
                review = read_review(await request.read())
        except RequestError as error:
            return web.Response(status=400, text=str(error))
        except TimeoutError:
            return web.Response(status=408, text="the request did not arrive in time")
        rules = self._rules()
        if rules is None:
            return web.Response(status=503, text=f"{PROGRAM}: no configuration is known yet")
        if not needs_entry(review, rules):
            return _json(allowed(review))
        if review.dry_run:
            return _json(patched(review))
        try:
            async with asyncio.timeout_at(end):
                there = await self._reconciler.ensure(review.namespace)
        except (ProviderError, TimeoutError) as error:
            reason = str(error) or f"it took longer than {seconds:g} s"
        except Exception as error:
            reason = place_of(error)
        else:
            return _json(patched(review) if there else allowed(review))
        failed = f"{PROGRAM}: no Secret {SECRET} yet in namespace {review.namespace}: {reason}"
        if self._limiter.allow(review.namespace, time.monotonic()):
            self._journal(failed)
        if rules.webhook.failure_policy == "Fail":
            return web.Response(status=500, text=failed)
        return _json(allowed(review, warning=failed))


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")
