"""AdmissionReviews as the API server sends them, and what an answer says."""

import base64
import json
from typing import Any

from provider.config.values import Webhook
from provider.secrets.admission import Rules
from provider.secrets.desired import Desired
from provider.secrets.selection import wanted_of

SECRET = "acr-credential-secret-aggregation"
OURS = "aliyun-acr-credential-provider"
UID = "705ab4f5-6393-11e8-b7cc-42010a800002"


def review(
    name: str = "default",
    namespace: str = "team",
    *,
    account: dict[str, Any] | None = None,
    request: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """As kube-apiserver 1.37 sends it; `account` and `request` say what is otherwise there."""
    kind = {"group": "", "version": "v1", "kind": "ServiceAccount"}
    resource = {"group": "", "version": "v1", "resource": "serviceaccounts"}
    sent = {
        "kind": "ServiceAccount",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": namespace, "managedFields": [{"manager": "kubectl"}]},
    }
    return {
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": UID,
            "kind": kind,
            "resource": resource,
            "requestKind": kind,
            "requestResource": resource,
            "name": name,
            "namespace": namespace,
            "operation": "CREATE",
            "userInfo": {"username": "admin", "groups": ["system:masters"]},
            "object": {**sent, **(account or {})},
            "oldObject": None,
            "dryRun": False,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
            **(request or {}),
        },
    }


def text(of: object) -> bytes:
    return json.dumps(of).encode()


def rules(
    namespaces: tuple[str, ...] = ("team", "kube-system", OURS),
    accounts: tuple[str, ...] = ("default",),
    *,
    webhook: Webhook | None = None,
    enabled: bool = True,
) -> Rules:
    desired = Desired(enabled, namespaces, accounts, takeover=False, content=None)
    return Rules(webhook or Webhook(enable=True), wanted_of(desired), OURS)


def applied(answer: bytes, account: dict[str, Any]) -> dict[str, Any]:
    """Return what an object becomes by the JSON patch of an answer: RFC 6902's `add`, as far as it goes here."""
    response = json.loads(answer)["response"]
    if "patch" not in response:
        return account
    assert response["patchType"] == "JSONPatch"
    [operation] = json.loads(base64.b64decode(response["patch"], validate=True))
    assert operation["op"] == "add"
    found = json.loads(json.dumps(account))
    if operation["path"] == "/imagePullSecrets/-":
        found["imagePullSecrets"].append(operation["value"])
    else:
        assert operation["path"] == "/imagePullSecrets"
        found["imagePullSecrets"] = operation["value"]
    return dict(found)
