"""The cluster's API server, asked as the node: by the kubelet's kubeconfig, with what that allows and no more."""

import http.client
import json
import ssl
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from provider.errors import ProviderError
from provider.key_pair import load_pair
from provider.node.files import Tree
from provider.node.kubeconfig import Kubeconfig, read_kubeconfig
from provider.places import PROGRAM
from provider.service_account import AUDIENCE

SECONDS = 5.0
"""For one call, from the name's address to the last byte."""
SIZE_LIMIT = 32 << 20
"""Bytes of an answer: the pods of a full node come to a few millions."""

ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
VERB = "request-serviceaccounts-token-audience"
"""What the API server asks RBAC for before a node gets a token for an audience, which is the resource."""


class ApiError(ProviderError):
    """The API server did not answer, or not with what was asked for. `status` is that of HTTP; 0: no answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class KubeApi:
    """One API server and who we are there. No proxy is used and no redirection followed."""

    def __init__(self, kubeconfig: Kubeconfig, seconds: float = SECONDS) -> None:
        parts = urlsplit(kubeconfig.server)
        self.server = kubeconfig.server
        self._host, self._port, self._prefix = parts.hostname or "", parts.port or 443, parts.path
        self._seconds = seconds
        self._trust = _trust(kubeconfig)
        self._headers = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": PROGRAM}
        if kubeconfig.token:
            self._headers["Authorization"] = f"Bearer {kubeconfig.token}"

    def get(self, path: str) -> dict[str, Any]:
        """Return the object at a path. Raises ApiError."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send an object, and return the one that comes back. Raises ApiError."""
        return self._ask("POST", path, json.dumps(body))

    def _ask(self, method: str, path: str, body: str | None) -> dict[str, Any]:
        """Ask in a thread, which is left behind where a name's address or the last bytes never come."""
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=self._seconds, context=self._trust)
        answers: list[tuple[int, bytes]] = []
        failures: list[Exception] = []

        def ask() -> None:
            try:
                connection.request(method, self._prefix + path, body, self._headers)
                response = connection.getresponse()
                answers.append((response.status, response.read(SIZE_LIMIT + 1)))
            except (OSError, ValueError, http.client.HTTPException) as error:
                failures.append(error)
            finally:
                connection.close()

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(self._seconds)
        if failures:
            raise ApiError(f"{self.server} cannot be reached: {_reason(failures[0])}")
        if not answers:
            raise ApiError(f"{self.server} did not answer within {self._seconds:g} s")
        return self._object(f"{method} {path}", *answers[0])

    def _object(self, request: str, status: int, content: bytes) -> dict[str, Any]:
        try:
            found = json.loads(content) if len(content) <= SIZE_LIMIT else None
        except (ValueError, RecursionError):
            found = None
        if not 200 <= status < 300:
            said = found.get("message") if isinstance(found, dict) else ""
            raise ApiError(f"{self.server} answers {status} to {request}: {str(said or 'no reason')[:300]}", status)
        if not isinstance(found, dict):
            raise ApiError(f"{self.server} answers {request} with no JSON object", status)
        return found


def open_api(tree: Tree, kubeconfig: str) -> KubeApi:
    """Return the API server of a kubeconfig, whose path is as the node sees it; nobody is asked yet.

    Raises ProviderError, which quotes no key, for a file that is missing, malformed, or goes a way that is not
    followed here.
    """
    return KubeApi(read_kubeconfig(tree, kubeconfig))


def may_request_tokens(api: KubeApi) -> bool:
    """Tell whether the kubelet may get tokens for `AUDIENCE` for ServiceAccounts of all namespaces. Raises ApiError."""
    attributes = {"verb": VERB, "group": "", "resource": AUDIENCE}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    status = api.post(ACCESS_REVIEWS, review).get("status")
    return isinstance(status, dict) and status.get("allowed") is True


def _trust(kubeconfig: Kubeconfig) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if kubeconfig.authority:
            context.load_verify_locations(cadata=kubeconfig.authority)
        else:
            context.load_default_certs()
    except (ssl.SSLError, ValueError):
        raise ProviderError(f"{kubeconfig.path}: its certificate-authority holds no certificate in PEM form") from None
    if kubeconfig.certificate and kubeconfig.key:
        try:
            load_pair(context, f"{kubeconfig.certificate}\n{kubeconfig.key}\n".encode())
        except OSError:
            raise ProviderError(
                f"{kubeconfig.path}: its client certificate and key are not PEM texts of one pair without password"
            ) from None
    return context


def _reason(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not accepted ({error.verify_message})"
        case ssl.SSLError():
            return f"TLS: {error.reason or 'failed'}"
        case TimeoutError():
            return "timed out"
        case OSError() if error.strerror:
            return error.strerror
    return type(error).__name__
