"""What the node is told of its cluster: `cluster.json`, which decides the identity in `token-mode: auto`."""

import json
from datetime import UTC, datetime

from lightkube import Client
from lightkube.resources.core_v1 import Namespace

from provider.errors import ProviderError
from provider.kubernetes.client import ask
from provider.kubernetes.names import SYSTEM_NAMESPACE
from provider.node.files import File, Folder, Tree
from provider.places import DEFAULTS

FOLDER = DEFAULTS["--data-dir"]
PATH = f"{FOLDER}/cluster.json"


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


def write(tree: Tree, content: bytes) -> bool:
    """Put it on the host; tells whether it was another. Ready answers are asked for anew then. Raises NodeError."""
    state = tree.state(PATH)
    if isinstance(state, File) and state.content == content:
        return False
    if tree.state(tree.resolve(FOLDER)) is None:
        tree.put(FOLDER, Folder(0o755))
    tree.put(PATH, File(content))
    return True
