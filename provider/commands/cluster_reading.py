"""How `--cluster` reaches an API server, from an administrator's machine or from a pod, and reads what may be a lot."""

import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, TypeVar

from lightkube import Client
from lightkube.core.resource import GlobalResource, NamespacedResourceG

from provider.errors import ConfigurationError
from provider.kubernetes.client import NOT_FOUND, ApiFailure, ask, open_client

PAGE = 500
"""Objects that are asked for at once, so that no more are in memory."""
LIBRARIES = "LD_LIBRARY_PATH"

Kind = TypeVar("Kind", bound=GlobalResource | NamespacedResourceG)


def kubeconfig_of(given: str, environ: Mapping[str, str]) -> str:
    """Return the kubeconfig that counts, as kubectl chooses it; empty in a pod without one.

    Of several in KUBECONFIG the first that is there. Raises ConfigurationError where there is none.
    """
    if given:
        return given
    named = [path for path in environ.get("KUBECONFIG", "").split(":") if path]
    if named:
        return next((path for path in named if os.path.exists(path)), named[0])
    usual = os.path.join(environ.get("HOME", ""), ".kube/config")
    if os.path.isabs(usual) and os.path.exists(usual):
        return usual
    if environ.get("KUBERNETES_SERVICE_HOST"):
        return ""
    raise ConfigurationError("which cluster is not known: give --kubeconfig=FILE, or name one as KUBECONFIG")


def as_started(environ: MutableMapping[str, str]) -> None:
    """Give a program that the kubeconfig has started (`exec`) its own libraries, and not those of the bundle."""
    if hasattr(sys, "_MEIPASS"):
        before = environ.pop(f"{LIBRARIES}_ORIG", "")
        environ.pop(LIBRARIES, None)
        if before:
            environ[LIBRARIES] = before


class Cluster:
    """Everything that the two commands read. Every method raises ApiFailure."""

    def __init__(self, client: Client) -> None:
        self._client: Any = client  # its overloads tell kinds with a namespace from others; here both come
        self.server = client.config.cluster.server

    def each(
        self,
        kind: type[Kind],
        what: str,
        namespace: str = "*",
        *,
        fields: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Iterator[Kind]:
        """Yield all objects of a kind, page by page read. `namespace`: one of them, or `*` for all."""
        where = {"namespace": namespace} if issubclass(kind, NamespacedResourceG) else {}
        found: Iterator[Kind] = iter(self._client.list(kind, chunk_size=PAGE, fields=fields, labels=labels, **where))
        while (each := ask(f"read {what}", lambda: next(found, None))) is not None:
            yield each

    def find(self, kind: type[Kind], what: str, name: str, namespace: str = "") -> Kind | None:
        """Return one object; None where there is none."""
        where = {"namespace": namespace} if namespace else {}
        try:
            found: Kind = ask(f"read {what}", lambda: self._client.get(kind, name, **where))
        except ApiFailure as failure:
            if failure.status != NOT_FOUND:
                raise
            return None
        return found


@contextmanager
def opened(given: str, environ: MutableMapping[str, str]) -> Iterator[Cluster]:
    """Open the cluster that a kubeconfig names, until the context ends. Raises ConfigurationError."""
    kubeconfig = kubeconfig_of(given, environ)
    as_started(environ)
    with open_client(kubeconfig) as client:
        yield Cluster(client)
