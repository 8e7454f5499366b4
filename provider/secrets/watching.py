"""One kind of object, kept in step: listed once, then watched, for as long as we run."""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic

import msgspec

from provider.kubernetes.client import ApiFailure
from provider.secrets.api import EVERYWHERE, Api, Lost, Resource
from provider.secrets.cache import Kept, Store
from provider.secrets.rate import back_off
from provider.secrets.wire import Metadata, WatchEvent

WATCH_SECONDS = 300
"""The API server ends a watch after that, give or take a fifth, and we ask anew from where it was."""
SILENCE_SECONDS = 100.0
"""A bookmark comes every minute: a watch that says nothing for so long hangs, and is asked anew as well."""
SHORT_SECONDS = 5.0
"""A watch that ends sooner has failed, whatever it says."""
BACK_OFF_LIMIT = 10.0


class Bookmark(msgspec.Struct):
    """What a watch says from time to time: all before this version has been told."""

    metadata: Metadata


@dataclass(frozen=True, slots=True)
class Kind(Generic[Kept]):
    """What is watched, and who is told."""

    resource: type[Resource]
    fields: Mapping[str, str] | None
    """The field selector."""
    view: Callable[[Any], Kept]
    store: Store[Kept]
    changed: Callable[[Kept | None, Kept | None], None]
    """Gets what was known and what is now."""
    relisted: Callable[[set[str]], None]
    """Gets the namespaces that a list found different."""
    namespace: str = EVERYWHERE


class Watching(Generic[Kept]):
    """The loop of one kind."""

    def __init__(self, kind: Kind[Kept], api: Api, monotonic: Callable[[], float], log: Callable[[str], None]) -> None:
        self._kind = kind
        self._api = api
        self._monotonic = monotonic
        self._log = log
        self._version = 0
        """Everything up to it is in the store; 0: nothing is known."""
        self._objects = msgspec.json.Decoder(kind.resource)
        self._bookmarks = msgspec.json.Decoder(Bookmark)

    async def run(self) -> None:
        """Keep the store in step until cancelled."""
        failures = 0
        while True:
            begun = self._monotonic()
            try:
                if not self._version:
                    await self._list()
                await self._watch()
            except ApiFailure as failure:
                if isinstance(failure, Lost) or 400 <= failure.status < 429:
                    self._version = 0
                # The first one is how API servers restart and forget.
                if failures:
                    self._log(str(failure))
            failures = 0 if self._monotonic() - begun >= SHORT_SECONDS else failures + 1
            if failures:
                await asyncio.sleep(back_off(failures, BACK_OFF_LIMIT))

    async def _list(self) -> None:
        kind = self._kind
        found, version = await self._api.list(kind.resource, kind.fields, kind.namespace)
        different = kind.store.replace(map(kind.view, found), version)
        self._version = version
        kind.relisted(different)

    async def _watch(self) -> None:
        seconds = int(WATCH_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311
        kind = self._kind
        watch = self._api.watch(kind.resource, kind.fields, self._version, seconds, kind.namespace)
        async with aclosing(watch) as events:
            while True:
                try:
                    async with asyncio.timeout(SILENCE_SECONDS):
                        event = await anext(events, None)
                except TimeoutError:
                    return
                if event is None:
                    return
                self._take(event)

    def _take(self, event: WatchEvent) -> None:
        try:
            if event.type == "BOOKMARK":
                self._version = int(self._bookmarks.decode(event.object).metadata.resourceVersion)
                return
            now = self._kind.view(self._objects.decode(event.object))
        except ValueError:
            raise Lost(f"a {event.type} of a watch holds no object of its kind") from None
        self._version = now.version
        before = self._kind.store.of(now.namespace).get(now.name)
        if event.type == "DELETED":
            if self._kind.store.remove(now):
                self._kind.changed(before, None)
        elif self._kind.store.put(now):
            self._kind.changed(before, now)
