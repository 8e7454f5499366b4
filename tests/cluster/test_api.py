"""That the API server of these tests is what the other tests take it for."""

import json

import pytest
from lightkube.resources.core_v1 import Namespace

from provider.kubernetes.client import ApiFailure, ask
from tests.cluster.api import Api, OwnApi
from tests.systems.system import wait_for

READER = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "metadata": {"name": "reader", "namespace": "test-api"},
    "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}],
}
BINDING = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "reader", "namespace": "test-api"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
    "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": "test-api"}],
}


def test_a_service_account_may_what_its_role_says_and_no_more(api: Api) -> None:
    kubeconfig = api.service_account("test-api", "reader")
    api.apply(READER, BINDING)
    assert api.kubectl("get", "configmaps", "--namespace=test-api", "--output=name", kubeconfig=kubeconfig) == ""
    refused = api.attempt("get", "secrets", "--namespace=test-api", kubeconfig=kubeconfig)
    assert "Forbidden" in refused.stderr


def test_it_is_that_version_and_has_kube_system(api: Api) -> None:
    assert json.loads(api.kubectl("get", "--raw=/version"))["gitVersion"] == "v1.37.2"
    assert api.kubectl("get", "namespace", "kube-system", "--output=name") == "namespace/kube-system\n"


def test_a_server_of_ones_own_stands_still_and_goes_on(own_api: OwnApi) -> None:
    with own_api.client(seconds=1) as client:
        own_api.stop_answering()
        with pytest.raises(ApiFailure, match="did not answer in time"):
            ask("read", lambda: client.get(Namespace, "kube-system"))
        own_api.answer()
        wait_for(lambda: own_api.attempt("get", "--raw=/readyz").returncode == 0, 30, "the API server to go on")
        found = ask("read", lambda: client.get(Namespace, "kube-system"))
    assert found.metadata is not None and found.metadata.name == "kube-system"


def test_controllers_make_service_accounts_and_empty_namespaces(own_api: OwnApi) -> None:
    with own_api.controllers():
        own_api.kubectl("create", "namespace", "team")
        asked = ("get", "serviceaccount", "default", "--namespace=team")
        wait_for(lambda: own_api.attempt(*asked).returncode == 0, 30, "ServiceAccount default")
        own_api.kubectl("delete", "namespace", "team", "--wait=false")
        wait_for(lambda: "NotFound" in own_api.attempt("get", "namespace", "team").stderr, 60, "namespace to go")
