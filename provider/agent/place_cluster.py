"""What the node is told of its cluster: `cluster.json`, which decides the identity in `token-mode: auto`."""

import json
import os
from datetime import UTC, datetime

from lightkube import Client
from lightkube.resources.core_v1 import Namespace

from provider.errors import ProviderError
from provider.kubernetes.client import ask
from provider.kubernetes.names import SYSTEM_NAMESPACE
from provider.node.files import File, Folder, Tree
from provider.places import DEFAULTS, Places

ON_HOST = Places(DEFAULTS)
PATH = ON_HOST.cluster


def created(client: Client) -> datetime:
    """Return when the cluster's own namespace was made. Raises ApiFailure, ProviderError."""
    namespace = ask(f"read namespace {SYSTEM_NAMESPACE}", lambda: client.get(Namespace, SYSTEM_NAMESPACE))
    moment = namespace.metadata.creationTimestamp if namespace.metadata is not None else None
    if moment is None:
        raise ProviderError(f"namespace {SYSTEM_NAMESPACE} has no creationTimestamp")
    return moment


def content_of(moment: datetime, cluster_id: str) -> bytes:
    """Return the file's content; an empty id is left out."""
    fields = {"created": moment.astimezone(UTC).isoformat().replace("+00:00", "Z")}
    return json.dumps(fields | ({"clusterId": cluster_id} if cluster_id else {})).encode() + b"\n"


def write(tree: Tree, content: bytes, path: str = PATH) -> bool:
    """Put it on the host; tells whether it was another. Ready answers are asked for anew then. Raises NodeError."""
    wanted = File(content, 0o644, os.geteuid(), os.getegid())
    if tree.state(path) == wanted:
        return False
    folder = os.path.dirname(path)
    for each in (os.path.dirname(folder), folder):
        if tree.state(tree.resolve(each)) is None:
            tree.put(each, Folder(0o755, os.geteuid(), os.getegid()))
    tree.put(path, wanted)
    return True
