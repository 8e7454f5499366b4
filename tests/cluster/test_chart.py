"""The chart at a real API server: installed, upgraded and taken away beside the incumbent, and the rights it gives."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.helm import CHART, SYSTEM, VERSIONS, program, rendered, settings
from tests.chart.value_sets import VALUE_SETS
from tests.cluster.api import Api, OwnApi
from tests.systems.system import wait_for

RELEASE = "acr"
OURS = "aliyun-acr-credential-provider"
AGENT, WRITER = OURS, f"{OURS}-secrets"
INCUMBENT = "aliyun-acr-credential-helper"
LABEL = f"app.kubernetes.io/name={OURS}"
KINDS = (
    "namespaces,serviceaccounts,secrets,configmaps,services,daemonsets,deployments,poddisruptionbudgets,"
    "roles,rolebindings,clusterroles,clusterrolebindings,mutatingwebhookconfigurations,"
    "validatingadmissionpolicies,validatingadmissionpolicybindings"
)
SECRET = "secrets/acr-credential-secret-aggregation"

MAY = {
    AGENT: [
        ("get", f"namespaces/{SYSTEM}", ""),
        ("update", "leases", OURS),
        ("list", "leases", OURS),
        ("create", "events", SYSTEM),
    ],
    WRITER: [
        ("list", "namespaces", ""),
        ("patch", "serviceaccounts/default", "default"),
        ("watch", "serviceaccounts", ""),
        ("patch", SECRET, "default"),
        ("create", SECRET, "default"),
        ("delete", SECRET, "default"),
        ("watch", SECRET, ""),
        ("list", "configmaps/acr-configuration", SYSTEM),
        ("delete", "leases", OURS),
        ("create", "events", "default"),
    ],
}
MAY_NOT = {
    AGENT: [
        ("get", "namespaces/default", ""),
        ("list", "namespaces", ""),
        ("get", "secrets", SYSTEM),
        ("get", SECRET, SYSTEM),
        ("list", "secrets", ""),
        ("get", "configmaps", SYSTEM),
        ("patch", "serviceaccounts", SYSTEM),
        ("update", "leases", SYSTEM),
        ("update", "leases", "kube-node-lease"),
        ("delete", "leases", OURS),
        ("create", "pods", SYSTEM),
        ("create", "events", "default"),
        ("patch", "nodes", ""),
        ("get", "nodes", ""),
        ("create", "serviceaccounts/default --subresource=token", "default"),
    ],
    WRITER: [
        ("list", "secrets", ""),
        ("create", "secrets", "default"),
        ("get", "secrets/addon.aliyuncsmanagedacrrole.token", SYSTEM),
        ("delete", "secrets/other", "default"),
        ("update", SECRET, "default"),
        ("update", "serviceaccounts", "default"),
        ("delete", "serviceaccounts", "default"),
        ("create", "serviceaccounts/default --subresource=token", "default"),
        ("get", "configmaps/other", SYSTEM),
        ("patch", "configmaps/acr-configuration", SYSTEM),
        ("list", "configmaps", SYSTEM),
        ("update", "leases", SYSTEM),
        ("patch", "mutatingwebhookconfigurations", ""),
        ("patch", "nodes", ""),
        ("create", "pods", SYSTEM),
        ("patch", "roles", SYSTEM),
    ],
}


def account(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": SYSTEM}}


def incumbent(configuration: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """What is there where the incumbent runs."""
    labels = {"app": INCUMBENT}
    pod = {"serviceAccountName": INCUMBENT, "containers": [{"name": "main", "image": "example.com/helper:1"}]}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    metadata = {"namespace": SYSTEM}
    return [
        account(INCUMBENT),
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {**metadata, "name": INCUMBENT}, "spec": spec},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {**metadata, "name": "acr-configuration"},
            "data": configuration or {"watch-namespace": "default"},
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {**metadata, "name": "addon.aliyuncsmanagedacrrole.token"},
            "stringData": {"addon.token.config": "{}"},
        },
    ]


class Cluster:
    """An API server of the test's own, and Helm."""

    def __init__(self, api: OwnApi, version: str) -> None:
        self.api = api
        self._helm = program(version)

    def helm(self, *arguments: str) -> str:
        done = self.api.run(self._helm, f"--namespace={SYSTEM}", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def install(self, **values: object) -> str:
        return self.helm("upgrade", "--install", RELEASE, str(CHART), *settings(**values))

    def ours(self) -> dict[tuple[str, str, str], dict[str, Any]]:
        """Everything of ours, by kind, namespace and name."""
        listed = self.api.kubectl("get", KINDS, "--all-namespaces", f"--selector={LABEL}", "--output=json")
        return {
            (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): each
            for each in json.loads(listed)["items"]
        }

    def get(self, what: str, namespace: str = SYSTEM) -> dict[str, Any]:
        found = json.loads(self.api.kubectl("get", what, f"--namespace={namespace}", "--output=json"))
        assert isinstance(found, dict)
        return found


@pytest.fixture(params=VERSIONS)
def both(request: pytest.FixtureRequest, own_api: OwnApi) -> Iterator[Cluster]:
    with own_api.controllers("namespace-controller"):
        yield Cluster(own_api, request.param)


@pytest.fixture
def cluster(own_api: OwnApi) -> Cluster:
    return Cluster(own_api, "4")


def test_it_comes_beside_the_incumbent_and_goes_without_a_trace(both: Cluster) -> None:
    both.api.apply(*incumbent())
    theirs = ("serviceaccounts,deployments,configmaps,secrets", f"--namespace={SYSTEM}", "--output=json")
    before = json.loads(both.api.kubectl("get", *theirs))["items"]
    said = both.install()
    assert f"{INCUMBENT} runs in this cluster too" in said
    assert "image.repository is the default" in said
    found = both.ours()
    assert ("DaemonSet", SYSTEM, AGENT) in found and ("Deployment", SYSTEM, WRITER) in found
    assert "helm uninstall acr --namespace kube-system" in both.install(uninstall=True)
    both.helm("uninstall", RELEASE)
    wait_for(lambda: not both.ours(), 60, "everything of ours to go")
    assert json.loads(both.api.kubectl("get", *theirs))["items"] == before


@pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS.keys())
def test_the_api_server_knows_every_field(api: Api, values: dict[str, Any], tmp_path: Path) -> None:
    # Kinds of others are not known here; namespaces of ours are not there.
    made = [each for each in rendered(**values) if not each["apiVersion"].startswith("monitoring")]
    for each in made:
        if each["kind"] != "Namespace" and "namespace" in each["metadata"]:
            each["metadata"]["namespace"] = SYSTEM
    file = tmp_path / "made.yaml"
    file.write_text(yaml.safe_dump_all(made))
    api.kubectl("apply", "--dry-run=server", "--validate=strict", f"--filename={file}")


