"""What the agent and the writer of Secrets need, and what they must not be able to do: requests, one by one.

Of what is refused, each line is something that whoever has taken the pod over, or the node under it, would want.
"""

from collections.abc import Mapping
from typing import Any

from tests.cluster.attempts import Attempt, apply, create, delete, get, patch

OURS, SYSTEM, TEAM = "aliyun-acr-credential-provider", "kube-system", "rights-team"
SECRET, CONFIG_MAP = "acr-credential-secret-aggregation", "acr-configuration"
AGENT, WRITER = OURS, f"{OURS}-secrets"
ACCOUNTS, SECRETS, EVENTS = (f"/api/v1/namespaces/{TEAM}/{kind}" for kind in ("serviceaccounts", "secrets", "events"))
CONFIG_MAPS = f"/api/v1/namespaces/{SYSTEM}/configmaps"
APP = f"{ACCOUNTS}/app"
"""A ServiceAccount that has labels, annotations and imagePullSecrets `first`, `second`."""
BY_NAME = f"fieldSelector=metadata.name%3D{SECRET}"
CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/{}configurations"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"
WATCHING = "watch=1&timeoutSeconds=1"


def named(kind: str, name: str, namespace: str = "", version: str = "v1", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def lease(namespace: str, name: str = "one", version: str = "") -> dict[str, Any]:
    found = named("Lease", name, namespace, "coordination.k8s.io/v1", spec={"holderIdentity": "somebody"})
    found["metadata"].update({"resourceVersion": version} if version else {})
    return found


def event(namespace: str, name: str) -> dict[str, Any]:
    about = {"kind": "ConfigMap", "name": CONFIG_MAP, "namespace": namespace}
    return named("Event", name, namespace, involvedObject=about, reason="Test", message="m", type="Normal")


def secret(
    name: str = SECRET, kind: str = "kubernetes.io/dockerconfigjson", namespace: str = TEAM, **data: str
) -> dict[str, Any]:
    content = {".dockerconfigjson": "e30="} if kind.endswith("dockerconfigjson") else {}
    return named("Secret", name, namespace, type=kind, data={**content, **data})


def pod(account: str) -> dict[str, Any]:
    containers = [{"name": "one", "image": "one"}]
    return named("Pod", "one", SYSTEM, spec={"serviceAccountName": account, "containers": containers})


def operation(op: str, path: str, value: Any = None) -> dict[str, Any]:
    return {"op": op, "path": path, **({} if op == "remove" else {"value": value})}


def change(what: str, *operations: Mapping[str, Any]) -> Attempt:
    return patch(f"change a ServiceAccount's {what}", APP, *operations)


TOKEN_REQUEST = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
ROLES = "/apis/rbac.authorization.k8s.io/v1"
APPS = f"/apis/apps/v1/namespaces/{SYSTEM}"
NODE_NAME, ANOTHER, THERE = "rights-node", "rights-another", "rights-there"
"""Nodes: the agent's own, one without a Lease, one that has one."""
NODE = f"/api/v1/nodes/{NODE_NAME}"

COMMON_REFUSED = (
    get("read all Secrets", "/api/v1/secrets"),
    get("read kube-system's Secrets", f"/api/v1/namespaces/{SYSTEM}/secrets"),
    get("read the managed role's session", f"/api/v1/namespaces/{SYSTEM}/secrets/addon.aliyuncsmanagedacrrole.token"),
    get("read the webhook's key", f"/api/v1/namespaces/{SYSTEM}/secrets/{OURS}-webhook"),
    get("read a tenant's Secret", f"{SECRETS}/other"),
    create("make a Secret", SECRETS, secret("other")),
    apply("write a tenant's Secret", f"{SECRETS}/other", secret("other")),
    delete("delete a tenant's Secret", f"{SECRETS}/other"),
    delete("delete all of a namespace's Secrets", SECRETS),
    get("read all ConfigMaps", "/api/v1/configmaps"),
    get("read another ConfigMap", f"{CONFIG_MAPS}/kube-root-ca.crt"),
    get("list kube-system's ConfigMaps", CONFIG_MAPS),
    patch("change the configuration", f"{CONFIG_MAPS}/{CONFIG_MAP}", operation("add", "/data", {})),
    get("read the control plane's Leases", LEASES.format(SYSTEM)),
    create("make a Lease among the control plane's", LEASES.format(SYSTEM), lease(SYSTEM)),
    get("read the nodes' heartbeats", LEASES.format("kube-node-lease")),
    get("read a tenant's Leases", LEASES.format(TEAM)),
    get("read all Leases", "/apis/coordination.k8s.io/v1/leases"),
    delete("delete all Leases at once", LEASES.format(OURS)),
    create("get a token of one's own", f"/api/v1/namespaces/{SYSTEM}/serviceaccounts/{AGENT}/token", TOKEN_REQUEST),
    create("get a token of the writer", f"/api/v1/namespaces/{SYSTEM}/serviceaccounts/{WRITER}/token", TOKEN_REQUEST),
    create("get a token of a tenant", f"{APP}/token", TOKEN_REQUEST),
    create("make a ServiceAccount", ACCOUNTS, named("ServiceAccount", "new", TEAM)),
    delete("delete a ServiceAccount", APP),
    get("list nodes", "/api/v1/nodes"),
    get("read a node", NODE),
    patch("label a node", NODE, operation("add", "/metadata/labels", {"a": "b"})),
    patch("set a node's status", f"{NODE}/status", operation("add", "/status/conditions", [])),
    delete("delete a node", NODE),
    get("list all pods", "/api/v1/pods"),
    get("list kube-system's pods", f"/api/v1/namespaces/{SYSTEM}/pods"),
    create("make a pod of the writer's account", f"/api/v1/namespaces/{SYSTEM}/pods", pod(WRITER)),
    create("run a command in a pod", f"/api/v1/namespaces/{SYSTEM}/pods/one/exec?command=sh", {}),
    create("reach a kubelet", f"{NODE}/proxy", {}),
    create("make a namespace", "/api/v1/namespaces", named("Namespace", "rights-new")),
    patch("label a namespace", f"/api/v1/namespaces/{TEAM}", operation("add", "/metadata/labels", {})),
    patch("label kube-system", f"/api/v1/namespaces/{SYSTEM}", operation("add", "/metadata/labels", {})),
    get("read webhooks", CONFIGURATIONS.format("mutatingwebhook")),
    patch("change our webhook", f"{CONFIGURATIONS.format('mutatingwebhook')}/{OURS}", operation("remove", "/webhooks")),
    delete("delete our policy", f"/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/{OURS}-secrets"),
    get("read roles", f"{ROLES}/clusterroles"),
    patch("change one's own role", f"{ROLES}/clusterroles/{OURS}", operation("replace", "/rules", [])),
    create("bind a role", f"{ROLES}/clusterrolebindings", named("ClusterRoleBinding", "new")),
    patch("change the DaemonSet", f"{APPS}/daemonsets/{AGENT}", operation("remove", "/spec")),
    patch("change the Deployment", f"{APPS}/deployments/{WRITER}", operation("remove", "/spec")),
    get("read Events", EVENTS),
    delete("delete Events", f"{EVENTS}/one"),
    get("list custom resources", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"),
    create("ask for a certificate", "/apis/certificates.k8s.io/v1/certificatesigningrequests", {}),
)  # fmt: skip

OF_LEASES = (
    create("make a Lease", LEASES.format(OURS), lease(OURS)),
    get("read it", f"{LEASES.format(OURS)}/one"),
    get("list them", LEASES.format(OURS)),
    Attempt("replace it", "PUT", f"{LEASES.format(OURS)}/one", lease(OURS, version="1")),
)
AGENT_NEEDS = (
    get("learn when the cluster was made", f"/api/v1/namespaces/{SYSTEM}"),
    *OF_LEASES,
    apply("apply a node's Lease", f"{LEASES.format(OURS)}/two", lease(OURS, "two")),
    create("make an Event on the ConfigMap", f"/api/v1/namespaces/{SYSTEM}/events", event(SYSTEM, "one")),
)
AGENT_REFUSED = (
    *COMMON_REFUSED,
    get("read the compatibility Secret", f"{SECRETS}/{SECRET}"),
    get("read all compatibility Secrets", f"/api/v1/secrets?{BY_NAME}"),
    apply("write the compatibility Secret", f"{SECRETS}/{SECRET}", secret()),
    delete("delete the compatibility Secret", f"{SECRETS}/{SECRET}"),
    get("read the configuration", f"{CONFIG_MAPS}/{CONFIG_MAP}"),
    delete("delete a Lease", f"{LEASES.format(OURS)}/one"),
    get("list namespaces", "/api/v1/namespaces"),
    get("read a tenant's namespace", f"/api/v1/namespaces/{TEAM}"),
    get("list ServiceAccounts", "/api/v1/serviceaccounts"),
    get("read a ServiceAccount", APP),
    change("entries", operation("add", "/imagePullSecrets/-", {"name": SECRET})),
    create("make an Event at a tenant's", EVENTS, event(TEAM, "agent")),
)


def node_lease(name: str, **labels: str) -> dict[str, Any]:
    made = lease(OURS, name)
    made["metadata"]["labels"] = {f"{OURS}/{key}": value for key, value in {"kind": "node", **labels}.items()}
    return made


def of_lease(name: str) -> str:
    return f"{LEASES.format(OURS)}/{name}"


OF_THE_NODE = (
    create("make the node's Lease", LEASES.format(OURS), node_lease(NODE_NAME)),
    apply("apply it", of_lease(NODE_NAME), node_lease(NODE_NAME, state="ready")),
    create("take a slot", LEASES.format(OURS), lease(OURS, "rollout.slot-1")),
    apply("write the record", of_lease("rollout"), lease(OURS, "rollout")),
)
OF_OTHER_NODES = (
    create("make another node's Lease", LEASES.format(OURS), node_lease(ANOTHER)),
    apply("say how another node is", of_lease(THERE), node_lease(THERE, state="ready")),
    patch("let it be no node's", of_lease(THERE), operation("remove", "/metadata/labels")),
)
LEADS = (
    create("lead the writers", LEASES.format(OURS), lease(OURS, "secrets-leader")),
    apply("go on leading", of_lease("secrets-leader"), lease(OURS, "secrets-leader")),
)
WRITES = (
    apply("make the compatibility Secret", f"{SECRETS}/{SECRET}", secret()),
    apply("renew it", f"{SECRETS}/{SECRET}", secret(**{".dockerconfigjson": "e30K"})),
)
WRITER_NEEDS = (
    get("list the configuration", f"{CONFIG_MAPS}?fieldSelector=metadata.name%3D{CONFIG_MAP}"),
    get("watch the configuration", f"{CONFIG_MAPS}?fieldSelector=metadata.name%3D{CONFIG_MAP}&{WATCHING}"),
    get("learn when the cluster was made", f"/api/v1/namespaces/{SYSTEM}"),
    get("list namespaces", "/api/v1/namespaces"),
    get("watch namespaces", f"/api/v1/namespaces?{WATCHING}"),
    get("list ServiceAccounts", "/api/v1/serviceaccounts"),
    get("watch ServiceAccounts", f"/api/v1/serviceaccounts?{WATCHING}"),
    get("read a ServiceAccount", APP),
    change("entries, at the end", operation("add", "/imagePullSecrets/-", {"name": SECRET})),
    change("entries, at the beginning", operation("add", "/imagePullSecrets/0", {"name": SECRET})),
    change("entries, back again",
           operation("remove", "/imagePullSecrets/3"), operation("remove", "/imagePullSecrets/0")),
    *WRITES,
    get("read it", f"{SECRETS}/{SECRET}"),
    get("list all of that name", f"/api/v1/secrets?{BY_NAME}"),
    get("watch all of that name", f"/api/v1/secrets?{BY_NAME}&{WATCHING}"),
    delete("delete it", f"{SECRETS}/{SECRET}"),
    *OF_LEASES,
    delete("delete the Lease of a node that is gone", f"{LEASES.format(OURS)}/one"),
    create("make an Event on the ConfigMap", f"/api/v1/namespaces/{SYSTEM}/events", event(SYSTEM, "two")),
    create("make an Event in a namespace", EVENTS, event(TEAM, "two")),
)  # fmt: skip
BY_ROLES, BY_POLICIES = (
    (
        get("list Secrets of a namespace", SECRETS),
        get("list Secrets by another name", "/api/v1/secrets?fieldSelector=metadata.name%3Dother"),
        get("list Secrets by a label", "/api/v1/secrets?labelSelector=a%3Db"),
        get("watch all Secrets", f"/api/v1/secrets?{WATCHING}"),
        create("make the compatibility Secret without its name in the path", SECRETS, secret()),
        Attempt("replace another Secret", "PUT", f"{SECRETS}/other", secret("other")),
        get("list ConfigMaps by another name", f"{CONFIG_MAPS}?fieldSelector=metadata.name%3Dother"),
        Attempt("replace a ServiceAccount", "PUT", APP, named("ServiceAccount", "app", TEAM)),
        patch("change the nodes' role", f"{ROLES}/clusterroles/system:node", operation("remove", "/rules")),
    ),
    (
        change("labels", operation("add", "/metadata/labels/more", "b")),
        change("labels, all away", operation("remove", "/metadata/labels")),
        change("annotations, which give RAM roles", operation("add", "/metadata/annotations/more", "b")),
        change("owner", operation("add", "/metadata/ownerReferences", [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "1"}])),
        change("finalizers", operation("add", "/metadata/finalizers", ["example.com/never"])),
        change("secrets", operation("add", "/secrets", [{"name": "other"}])),
        change("automountServiceAccountToken", operation("add", "/automountServiceAccountToken", True)),
        change("others' entries, one more", operation("add", "/imagePullSecrets/-", {"name": "third"})),
        change("others' entries, one less", operation("remove", "/imagePullSecrets/0")),
        change("others' entries, all away", operation("remove", "/imagePullSecrets")),
        change("others' entries, in another order",
               operation("replace", "/imagePullSecrets", [{"name": "second"}, {"name": "first"}])),
        change("others' entries, with ours",
               operation("replace", "/imagePullSecrets", [{"name": SECRET}, {"name": "first"}])),
        apply("make a token of a ServiceAccount under our name", f"{SECRETS}/{SECRET}", {
            **secret(kind="kubernetes.io/service-account-token"),
            "metadata": {"name": SECRET, "annotations": {"kubernetes.io/service-account.name": "app"}}}),
        apply("make an Opaque Secret under our name", f"{SECRETS}/{SECRET}", secret(kind="Opaque", more="e30=")),
        apply("put another key beside ours", f"{SECRETS}/{SECRET}", secret(more="e30=")),
    ),
)  # fmt: skip
"""What the writer may not: where roles say so, and what its roles would allow."""
