"""The HTTP proxy: CONNECT to any host's port 443 ends at the HTTPS listener; plain requests are answered too.

With `inspecting` it opens the TLS connections itself, with a certificate authority of its own, as companies do. With
`tls` clients speak to it by TLS; it does not inspect then.
"""

import select
import socket
import ssl
from typing import Any

from tests.cloud.dispatcher import Dispatcher, Outcome
from tests.cloud.listener import Handler, Listener
from tests.cloud.wire import Answer, Request, text_answer

CHUNK = 1 << 16
DISTRIBUTED_PORT = "65002"


class Proxy(Listener):
    """The proxy on its own port."""

    def __init__(
        self,
        address: tuple[str, int],
        dispatcher: Dispatcher,
        target: str,
        inspector: ssl.SSLContext,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(address, dispatcher, self._plain, tls)
        self.handler = ProxyHandler
        self._target = target
        self._inspector = inspector
        self.inspecting = False
        """Whether CONNECTs are opened."""
        self.refused_hosts: set[str] = set()
        """Hosts that CONNECT does not reach (502), as a name without an address."""

    def connected(self, target: str) -> Answer:
        """The answer to a CONNECT."""
        host, _, port = target.rpartition(":")
        if port not in ("443", DISTRIBUTED_PORT if ".distributed." in host else "443"):
            return text_answer(403, "not this port")
        if host in self.refused_hosts:
            return text_answer(502, "no such host")
        return Answer(200)

    def tunnel(self, connection: socket.socket, client_address: Any) -> None:
        """Join the client with the HTTPS listener, or open its TLS."""
        if self.inspecting:
            opened = self.secured(connection, self._inspector)
            if opened is not None:
                self.converse(opened, client_address, Handler, self.dispatcher.serve, "https")
            return
        host, _, port = self._target.rpartition(":")
        with socket.create_connection((host, int(port))) as onward:
            onward.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pump(connection, onward)

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        while not self.dispatcher.stopping.is_set():
            for ready in select.select([one, other], [], [], 0.2)[0]:
                data = ready.recv(CHUNK)
                # A TLS connection may hold more of a record than it gave, which select does not tell.
                while isinstance(ready, ssl.SSLSocket) and ready.pending():
                    data += ready.recv(CHUNK)
                if not data:
                    return
                (other if ready is one else one).sendall(data)

    def _plain(self, request: Request) -> Outcome:
        """A request in plain text, secrets and all: noted as the proxy's own call, then passed on."""
        outcome = self.dispatcher.proxied(request.method, request.host, lambda: Answer(0))
        return outcome if outcome.plan.fault else self.dispatcher.serve(request)


class ProxyHandler(Handler):
    """One connection to the proxy."""

    server: Proxy

    def do_CONNECT(self) -> None:
        target = self.path
        self.close_connection = True
        host = target.rpartition(":")[0]
        outcome = self.server.dispatcher.proxied("CONNECT", host, lambda: self.server.connected(target), target)
        if outcome.plan.fault or outcome.answer.status != 200:
            self.send(outcome)
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.server.tunnel(self.connection, self.client_address)
