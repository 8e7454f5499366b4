"""Certificates for every host name, made when a client first asks for it."""

import ssl
import threading
from pathlib import Path

import trustme

LOOPBACK = ("127.0.0.1", "localhost")
ASKED_NAME = "asked_name"
"""The attribute of a server's SSLSocket that holds the host name the client asked for (SNI)."""


class Authority:
    """A certificate authority of our own, and a server side that speaks for any host name."""

    def __init__(self, organization: str) -> None:
        self._ca = trustme.CA(organization_name=organization)
        self._lock = threading.Lock()
        self._contexts: dict[str, ssl.SSLContext] = {}

    def write(self, path: Path) -> Path:
        """Write the CA's certificate in PEM form."""
        self._ca.cert_pem.write_to_path(str(path))
        return path

    def context(self, name: str) -> ssl.SSLContext:
        """A server's context for one host name, always the same."""
        with self._lock:
            if name not in self._contexts:
                self._contexts[name] = self.new_context(name)
            return self._contexts[name]

    def new_context(self, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*names).configure_cert(context)
        return context


def server_context(trusted: Authority, stranger: Authority, untrusted_hosts: set[str]) -> ssl.SSLContext:
    """A context that takes its certificate from the name the client asks for.

    Names in `untrusted_hosts` (which may change later) get theirs from an authority that nobody trusts.
    """

    def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> int | None:
        if not name:
            return None
        setattr(connection, ASKED_NAME, name.lower())
        authority = stranger if name in untrusted_hosts else trusted
        try:
            connection.context = authority.context(name.lower())
        except ValueError:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        return None

    context = trusted.new_context(*LOOPBACK)
    context.sni_callback = choose
    return context
