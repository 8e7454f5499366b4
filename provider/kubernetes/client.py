"""The API server, through lightkube: how it is reached, how long is waited, and what people read when it refuses."""

import os
import ssl
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx2
import yaml
from lightkube import ApiError, AsyncClient, Client, KubeConfig
from lightkube.core.exceptions import ConfigError

from provider.errors import ConfigurationError, ProviderError
from provider.kubernetes.names import FIELD_MANAGER

SECONDS = 10.0
"""For a connection, and for each read of an answer."""
MESSAGE_LIMIT = 300
"""Characters that are told of what the API server says."""

FAILURES = (httpx2.HTTPError, ConfigError, OSError, KeyError, TypeError, ValueError)
"""What a call of the client raises; the last three where an answer is none of an API server's, but a balancer's."""

FORBIDDEN, NOT_FOUND, CONFLICT = 403, 404, 409
"""Of the API server's answers, those that callers tell apart."""

Count = Callable[[str, int], None]
"""Takes each request to the API server: its method, and the status of the answer (0: none)."""
Result = TypeVar("Result")


class ApiFailure(ProviderError):
    """The API server refused, or did not answer. `status` is that of HTTP (0: no answer), `reason` Kubernetes' word."""

    def __init__(self, message: str, status: int = 0, reason: str = "", retry_after: float = 0) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after
        """Seconds that the API server asks to wait; 0 where it says nothing."""


def open_client(kubeconfig: str = "", *, seconds: float = SECONDS) -> Client:
    """Return a client that nobody has asked anything of yet.

    `kubeconfig`: a file; empty in a pod, whose ServiceAccount counts. No proxy is used. Raises ConfigurationError.
    """
    config = _config(kubeconfig)
    return Client(config, timeout=httpx2.Timeout(seconds), field_manager=FIELD_MANAGER, trust_env=False)


def open_async_client(kubeconfig: str = "", *, seconds: float = SECONDS) -> AsyncClient:
    """Return the same for asynchronous calls."""
    config = _config(kubeconfig)
    return AsyncClient(config, timeout=httpx2.Timeout(seconds), field_manager=FIELD_MANAGER, trust_env=False)


def ask(what: str, call: Callable[[], Result]) -> Result:
    """Return what a call of the client returns. Raises ApiFailure, which says that `what` could not be done."""
    try:
        return call()
    except FAILURES as error:
        raise failure(what, error) from None


async def ask_async(what: str, awaitable: Awaitable[Result]) -> Result:
    """Return the same of an asynchronous call."""
    try:
        return await awaitable
    except FAILURES as error:
        raise failure(what, error) from None


async def ask_counted(count: Count, method: str, what: str, awaitable: Awaitable[Result]) -> Result:
    """Return what `ask_async` does, and have the request counted, whatever comes of it."""
    try:
        result = await ask_async(what, awaitable)
    except ApiFailure as error:
        count(method, error.status)
        raise
    count(method, 201 if method == "POST" else 200)
    return result


def failure(what: str, error: Exception) -> ApiFailure:
    """Return an error of the client as one of ours, without anything that was sent."""
    if isinstance(error, httpx2.HTTPStatusError):
        # lightkube's watch raises an ApiError that has a status and no response.
        wait = _seconds(error.response.headers.get("Retry-After", "")) if error.response is not None else 0.0
        if isinstance(error, ApiError) and error.status is not None:
            status, reason = error.status.code or 0, error.status.reason or ""
            said = " ".join((error.status.message or reason or "no reason").split())[:MESSAGE_LIMIT]
            return ApiFailure(f"cannot {what}: the API server says {status or '?'}: {said}", status, reason, wait)
        status = error.response.status_code
        return ApiFailure(f"cannot {what}: the API server answers {status}", status, "", wait)
    if isinstance(error, KeyError | TypeError | ValueError):
        behind = error.__context__
        while behind is not None and not isinstance(behind, httpx2.HTTPStatusError):
            behind = behind.__context__
        return failure(what, behind) if behind else ApiFailure(f"cannot {what}: the answer is none of an API server's")
    if isinstance(error, httpx2.TimeoutException | TimeoutError):
        return ApiFailure(f"cannot {what}: the API server did not answer in time")
    return ApiFailure(f"cannot {what}: the API server cannot be reached: {_cause(error)}")


def _config(kubeconfig: str) -> KubeConfig:
    try:
        if kubeconfig:
            return KubeConfig.from_file(kubeconfig)
        if not os.environ.get("KUBERNETES_SERVICE_HOST"):
            raise ConfigurationError("this is no pod of a cluster (no KUBERNETES_SERVICE_HOST): give --kubeconfig=FILE")
        return KubeConfig.from_service_account()
    except (ConfigError, AttributeError, KeyError, TypeError, ValueError, OSError, yaml.YAMLError) as error:
        if not kubeconfig:
            raise ConfigurationError(f"the pod's ServiceAccount is not mounted: {type(error).__name__}") from None
        reason = error.strerror if isinstance(error, OSError) else "is no kubeconfig, or is not there"
        raise ConfigurationError(f"{kubeconfig}: {reason}") from None


def _seconds(text: str) -> float:
    return float(text) if text.isdecimal() else 0.0


def _cause(error: Exception) -> str:
    found: BaseException = error
    while found.__cause__ is not None or found.__context__ is not None:
        found = found.__cause__ or found.__context__ or found
    if isinstance(found, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted ({found.verify_message})"
    if isinstance(found, OSError) and found.strerror:
        return found.strerror
    return type(found).__name__
