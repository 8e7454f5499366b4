"""What the webhook answers: an AdmissionReview of admission.k8s.io/v1 comes in, and one goes out. Pure.

A ServiceAccount is never refused: without its entry it works for all images that need no Secret, and the writer adds
the entry as soon as it can.
"""

import base64
import re
from dataclasses import dataclass

import msgspec

from provider.config.values import Webhook
from provider.errors import RequestError
from provider.kubernetes.names import SECRET, SYSTEM_NAMESPACE
from provider.secrets.selection import Wanted
from provider.secrets.wire import Reference

API_VERSION, KIND = "admission.k8s.io/v1", "AdmissionReview"
CREATE = "CREATE"
RESOURCE = ("", "v1", "serviceaccounts")
DEFAULT_SECONDS, LONGEST_SECONDS = 10.0, 30.0
"""`timeoutSeconds` of a webhook, as the API server has it."""
OWN_SECONDS = 1.0
"""Of the API server's time, what is kept for the way there and back."""
WARNING_LIMIT = 250
"""Characters; Kubernetes asks for at most 256 and cuts longer ones."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the webhook goes by now."""

    webhook: Webhook
    wanted: Wanted
    namespace: str
    """Ours, which is never served."""


class _Resource(msgspec.Struct):
    group: str = ""
    version: str = ""
    resource: str = ""


class _Metadata(msgspec.Struct):
    name: str = ""


class _ServiceAccount(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    imagePullSecrets: list[Reference] | None = None  # noqa: N815


class _Request(msgspec.Struct):
    uid: str
    operation: str
    resource: _Resource
    name: str = ""
    namespace: str = ""
    dryRun: bool | None = None  # noqa: N815
    subResource: str = ""  # noqa: N815
    object: _ServiceAccount | None = None


class _Review(msgspec.Struct):
    apiVersion: str  # noqa: N815
    kind: str
    request: _Request


@dataclass(frozen=True, slots=True)
class Review:
    """A question of the API server."""

    uid: str
    namespace: str
    name: str
    """Of the ServiceAccount."""
    creates: bool
    """Whether a ServiceAccount is being created at all: the webhook's rules ask for nothing else."""
    dry_run: bool
    pulls: tuple[str, ...] | None
    """The names in its imagePullSecrets; None where there is no list."""


def read_review(body: bytes) -> Review:
    """Return what is asked. Raises RequestError for what is no AdmissionReview."""
    try:
        found = msgspec.json.decode(body, type=_Review)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise RequestError("the request is no AdmissionReview that asks for a ServiceAccount") from None
    if (found.apiVersion, found.kind) != (API_VERSION, KIND) or not found.request.uid:
        raise RequestError(f"the request is no {KIND} of {API_VERSION}")
    asked, account = found.request, found.request.object
    resource = (asked.resource.group, asked.resource.version, asked.resource.resource)
    return Review(
        uid=asked.uid,
        namespace=asked.namespace,
        name=asked.name or (account.metadata.name if account else ""),
        creates=asked.operation == CREATE and resource == RESOURCE and not asked.subResource and account is not None,
        dry_run=bool(asked.dryRun),
        pulls=None if account is None or account.imagePullSecrets is None
        else tuple(reference.name for reference in account.imagePullSecrets),
    )  # fmt: skip


def needs_entry(review: Review, rules: Rules) -> bool:
    """Tell whether this ServiceAccount is to have our entry, and does not have it yet."""
    return (
        rules.webhook.enable
        and review.creates
        and review.namespace not in ("", SYSTEM_NAMESPACE, rules.namespace)
        and review.namespace in rules.wanted.namespaces
        and review.name in rules.wanted.service_accounts
        and SECRET not in (review.pulls or ())
    )


def allowed(review: Review, *, warning: str = "") -> bytes:
    """Return the answer that leaves a ServiceAccount as it is; `warning` is shown to whoever creates it."""
    return _answer(review, {"warnings": [" ".join(warning.split())[:WARNING_LIMIT]]} if warning else {})


def patched(review: Review) -> bytes:
    """Return the answer that appends our entry to its imagePullSecrets."""
    entry = {"name": SECRET}
    patch = (
        {"op": "add", "path": "/imagePullSecrets", "value": [entry]}
        if review.pulls is None
        else {"op": "add", "path": "/imagePullSecrets/-", "value": entry}
    )
    encoded = base64.b64encode(msgspec.json.encode([patch])).decode()
    return _answer(review, {"patchType": "JSONPatch", "patch": encoded})


def seconds_of(timeout: str) -> float:
    """Return how long the answer may take, given the query parameter `timeout` of the API server (`10s`)."""
    written = re.fullmatch(r"([0-9]{1,6})s", timeout)
    given = min(float(written[1]), LONGEST_SECONDS) if written else DEFAULT_SECONDS
    return max(given - OWN_SECONDS, given / 2)


def _answer(review: Review, more: dict[str, object]) -> bytes:
    response = {"uid": review.uid, "allowed": True, **more}
    return msgspec.json.encode({"apiVersion": API_VERSION, "kind": KIND, "response": response})
