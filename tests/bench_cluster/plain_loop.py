"""What others do: go through all namespaces one after the other, ask what is there, and write what is missing."""

import base64
import time
from dataclasses import dataclass

from lightkube import ApiError, Client
from lightkube.models.core_v1 import LocalObjectReference
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Secret, ServiceAccount
from lightkube.types import PatchType

NAME = "plain-loop"
NOT_FOUND = 404
FIRST, AGAIN = (base64.b64encode(word * 400).decode() for word in (b"first", b"again"))


@dataclass(frozen=True, slots=True)
class Loop:
    """Seconds and requests of one pass through all namespaces: the first, one with nothing to do, one that renews."""

    first: float
    requests_first: int
    idle: float
    requests_idle: int
    renewal: float
    requests_renewal: int


def measured(client: Client, some: list[str], count: int) -> Loop:
    """Go through some namespaces, and say what it would be for `count` of them."""
    share = count / len(some)
    passes = [_pass(client, some, tokens) for tokens in (FIRST, FIRST, AGAIN)]
    (first, at_first), (idle, at_rest), (renewal, renewing) = (
        (seconds * share, round(requests * share)) for seconds, requests in passes
    )
    return Loop(first, at_first, idle, at_rest, renewal, renewing)


def _pass(client: Client, namespaces: list[str], data: str) -> tuple[float, int]:
    """In each namespace a Secret with this data, which every ServiceAccount names."""
    started = time.monotonic()
    requests = 0
    for namespace in namespaces:
        requests += 1 + _secret(client, namespace, data)
        for account in client.list(ServiceAccount, namespace=namespace):
            assert account.metadata is not None and account.metadata.name is not None
            pulls = account.imagePullSecrets or []
            if all(one.name != NAME for one in pulls):
                wanted = [*(one.to_dict() for one in pulls), LocalObjectReference(NAME).to_dict()]
                patch = {"imagePullSecrets": wanted}
                name = account.metadata.name
                requests += 1
                client.patch(ServiceAccount, name, patch, namespace=namespace, patch_type=PatchType.MERGE)
    return time.monotonic() - started, requests


def _secret(client: Client, namespace: str, data: str) -> int:
    """Returns how many requests that took."""
    metadata = ObjectMeta(name=NAME, namespace=namespace)
    wanted = Secret(metadata=metadata, data={"tokens": data})
    try:
        found = client.get(Secret, NAME, namespace=namespace)
    except ApiError as error:
        if error.status.code != NOT_FOUND:
            raise
        client.create(wanted)
        return 2
    if (found.data or {}).get("tokens") == data:
        return 1
    client.replace(wanted)
    return 2
