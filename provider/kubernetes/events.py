"""Kubernetes Events: how one is made, and that nobody is told the same thing all the time."""

import hashlib
from datetime import UTC, datetime

from lightkube.models.core_v1 import EventSource, ObjectReference
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Event

from provider.places import PROGRAM

MESSAGE_LIMIT = 1024
"""Characters; the API server refuses a longer message."""
REPEAT_SECONDS = 600.0
HOUR = 3600.0
"""Seconds in which an Event that says the same has the same name; and after which API servers forget it."""
API_VERSIONS = {
    "DaemonSet": "apps/v1",
    "Deployment": "apps/v1",
    "MutatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
}
"""Of the kinds that Events are about; others are of the core, v1."""
CLUSTER_SCOPED = ("Node", "MutatingWebhookConfiguration")
"""Their Events have no namespace in the reference. A Namespace's has its own name there: the API server wants it so of
an Event that is not in namespace `default`."""


def event(
    kind: str, namespace: str, name: str, reason: str, message: str, *, warning: bool, now: float, uid: str = ""
) -> Event:
    """Return an Event about an object, in the object's namespace; a Namespace's own is that namespace.

    `now`: seconds since the epoch. Its name follows from what it says and from the hour, so that many who say the same
    say it once: a second one is refused as AlreadyExists. The message holds no secret.
    """
    where = name if kind == "Namespace" else namespace or "default"
    said = " ".join(message.split())[:MESSAGE_LIMIT]
    digest = hashlib.sha256(
        "\n".join((kind, namespace, name, reason, said, str(int(now // HOUR)))).encode()
    ).hexdigest()
    moment = datetime.fromtimestamp(int(now), UTC)
    return Event(
        metadata=ObjectMeta(name=f"{name[:200]}.{digest[:16]}", namespace=where),
        involvedObject=ObjectReference(
            apiVersion=API_VERSIONS.get(kind, "v1"),
            kind=kind,
            name=name,
            namespace=None if kind in CLUSTER_SCOPED else where,
            uid=uid or None,
        ),
        reason=reason,
        message=said,
        type="Warning" if warning else "Normal",
        firstTimestamp=moment,
        lastTimestamp=moment,
        count=1,
        source=EventSource(component=PROGRAM),
        reportingComponent=PROGRAM,
        reportingInstance=PROGRAM,
    )


class Limiter:
    """Lets the same thing be said once in a time."""

    def __init__(self, seconds: float = REPEAT_SECONDS) -> None:
        self._seconds = seconds
        self._said: dict[str, float] = {}

    def allow(self, key: str, now: float) -> bool:
        """Tell whether `key` may be said now (seconds of any clock); then it is taken as said."""
        self._said = {known: said for known, said in self._said.items() if 0 <= now - said < self._seconds}
        if key in self._said:
            return False
        self._said[key] = now
        return True

    def forget(self, key: str) -> None:
        """Let it be said again at once: it was not said after all."""
        self._said.pop(key, None)
