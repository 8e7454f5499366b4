"""The one way out of this process: proxies, trust, time and size are decided here for the SDKs and for ourselves."""

import ssl
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from provider.cloud.causes import METADATA_HOST, Cause, Exchange, classify
from provider.cloud.proxies import proxy_for, proxy_name
from provider.cloud.sockets import limit_tls, limited_pools
from provider.config.values import Local
from provider.deadline import Deadline
from provider.environment import Environment

SIZE_LIMIT = 1 << 20
"""Bytes of an answer's body, after decompression."""
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0


class TransportError(OSError):
    """No answer that may be used. An OSError, since the SDKs pass those on; its text holds nothing of the request."""

    def __init__(self, exchange: Exchange) -> None:
        cause = exchange.cause.value if exchange.cause else "failed"
        super().__init__(f"{exchange.host} {cause}")


class Answer:
    """What came back for one of our own requests."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class Transport:
    """Carries requests for the whole process. `last` is the latest exchange, for who explains a failure."""

    def __init__(
        self,
        environment: Environment,
        local: Local,
        deadline: Deadline,
        trust: ssl.SSLContext,
        clock: Callable[[], float] = time.time,
    ) -> None:
        limit_tls(trust, self.remaining)
        self.last: Exchange | None = None
        self._asked = ""
        self._failed: Exchange | None = None
        self.adapter = _Adapter(self, trust)
        self._environment = environment
        self._metadata_address = local.endpoints.metadata
        self._deadline = deadline
        self._exchange_deadline = deadline
        self._clock = clock
        self._cloud_offset: float | None = None
        self._metadata_offset: float | None = None

    @property
    def clock_offset(self) -> float | None:
        """Seconds by which the cloud's clock is ahead of the node's, from the latest answer; None before the first.

        Answers over TLS count; the metadata service's only as long as there is no other.
        """
        return self._metadata_offset if self._cloud_offset is None else self._cloud_offset

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
    ) -> Answer:
        """Send a request of our own. Raises TransportError; any status but a redirect is an answer."""
        prepared = PreparedRequest()
        prepared.prepare(method=method, url=url, headers={"User-Agent": "aliyun-acr-credential-provider"})
        prepared.headers.update(headers or {})
        response = self.adapter.send(prepared, timeout=(connect_seconds, read_seconds))
        return Answer(response.status_code, response.headers, response.content)

    def route(self, request: PreparedRequest) -> tuple[PreparedRequest, str]:
        """Return the request as it goes out, and the URL of its proxy; raise TransportError if it may not go."""
        parts = urlsplit(request.url or "")
        host = parts.hostname or ""
        if parts.scheme == "https":
            return request, proxy_for(host, parts.port or 443, self._environment)
        if host != METADATA_HOST:
            raise self.failure(request, Cause.PLAIN)
        if self._metadata_address:
            request = request.copy()
            request.url = parts._replace(netloc=self._metadata_address).geturl()
        return request, ""

    def begin(self, request: PreparedRequest, asked: Any) -> tuple[float, float]:
        """Begin an exchange and return the seconds to connect and to read, no longer than the deadline allows.

        The whole may last as long as both together, so that a server that drips does not use up the other's time.
        """
        self._asked = urlsplit(request.url or "").hostname or ""
        connect, read = asked if isinstance(asked, tuple) else (asked, asked)
        connect, read = connect or CONNECT_SECONDS, read or READ_SECONDS
        left = self._deadline.remaining()
        if not left:
            raise self.failure(request, Cause.OUT_OF_TIME)
        self._exchange_deadline = Deadline(connect + read)
        return min(connect, left), min(read, left)

    def progress(self) -> str:
        """Return which host is being asked and what failed before; empty before the first. For another thread."""
        failed = self._failed
        if failed is None or failed.cause is None:
            return self._asked
        return f"{self._asked}, after {failed.host} {failed.cause.value}"

    def remaining(self) -> float:
        """Return the seconds that the present exchange may still last."""
        return min(self._deadline.remaining(), self._exchange_deadline.remaining())

    def failure(
        self, request: PreparedRequest, cause: Cause, detail: str = "", *, status: int = 0, proxy: str = ""
    ) -> TransportError:
        """Note a failed exchange and return the error for it."""
        if proxy:
            detail = f"{detail}{', ' if detail else ''}through the proxy {proxy_name(proxy)}"
        self.last = self._failed = _exchange(request, status, cause, detail)
        return TransportError(self.last)

    def note(self, request: PreparedRequest, response: Response) -> None:
        """Note an answered exchange, and what it tells of the clock."""
        self.last = _exchange(request, response.status_code)
        try:
            date = parsedate_to_datetime(response.headers.get("Date", "")).timestamp()
        except (TypeError, ValueError, OverflowError):
            return
        offset = date - self._clock()
        if self.last.host == METADATA_HOST:
            self._metadata_offset = offset
        else:
            self._cloud_offset = offset


class _Adapter(HTTPAdapter):
    """Given to every SDK in place of its own, and so shared by all of them."""

    def __init__(self, transport: Transport, trust: ssl.SSLContext) -> None:
        self._transport = transport
        self._trust = trust
        self._pools = limited_pools(transport.remaining)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._trust)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        made = super().proxy_manager_for(proxy, ssl_context=self._trust, proxy_ssl_context=self._trust, **kwargs)
        made.pool_classes_by_scheme = self._pools
        return made

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        pass  # The context that the pools were given decides; requests would have certifi loaded into it.

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Response:
        transport = self._transport
        routed, proxy = transport.route(request)
        timeouts = transport.begin(request, timeout)
        status = 0
        try:
            # Whatever the caller says of `verify`, `cert` and `proxies` does not count.
            response = super().send(routed, True, timeouts, True, None, {"https": proxy} if proxy else {})
            status = response.status_code
            body = response.raw.read(SIZE_LIMIT + 1, decode_content=True)
            response.raw.drain_conn() if len(body) <= SIZE_LIMIT else response.raw.close()
        except Exception as error:
            cause, detail = classify(error)
            raise transport.failure(request, cause, detail, status=status, proxy=proxy) from None
        transport.note(request, response)
        if 300 <= status < 400:
            raise transport.failure(request, Cause.REDIRECT, f"HTTP {status}", status=status)
        if len(body) > SIZE_LIMIT:
            raise transport.failure(request, Cause.TOO_LARGE, status=status)
        response._content = body
        response._content_consumed = True  # type: ignore[attr-defined]
        return response


def _exchange(request: PreparedRequest, status: int, cause: Cause | None = None, detail: str = "") -> Exchange:
    parts = urlsplit(request.url or "")
    return Exchange(request.method or "", parts.hostname or "", parts.path, status, cause, detail)
