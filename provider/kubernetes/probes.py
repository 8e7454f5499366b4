"""Probes and metrics over HTTP: `/healthz`, `/readyz`, `/metrics`, from a thread of its own."""

import socket
import socketserver
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from provider.errors import ConfigurationError, ProviderError

LIMIT_SECONDS = 60.0
"""How long the loop may be away before the process counts as hung."""
REQUEST_SECONDS = 5.0
MOST_REQUESTS = 16
"""At once; who comes on top of them is turned away, so that nobody's slowness costs memory."""
TEXT = "text/plain; charset=utf-8"

Request = socket.socket | tuple[bytes, socket.socket]
"""What a server of the standard library may be given; here always the former."""


class Health:
    """What the probes say: alive while the loop goes on, ready when it says so. Any thread may ask or tell."""

    def __init__(self, limit: float = LIMIT_SECONDS, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._monotonic = monotonic
        self._beat = monotonic()
        self._reason = "has only just begun"

    def beat(self) -> None:
        """Say that the loop goes on."""
        self._beat = self._monotonic()

    def ready(self) -> None:
        """Say that all is as it should be."""
        self._reason = ""

    def not_ready(self, reason: str) -> None:
        """Say why not: a few lines for people, without secrets."""
        self._reason = reason or "not ready"

    @property
    def hung(self) -> str:
        """Why the process is to be started anew; empty while it is alive."""
        silent = self._monotonic() - self._beat
        return f"no round for {silent:.0f} s" if silent > self._limit else ""

    @property
    def reason(self) -> str:
        """Why it is not ready; empty when it is."""
        return self._reason


class Server:
    """Answers until it is closed."""

    def __init__(self, server: socketserver.TCPServer) -> None:
        self._server = server
        self.port = int(server.server_address[1])
        """The one that was asked for, or that the system chose for 0."""
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer no longer."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def address_of(listen: str) -> tuple[str, int]:
    """Return `HOST:PORT` as both; HOST may be an IPv6 address in brackets. Raises ConfigurationError."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigurationError(f"--listen {listen!r}: is no HOST:PORT; right form: 127.0.0.1:10358 or [::1]:10358")
    return host.removeprefix("[").removesuffix("]"), int(port)


def serve(address: str, port: int, health: Health, registry: CollectorRegistry) -> Server:
    """Answer at an address, an IP of this machine. Raises ProviderError where it cannot be had."""

    class Listening(_Listening):
        address_family = socket.AF_INET6 if ":" in address else socket.AF_INET

    try:
        return Server(Listening((address, port), _handler(health, registry)))
    except OSError as error:
        raise ProviderError(f"cannot listen on {address} port {port}: {error.strerror}") from None


class _Listening(socketserver.ThreadingMixIn, socketserver.TCPServer):
    # Not http.server's, which asks DNS for this machine's name.
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._free = threading.BoundedSemaphore(MOST_REQUESTS)
        super().__init__(address, handler)

    def process_request(self, request: Request, client_address: object) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Request, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: who went away before the answer is no error of ours."""


def _handler(health: Health, registry: CollectorRegistry) -> type[BaseHTTPRequestHandler]:
    def alive() -> tuple[int, str, bytes]:
        return _told(health.hung)

    def ready() -> tuple[int, str, bytes]:
        return _told(health.hung or health.reason)

    def metrics() -> tuple[int, str, bytes]:
        return 200, CONTENT_TYPE_LATEST, generate_latest(registry)

    pages = {"/healthz": alive, "/readyz": ready, "/metrics": metrics}

    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_SECONDS

        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            status, kind, content = page() if page is not None else (404, TEXT, b"not found\n")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def version_string(self) -> str:
            return "probes"

        def log_message(self, *_: object) -> None:
            """Nobody wants to read of every probe."""

    return Handler


def _told(problem: str) -> tuple[int, str, bytes]:
    return (503, TEXT, f"{problem}\n".encode()) if problem else (200, TEXT, b"ok\n")
