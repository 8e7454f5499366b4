"""The part of an API server that `doctor --service-account` asks, with the rules that hold for nodes.

As the node authorizer and the admission plugin NodeRestriction have them: a node sees its own pods, the ServiceAccounts
of those, and gets tokens bound to those; for an audience only if RBAC lets it.
"""

import json
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.unit.tls_api_server import NODE, ApiServer, Asked

HERE = NODE.removeprefix("system:node:")
ACCOUNTS = "/api/v1/namespaces/"
ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"

Answer = tuple[int, dict[str, Any]]


@dataclass
class Cluster:
    """What is in the cluster, to be changed at will."""

    sign: Callable[[str, str], str]
    """Makes a token of a ServiceAccount: namespace, name."""
    accounts: dict[str, dict[str, str]] = field(default_factory=dict)
    """Annotations by NAMESPACE/NAME."""
    pods: list[dict[str, Any]] = field(default_factory=list)
    audience_allowed: bool = True
    issuer: str = ""
    """Empty: this node may not read it."""
    user: str = NODE
    asked: list[str] = field(default_factory=list)

    def run(self, account: str, name: str = "app-1", node: str = HERE) -> None:
        namespace, _, short = account.partition("/")
        metadata = {"name": name, "namespace": namespace, "uid": f"uid-{name}"}
        self.pods.append({"metadata": metadata, "spec": {"serviceAccountName": short, "nodeName": node}})

    def answer(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        self.asked.append(f"{method} {path}")
        address, _, query = path.partition("?")
        match method, address:
            case "POST", self_review if self_review == WHO:
                return 201, {"status": {"userInfo": {"username": self.user, "groups": ["system:nodes"]}}}
            case "POST", access if access == ACCESS:
                wanted = body["spec"]["resourceAttributes"]
                verb = wanted["verb"] == "request-serviceaccounts-token-audience"
                allowed = self.audience_allowed and verb and wanted["resource"] == "sts.aliyuncs.com"
                return 201, {"status": {"allowed": allowed}}
            case "GET", "/.well-known/openid-configuration":
                return (200, {"issuer": self.issuer}) if self.issuer else forbidden("cannot get path")
            case "GET", "/api/v1/pods":
                if urllib.parse.parse_qs(query).get("fieldSelector") != [f"spec.nodeName={HERE}"]:
                    return forbidden("can only list/watch pods with spec.nodeName field selector")
                return 200, {"kind": "PodList", "items": self.own_pods()}
        parts = address.removeprefix(ACCOUNTS).split("/")
        if not address.startswith(ACCOUNTS) or parts[1] != "serviceaccounts":
            return 404, {"kind": "Status", "message": "not found"}
        return self.account(method, f"{parts[0]}/{parts[2]}", parts[3:], body)

    def own_pods(self) -> list[dict[str, Any]]:
        return [pod for pod in self.pods if pod["spec"]["nodeName"] == HERE]

    def account(self, method: str, account: str, rest: list[str], body: dict[str, Any]) -> Answer:
        mine = {f"{pod['metadata']['namespace']}/{pod['spec']['serviceAccountName']}" for pod in self.own_pods()}
        if account not in mine:
            return forbidden("no relationship found between node and this object")
        if account not in self.accounts:
            return 404, {"kind": "Status", "message": "serviceaccounts not found"}
        if (method, rest) == ("GET", []):
            return 200, {"metadata": {"name": account, "annotations": self.accounts[account]}}
        if (method, rest) != ("POST", ["token"]):
            return 405, {"kind": "Status", "message": "not allowed"}
        specification = body["spec"]
        uids = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in self.own_pods()}
        bound = specification["boundObjectRef"]
        if bound["kind"] != "Pod" or uids.get(bound["name"]) != bound["uid"]:
            return forbidden("node requested token not bound to a pod")
        if not self.audience_allowed or specification["audiences"] != ["sts.aliyuncs.com"]:
            return forbidden('not authorized to request tokens for audience "sts.aliyuncs.com"')
        return 201, {"status": {"token": self.sign(*account.split("/"))}}


def forbidden(message: str) -> Answer:
    return 403, {"kind": "Status", "status": "Failure", "reason": "Forbidden", "message": message, "code": 403}


@contextmanager
def api_server(cluster: Cluster, folder: Path) -> Iterator[Path]:
    """Start one; the kubeconfig of the node, in that folder, is what comes back."""

    def answer(asked: Asked) -> tuple[int, bytes]:
        status, body = cluster.answer(asked.method, asked.path, asked.body or {})
        return status, json.dumps(body).encode()

    server = ApiServer(folder, answer=answer)
    with server.running():
        yield Path(server.kubeconfig(server.user()))
