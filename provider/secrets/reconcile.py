"""Keeps the compatibility Secrets, and the entries that name them, as they are wanted, in all namespaces."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lightkube import AsyncClient
from lightkube.resources.core_v1 import Event

from provider.kubernetes.names import SECRET
from provider.secrets.api import Api
from provider.secrets.apply import Apply
from provider.secrets.cache import (
    AccountView,
    Cache,
    NamespaceView,
    SecretView,
    account_view,
    namespace_view,
    secret_view,
)
from provider.secrets.desired import Desired
from provider.secrets.ensure import Ensure
from provider.secrets.plan import has_entry, is_served
from provider.secrets.rate import Pace
from provider.secrets.selection import wanted_of
from provider.secrets.serve import Serve
from provider.secrets.telling import REMIND_SECONDS, Telling
from provider.secrets.watching import Kind, Watching
from provider.secrets.wire import NamespaceObject, SecretObject, ServiceAccountObject
from provider.secrets.work import Work

WORKERS = 20
TICK_SECONDS = 1.0
SWEEP_SECONDS = 30.0
"""Whether a Secret is due is asked so often, of the clock on the wall: that may jump, and we may have been stopped."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the cluster is what is wanted."""

    is_synced: bool
    """Whether all of the cluster has been read, and what is wanted is known; else the numbers say nothing yet."""
    total: int
    """Namespaces that are to have a Secret."""
    pending: int
    """Namespaces in which something is still to be done; also those from which Secret or entries have to go."""
    left_alone: int
    """Namespaces of `total` whose Secret another writer has, or cannot be changed."""
    end: int
    """When the first login in a Secret of ours in these namespaces ends, in seconds since the epoch; 0: there is none.
    It stays when it is past."""


def _ignore(*_: object) -> None:
    return


