"""The kubelet's kubeconfig: where the API server is, whom to trust, and who the node is.

Read as the Kubernetes client library does: the current context counts, what is in a file is read from it, paths are
relative to the kubeconfig's folder, `…-data` counts more than the file beside it, `tokenFile` more than `token`.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import yaml

from provider.errors import ProviderError
from provider.node.files import File, Tree

NOT_FOLLOWED = {
    "exec": "runs a program for its credentials",
    "auth-provider": "has an auth-provider",
    "proxy-url": "goes through a proxy",
    "tls-server-name": "names the API server otherwise than its address",
    "insecure-skip-tls-verify": "trusts any server",
}
"""Keys of users and clusters that are refused where they are set: who goes another way would be nobody's node."""


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """What the current context comes to. Certificates and keys are PEM texts, empty where there are none."""

    path: str
    server: str
    """`https://HOST[:PORT][/PATH]`, without slash at its end."""
    authority: str = field(repr=False)
    """The certificates of the API server's authorities; empty: the system's count."""
    certificate: str = field(repr=False)
    key: str = field(repr=False)
    token: str = field(repr=False)


def read_kubeconfig(tree: Tree, path: str) -> Kubeconfig:
    """Return what a kubeconfig says. Raises ProviderError, which quotes no value of a user."""
    return _Reader(tree, path).read()


def _is_address(server: str) -> bool:
    try:
        parts = urlsplit(server)
        return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False


class _Reader:
    def __init__(self, tree: Tree, path: str) -> None:
        self._tree = tree
        self._path = path

    def read(self) -> Kubeconfig:
        document = self._document()
        current = document.get("current-context")
        context = self._named(document, "contexts", "context", current)
        cluster = self._named(document, "clusters", "cluster", context.get("cluster"))
        user = self._named(document, "users", "user", context.get("user"))
        for key, what in NOT_FOLLOWED.items():
            if user.get(key) or cluster.get(key):
                raise self._error(f"{what} ({key}), which is not followed here")
        server = str(cluster.get("server") or "")
        if not _is_address(server):
            raise self._error("server: is no address that begins with https://")
        certificate, key = self._pem(user, "client-certificate"), self._pem(user, "client-key")
        written = user.get("token") or ""
        if not isinstance(written, str):
            raise self._error("its user's token is no text: put it into quotes")
        token = self._file(user, "tokenFile").strip() or written
        if not token and not (certificate and key):
            raise self._error("its user has neither a client certificate with its key nor a token")
        authority = self._pem(cluster, "certificate-authority")
        return Kubeconfig(self._path, server.rstrip("/"), authority, certificate, key, token)

    def _document(self) -> Mapping[str, Any]:
        text = self._tree.text(self._path)
        if text is None:
            raise ProviderError(f"{self._path}, the kubelet's kubeconfig, is not there")
        try:
            document = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError):
            # What the parser says may quote a key.
            document = None
        if not isinstance(document, Mapping):
            raise self._error("is no YAML mapping")
        return document

    def _named(self, document: Mapping[str, Any], items: str, item: str, name: object) -> Mapping[str, Any]:
        """Return the value of the item of a list that has a name."""
        found = document.get(items)
        for each in found if isinstance(found, list) else ():
            if isinstance(each, Mapping) and each.get("name") == name and isinstance(each.get(item), Mapping):
                value: Mapping[str, Any] = each[item]
                return value
        raise self._error(f"{items}: there is none of the name that the current context leads to")

    def _pem(self, values: Mapping[str, Any], key: str) -> str:
        data = values.get(f"{key}-data")
        if not data:
            return self._file(values, key)
        try:
            return base64.b64decode(str(data), validate=True).decode("ascii")
        except (binascii.Error, ValueError):
            raise self._error(f"{key}-data: is no PEM text in base64") from None

    def _file(self, values: Mapping[str, Any], key: str) -> str:
        named = str(values.get(key) or "")
        if not named:
            return ""
        path = named if named.startswith("/") else f"{self._path.rpartition('/')[0]}/{named}"
        state = self._tree.state(self._tree.resolve(path))
        if not isinstance(state, File):
            raise self._error(f"{key}: {path} is not there")
        try:
            return state.content.decode("ascii")
        except UnicodeDecodeError:
            raise self._error(f"{key}: {path} is no text") from None

    def _error(self, what: str) -> ProviderError:
        return ProviderError(f"{self._path}: {what}")
