"""What the API server shows of one ServiceAccount to the node that the kubelet is on, by the kubelet's own kubeconfig.

The node authorizer lets a node see the ServiceAccounts of its own pods, and request tokens bound to those pods; this
asks for no more, and a token that it gets is never shown.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote

from provider.commands.service_account_advice import bearer_of, text_at, token_request
from provider.commands.steps import Skip
from provider.errors import ProviderError, Refused
from provider.node.files import Tree
from provider.node.kube_api import ApiError, KubeApi, open_api
from provider.service_account import AUDIENCE, Claims, parse_claims

NODE_USER = "system:node:"
"""What the user names of kubelets begin with; the node's name follows."""

_DISCOVERY = "/.well-known/openid-configuration"
_REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}


class AsNode:
    """One ServiceAccount as the node sees it. Everything raises ProviderError, or Skip where the node sees nothing."""

    def __init__(self, tree: Tree, namespace: str, name: str) -> None:
        self._tree = tree
        self._api: KubeApi | None = None
        self._node = ""
        self.namespace = namespace
        self.name = name
        self._path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}"
        self.where = f"`kubectl -n {namespace} get pods -o wide --field-selector spec.serviceAccountName={name}`"
        """The command that shows which nodes its pods are on."""

    def connect(self, kubeconfig: str) -> str:
        """Ask the API server who we are there; return both."""
        self._api = open_api(self._tree, kubeconfig)
        user = text_at(self._api.post(_REVIEWS, _REVIEW), "status", "userInfo", "username")
        self._node = user.removeprefix(NODE_USER) if user.startswith(NODE_USER) else ""
        return f"{self._api.server}, as {user}"

    @property
    def api(self) -> KubeApi:
        """The API server, once it is connected to."""
        if self._api is None:
            raise Skip("needs: API server")
        return self._api

    def annotations(self) -> Mapping[str, Any]:
        """Return the ServiceAccount's annotations."""
        try:
            answer = self.api.get(self._path)
        except ApiError as error:
            if error.status == 404:
                command = f"kubectl -n {self.namespace} create serviceaccount {self.name}"
                raise Refused(f"there is no ServiceAccount {self.namespace}/{self.name}: `{command}`") from None
            if error.status != 403:
                raise
            raise Skip(
                "not shown to this node, which may read ServiceAccounts of its own pods alone: run this where a pod "
                f"of it is ({self.where}). To see it yourself:\n"
                f"kubectl -n {self.namespace} get serviceaccount {self.name} -o yaml"
            ) from None
        metadata = answer.get("metadata")
        found = metadata.get("annotations") if isinstance(metadata, Mapping) else None
        return found if isinstance(found, Mapping) else {}

    def issuer(self) -> tuple[str, str]:
        """Return the issuer of the cluster's tokens, and who says so."""
        try:
            told = text_at(self.api.get(_DISCOVERY), "issuer")
        except ApiError as error:
            # By the roles that every cluster begins with, ServiceAccounts may read it and nodes may not.
            if error.status not in (401, 403, 404):
                raise
            told = ""
        if told:
            return told, "the API server says so"
        try:
            return self.claims.issuer, "the token of its pod says so"
        except (ProviderError, Skip) as error:
            raise Skip(f"`kubectl get --raw {_DISCOVERY}` tells it; to this node nobody does: {error}") from None

    @cached_property
    def pod(self) -> tuple[str, str]:
        """Name and uid of a pod of it on this node."""
        if not self._node:
            raise Skip(f"the kubelet's user is no node's ({NODE_USER}NAME), so which pods are here is not known")
        selector = quote(f"spec.nodeName={self._node}", safe="")
        pods = self.api.get(f"/api/v1/pods?fieldSelector={selector}").get("items")
        found = bearer_of(pods if isinstance(pods, list) else [], self.namespace, self.name)
        if found is None:
            raise Skip(
                f"no pod of {self.namespace}/{self.name} is on node {self._node}, and a node gets tokens for its own "
                f"pods alone: run this where one is ({self.where})"
            )
        return found

    @cached_property
    def token(self) -> str:
        """A token for the audience, bound to that pod, as the kubelet requests it. It is a secret."""
        try:
            answer = self.api.post(f"{self._path}/token", token_request(*self.pod))
        except ApiError as error:
            if error.status != 403:
                raise
            raise Refused(f"no token for {AUDIENCE}: see audience RBAC ({error.message})") from None
        return text_at(answer, "status", "token")

    @property
    def claims(self) -> Claims:
        """What that token says."""
        return parse_claims(self.token)
