"""The sockets: an HTTP server in threads, plain or TLS, that sends answers whole or as their fault wants them."""

import contextlib
import re
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.cloud.certificates import ASKED_NAME
from tests.cloud.clock import http_date
from tests.cloud.dispatcher import Dispatcher, Outcome
from tests.cloud.wire import Request

DRIP_SECONDS = 0.2
HANDSHAKE_SECONDS = 20
READ_LIMIT = 1 << 20
Serve = Callable[[Request], Outcome]


class Listener(socketserver.ThreadingTCPServer):
    """Serves on one loopback port until `stop`."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 512

    def __init__(
        self, address: tuple[str, int], dispatcher: Dispatcher, serve: Serve, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(address, Handler)
        self.handler: type[Handler] = Handler
        self.place = ""
        """What to call this place whatever the Host header says."""
        self.dispatcher = dispatcher
        self.serve = serve
        self.tls = tls
        self.scheme = "https" if tls else "http"
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def address(self) -> str:
        """`HOST:PORT`."""
        host, port = self.server_address[:2]
        return f"{host!s}:{port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Take no more connections, and end those that there are."""
        self.shutdown()
        self._thread.join()
        with self._lock:
            for connection in self._open:
                _shut(connection)
        self.server_close()

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = self.secured(request, self.tls) if self.tls else request
        if connection is not None:
            self.converse(connection, client_address, self.handler, self.serve, self.scheme)

    def secured(self, connection: socket.socket, tls: ssl.SSLContext) -> socket.socket | None:
        """The connection after the TLS handshake; None when the client did not like our certificate."""
        connection.settimeout(HANDSHAKE_SECONDS)
        try:
            wrapped = tls.wrap_socket(connection, server_side=True)
        except (OSError, ValueError):
            connection.close()
            return None
        wrapped.settimeout(None)
        return wrapped

    def converse(
        self, connection: socket.socket, client_address: Any, handler: type["Handler"], serve: Serve, scheme: str
    ) -> None:
        """Serve the requests of one connection to its end."""
        with self._lock:
            self._open.add(connection)
        try:
            handler(connection, client_address, self, serve, scheme)
        except OSError:
            pass  # The client went away, as clients do that are being tested.
        finally:
            with self._lock:
                self._open.discard(connection)
            _shut(connection)
            connection.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not self.dispatcher.stopping.is_set():
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Listener

    def __init__(
        self,
        connection: socket.socket,
        client_address: Any,
        server: Listener,
        serve: Serve | None = None,
        scheme: str = "http",
    ) -> None:
        self.serve = serve or server.serve
        self.scheme = scheme
        super().__init__(connection, client_address, server)

    def do_GET(self) -> None:
        self.send(self.serve(self.read()))

    do_POST = do_PUT = do_HEAD = do_DELETE = do_PATCH = do_OPTIONS = do_GET

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the name is the standard library's
        """Nothing: the ledger has it all."""

    def read(self) -> Request:
        """The request, whole."""
        length = min(int(self.headers.get("Content-Length") or 0), READ_LIMIT)
        body = self.rfile.read(length)
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            key = name.lower()
            headers[key] = f"{headers[key]},{value}" if key in headers else value
        target, proxied_host = self.path, ""
        if target.startswith("http://"):
            proxied_host, slash, rest = target.removeprefix("http://").partition("/")
            target = slash + rest or "/"
        path, _, query = target.partition("?")
        # Where the request really went: clients that follow a redirect may take the first Host header along.
        asked = getattr(self.connection, ASKED_NAME, "")
        host = re.sub(r":\d+$", "", proxied_host or asked or headers.get("host", ""))
        return Request(self.command, self.server.place or host.lower(), path, query, headers, body, self.scheme)

    def send(self, outcome: Outcome) -> None:
        """Send the answer, or what the fault makes of it."""
        answer, fault = outcome.answer, outcome.plan.fault
        kind = fault.kind if fault else ""
        if kind in ("drop", "drop-after"):
            self.close_connection = True
            return
        if kind == "hang":
            self._wait_for_the_end()
            return
        body = answer.body[: max(1, len(answer.body) * 2 // 3)] if kind == "torn" else answer.body
        lines = [
            f"HTTP/1.1 {answer.status or 200} {self.responses.get(answer.status, ('OK',))[0]}",
            f"Date: {http_date(outcome.date)}",
            *(f"{name}: {value}" for name, value in answer.headers.items()),
        ]
        if kind in ("drip", "drip-headers"):
            self._drip(lines, in_headers=kind == "drip-headers")
            return
        lines.append(f"Content-Length: {len(body)}")
        if kind == "half":
            body = body[: len(body) // 2]
            self.close_connection = True
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        self.wfile.write(head + (b"" if self.command == "HEAD" else body))

    def _drip(self, lines: list[str], in_headers: bool) -> None:
        self.close_connection = True
        head = "\r\n".join(lines).encode() + b"\r\n"
        self.wfile.write(head + (b"X-Drip: " if in_headers else b"\r\n"))
        while not self.server.dispatcher.stopping.wait(DRIP_SECONDS):
            self.wfile.write(b"x" if in_headers else b" ")

    def _wait_for_the_end(self) -> None:
        """Until the client gives up, or the cloud stops."""
        self.close_connection = True
        self.connection.settimeout(DRIP_SECONDS)
        while not self.server.dispatcher.stopping.is_set():
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                continue


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # Closed already.
        connection.shutdown(socket.SHUT_RDWR)
