"""Connections that end when the time is up, whatever the server does.

A timeout of the library's counts from one byte to the next, so that a server that drips bytes is never late. Here each
read may last only as long as the whole exchange still may, in the headers and in a proxy's answer as well.
"""

import socket
import ssl
from collections.abc import Callable
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

Remaining = Callable[[], float]
"""Tells how many seconds a read may last; 0: none."""

PoolClasses = dict[str, type[HTTPConnectionPool]]


def _limit(connection: socket.socket, remaining_of: Remaining) -> None:
    remaining = remaining_of()
    if remaining <= 0:
        raise TimeoutError("the time is up")
    current = connection.gettimeout()
    if current is None or current > remaining:
        connection.settimeout(remaining)


def limit_tls(context: ssl.SSLContext, remaining: Remaining) -> None:
    """Have every read of a connection that `context` makes last no longer than `remaining` says."""

    class LimitedTls(ssl.SSLSocket):
        def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
            # What urllib3 reads by where TLS goes through a proxy that speaks TLS itself.
            _limit(self, remaining)
            return super().recv(buflen, flags)

        def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
            _limit(self, remaining)
            return super().recv_into(buffer, nbytes, flags)

    context.sslsocket_class = LimitedTls


def limited_pools(remaining: Remaining) -> PoolClasses:
    """Return the classes of urllib3's pools, by scheme, whose connections are limited in the same way."""

    class LimitedSocket(socket.socket):
        def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
            _limit(self, remaining)
            return super().recv_into(buffer, nbytes, flags)

    def limited(connection: socket.socket) -> socket.socket:
        timeout = connection.gettimeout()
        made = LimitedSocket(fileno=connection.detach())
        made.settimeout(timeout)
        return made

    class Connection(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return limited(super()._new_conn())

    class SecureConnection(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return limited(super()._new_conn())

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = SecureConnection

    return {"http": Pool, "https": SecurePool}
