"""What several tests of the agent do in a cluster of two."""

from collections.abc import Mapping, Sequence

from provider.kubernetes.names import MANAGED_ROLE_KEY, MANAGED_ROLE_SECRET, SECRET, SYSTEM_NAMESPACE
from tests.cloud.default_world import ALPHA
from tests.e2e.cluster_of_two import NODES, ClusterOfTwo
from tests.e2e.node import Node
from tests.e2e.pods import PRIVATE

CONFIGURATION = {
    "acr-api-version": "2018-12-01",
    "acr-registry-info": '- instanceId: ""\n',
    "expiring-threshold": "15m",
    "service-account": "default",
    "watch-namespace": "default",
}
"""As ACK makes it."""
BOTH_EDITIONS = {**CONFIGURATION, "acr-registry-info": f'- instanceId: ""\n- instanceId: {ALPHA}\n'}
"""With an instance beside, for who cannot find it by an image's host: the writer of Secrets."""
EDITIONS = ("personal", "enterprise")
KINDS = (
    *("namespaces", "secrets", "serviceaccounts", "configmaps", "services", "leases", "daemonsets", "deployments"),
    *("roles", "rolebindings", "clusterroles", "clusterrolebindings", "poddisruptionbudgets"),
    *("mutatingwebhookconfigurations", "validatingadmissionpolicies", "validatingadmissionpolicybindings"),
)
"""What an installation may leave in a cluster."""


def pull_on_each(cluster: ClusterOfTwo, word: str, editions: Sequence[str] = EDITIONS) -> None:
    """A new pod with an image of each edition runs on each node; `word` begins the pods' names."""
    wanted = [(f"{word}-{edition}-{node}", edition, node) for node in NODES for edition in editions]
    for name, edition, node in wanted:
        cluster.pod(name, PRIVATE[edition], node)
    cluster.wait_running(*(name for name, _, _ in wanted))


def give_managed_role(cluster: ClusterOfTwo) -> None:
    """Take the nodes' role away, and give the cluster the Secret that the managed edition keeps."""
    cluster.site.ask("node", role_name="")
    text = cluster.site.ask("managed_role_secret")["text"]
    metadata = {"namespace": SYSTEM_NAMESPACE, "name": MANAGED_ROLE_SECRET}
    cluster.api.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {MANAGED_ROLE_KEY: text}}
    )


def objects(cluster: ClusterOfTwo) -> set[str]:
    """The names of all that there is of `KINDS`."""
    template = "{range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name}{'\\n'}{end}"
    listed = cluster.api.kubectl("get", ",".join(KINDS), "--all-namespaces", f"--output=jsonpath={template}")
    return set(listed.splitlines())


def entries(cluster: ClusterOfTwo, namespace: str, account: str = "default") -> list[str]:
    """The imagePullSecrets of a ServiceAccount."""
    found = cluster.get("serviceaccount", account, namespace=namespace)
    return [one["name"] for one in found.get("imagePullSecrets", ())]


def wait_served(cluster: ClusterOfTwo, namespace: str, account: str = "default", seconds: float = 60) -> None:
    """Wait until a ServiceAccount names our Secret."""
    what = f"ServiceAccount {namespace}/{account} to name the Secret"
    cluster.wait(lambda: SECRET in entries(cluster, namespace, account), seconds, what)


def object_of(kind: str, namespace: str, name: str, **more: object) -> Mapping[str, object]:
    """An object of apiVersion v1; a namespace where `namespace` is empty."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **more}


def take_plugin_away(node: Node) -> None:
    """As an administrator does it by hand, on the node."""
    node.run("/opt/aliyun-acr-credential-provider/bin/aliyun-acr-credential-provider uninstall")
    node.wait_healthy()
