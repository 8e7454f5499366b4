"""The ConfigMap `acr-configuration`, watched live, and what is in force of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from lightkube import AsyncClient

from provider.agent.configuration import Checks, Outcome, put_data
from provider.agent.node_config_file import ConfigFile
from provider.config.values import Configuration
from provider.errors import ProviderError
from provider.kubernetes.client import Count
from provider.kubernetes.names import CONFIG_MAP, SYSTEM_NAMESPACE
from provider.own_program import Done
from provider.places import Places
from provider.secrets.api import Api
from provider.secrets.cache import Store
from provider.secrets.rate import Pace
from provider.secrets.watching import Kind, Watching
from provider.secrets.wire import ConfigMapObject
from provider.settings import Settings, load_settings
from provider.store import Store as Answers

READ_SECONDS = 30.0
AGAIN_SECONDS = 30.0
"""Until it is tried again to put in force what could not be for a reason of this machine's."""


@dataclass(frozen=True, slots=True)
class InForce:
    """What counts now. `configuration`: None where nothing was ever good since we began."""

    configuration: Configuration | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ConfigMapView:
    """What is kept of it. A key pair may be in `data`."""

    namespace: str
    name: str
    version: int
    data: Mapping[str, str] = field(repr=False)


def config_map_view(found: ConfigMapObject) -> ConfigMapView:
    """Return what is kept of a ConfigMap."""
    metadata = found.metadata
    return ConfigMapView(metadata.namespace, metadata.name, int(metadata.resourceVersion), found.data)


class Watched:
    """The ConfigMap as the API server has it, kept in step until cancelled."""

    def __init__(self, client: AsyncClient, asked: Count, log: Callable[[str], None]) -> None:
        self._new = asyncio.Event()
        self._data: Mapping[str, str] | None = None
        self._known = False
        self._store: Store[ConfigMapView] = Store()
        kind = Kind(
            ConfigMapObject,
            {"metadata.name": CONFIG_MAP},
            config_map_view,
            self._store,
            lambda before, now: self._look(),
            lambda different: self._look(),
            SYSTEM_NAMESPACE,
        )
        api = Api(client, Pace(time.monotonic), lambda: False, asked)
        self._watching = Watching(kind, api, time.monotonic, log)

    async def next(self, seconds: float) -> Mapping[str, str] | None:
        """Return its data (None: there is none) when that has changed, or as it is after so many seconds.

        Waits as long as needed for the first answer of the API server.
        """
        try:
            async with asyncio.timeout(seconds if self._known else None):
                await self._new.wait()
        except TimeoutError:
            pass
        self._new.clear()
        return self._data

    async def run(self) -> None:
        """Keep it in step."""
        await self._watching.run()

    def _look(self) -> None:
        found = self._store.of(SYSTEM_NAMESPACE).get(CONFIG_MAP)
        data = None if found is None else found.data
        if not self._known or data != self._data:
            self._known, self._data = True, data
            self._new.set()


class LiveConfiguration:
    """Puts in force what the ConfigMap says, where it is good; else what was in force before stays so."""

    def __init__(
        self,
        watched: Watched,
        places: Places,
        token_mode: str,
        *,
        prepare: Callable[[float], Awaitable[Done]],
        changed: Callable[[InForce], Awaitable[None]],
        log: Callable[[str], None],
        checks: Checks | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`prepare`: has a child read what is in force, within so many seconds. `changed` is told at each change."""
        self._watched = watched
        self._places = places
        self._own = ConfigFile(places.config)
        self._token_mode = token_mode
        self._prepare = prepare
        self._changed = changed
        self._log = log
        self._checks = checks or Checks()
        self._clock = clock
        self._in_force: InForce | None = None
        self._data: Mapping[str, str] | None = None
        """What `_in_force` was made of."""

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            data = await self._watched.next(AGAIN_SECONDS)
            if self._in_force is not None and data == self._data and self._in_force.outcome.fault != "node":
                continue
            self._data = data
            now = await self._put(data)
            if now != self._in_force:
                self._in_force = now
                await self._changed(now)

    async def _put(self, data: Mapping[str, str] | None) -> InForce:
        before = self._in_force.configuration if self._in_force is not None else None
        outcome = await asyncio.to_thread(put_data, data, self._own, self._token_mode, self._checks)
        if outcome.state == "wrong":
            return InForce(before, outcome)
        try:
            await self._prepare(READ_SECONDS)
            return InForce((await asyncio.to_thread(self._load)).configuration, outcome)
        except ProviderError as error:
            return InForce(before, Outcome("wrong", str(error), "node"))

    def _load(self) -> Settings:
        store = Answers(self._places.answers)
        store.prepare()
        return load_settings(self._places, store, self._clock(), self._log)
