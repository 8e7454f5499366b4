"""The ConfigMap `acr-configuration`, watched live, and what is in force of it."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from lightkube import AsyncClient
from lightkube.resources.core_v1 import ConfigMap

from provider.agent.configuration import NAMED, Checks, Outcome, with_token_mode
from provider.agent.node_config_file import ConfigFile
from provider.config.values import Configuration
from provider.errors import ProviderError
from provider.kubernetes.client import ApiFailure, ask_async
from provider.kubernetes.configuration_text import render
from provider.kubernetes.names import CONFIG_MAP, SYSTEM_NAMESPACE
from provider.node.files import NodeError
from provider.own_program import Done
from provider.places import Places
from provider.secrets.rate import back_off
from provider.settings import Settings, load_settings
from provider.store import Store

WATCH_SECONDS = 240
"""The API server ends a watch after that; then the ConfigMap is read anew."""
LATE_SECONDS = 10.0
"""How much later we end it ourselves."""
READ_SECONDS = 30.0
AGAIN_SECONDS = 30.0
"""Until it is tried again to put in force what could not be for a reason of this machine's."""
BACK_OFF_LIMIT = 30.0

Count = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class InForce:
    """What counts now. `configuration`: None where nothing was ever good since we began."""

    configuration: Configuration | None
    outcome: Outcome


class Watched:
    """The ConfigMap as the API server has it, kept in step until cancelled."""

    def __init__(self, client: AsyncClient, asked: Count, log: Callable[[str], None]) -> None:
        self._client = client
        self._asked = asked
        self._log = log
        self._new = asyncio.Event()
        self._data: Mapping[str, str] | None = None
        self._known = False

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
        """List, watch, and begin again."""
        failures = 0
        while True:
            try:
                await self._watch(await self._list())
                failures = 0
            except ApiFailure as failure:
                if failures:
                    self._log(str(failure))
                failures += 1
                await asyncio.sleep(back_off(failures, BACK_OFF_LIMIT))

    async def _list(self) -> str:
        async def read() -> tuple[list[ConfigMap], str]:
            found = self._client.list(ConfigMap, namespace=SYSTEM_NAMESPACE, fields={"metadata.name": CONFIG_MAP})
            return [each async for each in found], found.resourceVersion or ""

        try:
            objects, version = await ask_async(f"read {NAMED}", read())
        except ApiFailure as failure:
            self._asked("GET", failure.status)
            raise
        self._asked("GET", 200)
        self._take(objects[0] if objects else None)
        return version

    async def _watch(self, version: str) -> None:
        events = self._client.watch(
            ConfigMap,
            namespace=SYSTEM_NAMESPACE,
            fields={"metadata.name": CONFIG_MAP},
            server_timeout=WATCH_SECONDS,
            resource_version=version,
        )
        self._asked("WATCH", 200)
        try:
            async with asyncio.timeout(WATCH_SECONDS + LATE_SECONDS), aclosing(_generator(events)) as stream:
                while (found := await ask_async(f"watch {NAMED}", anext(stream, None))) is not None:
                    operation, config_map = found
                    self._take(None if operation == "DELETED" else config_map)
        except TimeoutError:
            return

    def _take(self, config_map: ConfigMap | None) -> None:
        data = None if config_map is None else dict(config_map.data or {})
        if not self._known or data != self._data:
            self._known, self._data = True, data
            self._new.set()


async def _generator(events: Any) -> AsyncGenerator[tuple[str, ConfigMap], None]:
    """Yield what lightkube's generator does, and close it with this one: its type does not say that it can be."""
    try:
        async for event in events:
            yield event
    finally:
        await events.aclose()


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
        outcome = await asyncio.to_thread(put_data, data, self._places, self._token_mode, self._checks)
        if outcome.state == "wrong":
            return InForce(before, outcome)
        try:
            await self._prepare(READ_SECONDS)
            return InForce((await asyncio.to_thread(self._load)).configuration, outcome)
        except ProviderError as error:
            return InForce(before, Outcome("wrong", str(error), "node"))

    def _load(self) -> Settings:
        store = Store(self._places.answers)
        store.prepare()
        return load_settings(self._places, store, self._clock(), self._log)


def put_data(data: Mapping[str, str] | None, places: Places, token_mode: str, checks: Checks) -> Outcome:
    """Make the file what a ConfigMap's data says (None: there is no ConfigMap), if that is good; raises nothing.

    The message is the same that nodes give of the same ConfigMap, so that it becomes one Event.
    """
    own = ConfigFile(places.config)
    absent = Outcome("absent", f"there is no {NAMED}: the defaults count")
    try:
        wanted = with_token_mode(dict(sorted((data or {}).items())), token_mode)
        if not wanted:
            own.take_back()
            return absent
        wrong = own.put(render(wanted), checks)
    except NodeError as error:
        return Outcome("wrong", str(error), "node")
    except OSError as error:
        return Outcome("wrong", f"{error.filename or places.config}: {error.strerror}", "node")
    if wrong is not None:
        return wrong
    return absent if data is None else Outcome("in step")