class Reconciler:
    """The writer of compatibility Secrets but for leadership, configuration and tokens: of these it is told."""

    def __init__(
        self,
        client: AsyncClient,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        may_write: Callable[[], bool],
        tell: Callable[[Event], Awaitable[bool]],
        wrote: Callable[[str], None] = _ignore,
        asked: Callable[[str, int], None] = _ignore,
        log: Callable[[str], None] = _ignore,
    ) -> None:
        """Nothing is asked of the cluster before `run`.

        `clock`: seconds since the epoch. `may_write`: asked before every write, which ends within `REQUEST_SECONDS`.
        `tell` must not raise; False: it cannot take the Event now.
        `wrote` gets what became of each write of a Secret (`written`, `removed`, `conflict`,
        `refused`, `failed`), `asked` method and status of each request (0: no answer), `log` lines without secrets.
        """
        self._monotonic = monotonic
        self._may_write = may_write
        self._cache = Cache()
        self._work = Work()
        self._api = Api(client, Pace(monotonic), may_write, asked)
        apply = Apply(self._api, self._cache, wrote)
        self._serve = Serve(
            self._cache, apply, self._work, Telling(tell, clock),
            may_write=may_write, clock=clock, monotonic=monotonic, log=log,
        )  # fmt: skip
        self._synced = asyncio.Event()
        self._ensure = Ensure(self._serve, apply, self._synced, self._work.is_held)
        self._reminded = monotonic()

    async def run(self) -> None:
        """Watch the cluster and keep it as it is wanted, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for watching in self._watchings():
                tasks.create_task(watching.run())
            for _ in range(WORKERS):
                tasks.create_task(self._worker())
            tasks.create_task(self._tick())

    def want(self, desired: Desired) -> None:
        """Take what is wanted from now on."""
        wanted = wanted_of(desired)
        if wanted != self._serve.wanted:
            self._serve.wanted = wanted
            self._work.release_all()
            self._serve.patience.release_all()
            self._look_around()

    async def ensure(self, namespace: str) -> bool:
        """Tell, within seconds, whether a namespace has our Secret, which is written if none is there.

        For the webhook, on any replica. False: the namespace is not served, or another writer has the Secret. Raises
        ProviderError where it cannot be had now: the API server refuses, or there are no tokens yet.
        """
        return await self._ensure.ensure(namespace)

    def progress(self) -> Progress:
        """Return how far everything is."""
        serve = self._serve
        wanted = serve.wanted
        places = map(serve.place, self._cache.namespaces.namespaces() if wanted is not None else ())
        served = [place.secret for place in places if wanted is not None and is_served(place, wanted)]
        return Progress(
            is_synced=wanted is not None and self._synced.is_set(),
            total=len(served),
            end=min((each.end for each in served if each is not None and each.is_ours and each.end), default=0),
            pending=len(serve.pending | self._work.waiting()),
            left_alone=len(serve.problems),
        )

    @property
    def is_at_work(self) -> bool:
        """Whether somebody works on a namespace now, so that a write may be on its way."""
        # Before all has been read nobody begins.
        return self._synced.is_set() and bool(self._work.waiting())

    async def _worker(self) -> None:
        await self._synced.wait()
        while True:
            namespace = await self._work.get()
            try:
                await self._serve.serve(namespace)
            finally:
                self._work.done(namespace)

    async def _tick(self) -> None:
        could, swept = False, self._monotonic()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            can, now = self._may_write(), self._monotonic()
            if can != could:
                # Whoever led before may not have told, and what was undone then was nobody's but the writers'.
                self._serve.problems.clear()
                self._serve.patience.forget_contests()
            if can != could or now - swept >= SWEEP_SECONDS:
                swept = now
                self._look_around()
            could = can

    def _look_around(self) -> None:
        wanted = self._serve.wanted
        if wanted is None or not self._synced.is_set():
            return
        remind = self._monotonic() - self._reminded >= REMIND_SECONDS
        if remind:
            self._reminded = self._monotonic()
        for namespace in self._cache.namespaces.namespaces():
            told = namespace in self._serve.problems and namespace not in self._serve.untold and not remind
            found = self._serve.plan(namespace, wanted)
            if found.steps or (found.problem and not told):
                self._work.add(namespace)

    def _watchings(self) -> tuple[Watching[NamespaceView], Watching[AccountView], Watching[SecretView]]:
        cache, listed = self._cache, self._relisted
        about_namespaces = Kind(NamespaceObject, None, namespace_view, cache.namespaces, self._namespace, listed)
        about_accounts = Kind(ServiceAccountObject, None, account_view, cache.accounts, self._account, listed)
        named = {"metadata.name": SECRET}
        about_secrets = Kind(SecretObject, named, secret_view, cache.secrets, self._secret, listed)
        parts = self._api, self._monotonic, self._serve.log
        return Watching(about_namespaces, *parts), Watching(about_accounts, *parts), Watching(about_secrets, *parts)

    def _relisted(self, namespaces: set[str]) -> None:
        if self._cache.is_synced and not self._synced.is_set():
            self._synced.set()
            self._look_around()
        for namespace in namespaces if self._synced.is_set() else ():
            self._work.add(namespace)

    def _namespace(self, before: NamespaceView | None, now: NamespaceView | None) -> None:
        if now is not None:
            self._work.add(now.name, urgent=True)
        elif before is not None:
            self._serve.forget(before.name)

    def _account(self, before: AccountView | None, now: AccountView | None) -> None:
        if now is None:
            return
        wanted = self._serve.wanted
        # Our own removals are in the cache before the watch tells of them.
        undone = before is not None and has_entry(before) and not has_entry(now)
        if undone and wanted is not None and now.name in wanted.service_accounts and self._keeps(now.namespace):
            self._serve.patience.undone(now)
        self._work.add(now.namespace, urgent=True)

    def _secret(self, before: SecretView | None, now: SecretView | None) -> None:
        known = now or before
        if known is None:
            return
        undone = now is None and known.is_ours and self._keeps(known.namespace)
        wait = self._serve.patience.secret_undone(known.namespace) if undone else 0.0
        if wait:
            self._work.hold(known.namespace, wait)
        else:
            self._work.add(known.namespace, urgent=True)

    def _keeps(self, namespace: str) -> bool:
        # What the leader takes away, or what goes with its namespace, is undone by nobody.
        wanted = self._serve.wanted
        return wanted is not None and self._may_write() and is_served(self._serve.place(namespace), wanted)
