"""The requests of the writer: each at its turn, counted, and, where it writes, only as long as we may.

Two things that lightkube's public methods leave out are asked of what is behind them: a watch's bookmarks, which show
that it lives and keep its place fresh, and a deletion's preconditions.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import httpx2
import msgspec
from lightkube import AsyncClient
from lightkube.core.resource import GlobalResource, NamespacedResourceG
from lightkube.types import PatchType

from provider.kubernetes.client import SECONDS, ApiFailure, Count, ask_async, ask_counted
from provider.secrets.rate import Pace
from provider.secrets.wire import Status, WatchEvent

PAGE = 500
REQUEST_SECONDS = 4.0
"""A write ends so many seconds after it was found that we may write: who gives up leadership reckons with that."""
GONE = 410
EVERYWHERE = "*"
"""For a namespace: all of them."""
TRIES = 5
"""Of a request that is refused with 429, which says nothing about the request."""
PAUSE_SECONDS = 1.0
"""After a 429 that names no time."""

Resource = GlobalResource | NamespacedResourceG
Result = TypeVar("Result")
Found = TypeVar("Found", bound=NamespacedResourceG)


class Withheld(Exception):
    """Nothing was sent, since we may not write now."""


class Lost(ApiFailure):
    """A watch cannot go on from where it was: the objects must be listed again."""


class Api:
    """All requests of one writer."""

    def __init__(self, client: AsyncClient, pace: Pace, may_write: Callable[[], bool], asked: Count) -> None:
        self._client = client
        self._pace = pace
        self._may_write = may_write
        self._asked = asked
        """Told the method and the status of each request; status 0 where nobody answered."""

    async def list(
        self, resource: type[Resource], fields: Mapping[str, str] | None, namespace: str = EVERYWHERE
    ) -> tuple["list[Any]", int]:
        """Return all objects of a kind, page by page read, and the version they were read at."""

        async def read() -> tuple[list[Any], int]:
            everywhere = {"namespace": namespace} if issubclass(resource, NamespacedResourceG) else {}
            pages = self._client.list(resource, chunk_size=PAGE, fields=fields, **everywhere)  # type: ignore[call-overload]
            found = [item async for item in pages]
            return found, int(pages.resourceVersion)

        return await self._ask("GET", f"list {_plural(resource)}", read)

    async def watch(
        self,
        resource: type[Resource],
        fields: Mapping[str, str] | None,
        version: int,
        seconds: int,
        namespace: str = EVERYWHERE,
    ) -> AsyncGenerator[WatchEvent, None]:
        """Yield what happens to a kind after `version`, for so many seconds at most. Raises ApiFailure."""
        what = f"watch {_plural(resource)}"
        inner = self._client._client
        selector = ",".join(f"{name}={value}" for name, value in (fields or {}).items()) or None
        asked = {"resourceVersion": str(version), "timeoutSeconds": str(seconds), "allowWatchBookmarks": "true"}
        request = inner.prepare_request(
            "list", resource, namespace=namespace if issubclass(resource, NamespacedResourceG) else None, watch=True,
            params={**asked, "fieldSelector": selector},
        )  # fmt: skip
        request.timeout = httpx2.Timeout(SECONDS, read=None)

        async def begin() -> httpx2.Response:
            response: httpx2.Response
            response = await inner.send(inner.build_adapter_request(request), stream=True)  # type: ignore[no-untyped-call]
            if response.is_error:
                await response.aclose()
            response.raise_for_status()
            return response

        try:
            response = await self._ask("WATCH", what, begin)
        except ApiFailure as failure:
            if failure.status == GONE:
                raise Lost(str(failure), failure.status) from None
            raise
        try:
            lines = aiter(response.aiter_lines())
            while line := await ask_async(what, anext(lines, "")):
                yield _event(what, line)
        finally:
            await response.aclose()

    async def get(self, resource: type[Found], name: str, namespace: str) -> Found:
        """Return one object. Raises ApiFailure."""
        return await self._ask(
            "GET",
            f"read {_one(resource, name, namespace)}",
            lambda: self._client.get(resource, name, namespace=namespace),
        )

    async def patch(
        self,
        resource: type[Found],
        name: str,
        namespace: str,
        body: Sequence[Mapping[str, object]] | msgspec.Raw,
        patch_type: PatchType,
        *,
        force: bool = False,
        always: bool = False,
    ) -> Found:
        """Return what a patch makes of an object. Raises ApiFailure, and, but for `always`, Withheld."""
        what = f"write {_one(resource, name, namespace)}"

        async def send() -> Found:
            patched: Found = await self._client.patch(  # type: ignore[call-overload]
                resource, name, body, namespace=namespace, patch_type=patch_type, force=force
            )
            return patched

        return await self._ask("PATCH", what, send, writes=not always)

    async def delete(self, resource: type[NamespacedResourceG], name: str, namespace: str, version: int) -> None:
        """Delete an object as it was at `version`: a 409 where it has changed. Raises ApiFailure, Withheld."""
        inner = self._client._client
        request = inner.prepare_request("delete", resource, name=name, namespace=namespace)
        request.data = {"preconditions": {"resourceVersion": str(version)}}

        async def send() -> None:
            response = await inner.send(inner.build_adapter_request(request))  # type: ignore[no-untyped-call]
            inner.handle_response("delete", response, request)

        await self._ask("DELETE", f"delete {_one(resource, name, namespace)}", send, writes=True)

    async def _ask(
        self, method: str, what: str, call: Callable[[], Awaitable[Result]], *, writes: bool = False
    ) -> Result:
        for tries_left in reversed(range(TRIES)):
            await self._pace.turn()
            if writes and not self._may_write():
                raise Withheld
            try:
                bounded = _bounded(call, REQUEST_SECONDS if writes else None)
                return await ask_counted(self._asked, method, what, bounded)
            except ApiFailure as failure:
                if failure.status == 429 or failure.retry_after:
                    self._pace.pause(failure.retry_after or PAUSE_SECONDS)
                if failure.status != 429 or not tries_left:
                    raise
        raise AssertionError


async def _bounded(call: Callable[[], Awaitable[Result]], seconds: float | None) -> Result:
    async with asyncio.timeout(seconds):
        return await call()


def _event(what: str, line: str) -> WatchEvent:
    try:
        event = msgspec.json.decode(line, type=WatchEvent)
        if event.type != "ERROR":
            return event
        status = msgspec.json.decode(event.object, type=Status)
    except msgspec.MsgspecError:
        raise Lost(f"cannot {what}: a line is none of an API server's") from None
    raise Lost(f"cannot {what}: the API server says {status.code} {status.reason}", status.code, status.reason)


def _plural(resource: type[Resource]) -> str:
    return resource._api_info.plural


def _one(resource: type[Resource], name: str, namespace: str) -> str:
    return f"{resource._api_info.resource.kind} {namespace}/{name}"