def test_an_upgrade_keeps_what_is_ours_and_leaves_what_is_not(cluster: Cluster) -> None:
    cluster.api.apply(*incumbent())
    before = cluster.get(f"serviceaccount/{INCUMBENT}")
    cluster.install(serviceAccount__name=INCUMBENT)
    cluster.install(serviceAccount__name=INCUMBENT, rollout__slots=2)
    assert cluster.get(f"serviceaccount/{INCUMBENT}") == before
    assert cluster.get(f"daemonset/{AGENT}")["spec"]["template"]["spec"]["serviceAccountName"] == INCUMBENT
    assert ("ServiceAccount", SYSTEM, WRITER) in cluster.ours()
    # The incumbent goes, and takes its account with it.
    cluster.api.kubectl("delete", "serviceaccount", INCUMBENT, f"--namespace={SYSTEM}")
    for slots in (1, 2):
        cluster.install(serviceAccount__name=INCUMBENT, rollout__slots=slots)
        assert ("ServiceAccount", SYSTEM, INCUMBENT) in cluster.ours()


def test_the_webhook_is_as_the_configmap_says_and_its_authority_stays(cluster: Cluster) -> None:
    configuration = {"watch-namespace": "team-a,kube-system", "webhook-configuration": "enable: true\n"}
    cluster.api.apply(*incumbent(configuration))
    cluster.install()
    [hook] = cluster.get(f"mutatingwebhookconfiguration/{OURS}")["webhooks"]
    [expression] = hook["namespaceSelector"]["matchExpressions"]
    assert (expression["operator"], expression["values"]) == ("In", ["team-a"])
    authority = cluster.get(f"secret/{OURS}-webhook")["data"]
    [writer] = cluster.get(f"deployment/{WRITER}")["spec"]["template"]["spec"]["containers"]
    assert f"--webhook-service={OURS}-webhook.{SYSTEM}.svc" in writer["args"]
    cluster.install(rollout__slots=2)
    assert cluster.get(f"secret/{OURS}-webhook")["data"] == authority
    assert (
        cluster.get(f"mutatingwebhookconfiguration/{OURS}")["webhooks"][0]["clientConfig"]["caBundle"]
        == (authority["tls.crt"])
    )
    cluster.install(uninstall=True)
    assert not [key for key in cluster.ours() if key[0] in ("MutatingWebhookConfiguration", "Service")]


def test_each_account_may_what_it_needs_and_is_refused_the_rest(cluster: Cluster) -> None:
    cluster.install()
    for allowed, table in ((True, MAY), (False, MAY_NOT)):
        for name, rows in table.items():
            for verb, what, namespace in rows:
                where = (f"--namespace={namespace}",) if namespace else ("--all-namespaces",)
                user = f"--as=system:serviceaccount:{SYSTEM}:{name}"
                done = cluster.api.attempt("auth", "can-i", verb, *what.split(), *where, user)
                assert done.stdout.strip() == ("yes" if allowed else "no"), (name, verb, what, namespace, done.stderr)
