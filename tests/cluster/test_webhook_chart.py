"""What the chart makes of acr-configuration where it is installed, and what it keeps at an upgrade."""

import json
from typing import Any

from tests.chart.helm import Object, template
from tests.cluster.api import OwnApi
from tests.cluster.chart import install, of_kinds, rendered

CONFIG_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "acr-configuration", "namespace": "kube-system"},
}
LABELS = {"app": "aliyun-acr-credential-helper"}
INCUMBENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "aliyun-acr-credential-helper", "namespace": "kube-system"},
    "spec": {
        "selector": {"matchLabels": LABELS},
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {"containers": [{"name": "helper", "image": "registry.example.com/helper"}]},
        },
    },
}
SYSTEM = ["kube-system", "kube-public", "kube-node-lease", "aliyun-acr-credential-provider"]
AUTHORITY = "aliyun-acr-credential-provider-webhook"
HOOK = "webhook-configuration"
CASES: dict[str, tuple[dict[str, str] | None, tuple[Any, ...] | None]] = {
    "no ConfigMap": (None, None),
    "nothing about the webhook": ({"watch-namespace": "team"}, None),
    "off": ({HOOK: "enable: false\n"}, None),
    "on": ({HOOK: "enable: true\n"}, ("In", ["default"], "Ignore", 10)),
    "as the documents have it": (
        {HOOK: "enable: true\nfailure-policy: Fail\ntimeout-seconds: 5\n", "watch-namespace": "team-a, team-b,,team-a"},
        ("In", ["team-a", "team-b"], "Fail", 5),
    ),
    "the managed edition's spelling, and words": (
        {"webhookConfiguration": "enabled: 'ON'\nfailurePolicy: fail\ntimeoutSeconds: '7'\n", "watchNamespace": "a"},
        ("In", ["a"], "Fail", 7),
    ),
    "all": ({HOOK: "enable: true\n", "watch-namespace": "team,all"}, ("NotIn", SYSTEM, "Ignore", 10)),
    "kube-system among others": (
        {HOOK: "enable: true", "watch-namespace": "kube-system,a"},
        ("In", ["a"], "Ignore", 10),
    ),
    "kube-system alone": ({HOOK: "enable: true", "watch-namespace": "kube-system"}, None),
    "values that Kubernetes would refuse": (
        {HOOK: "enable: true\nfailure-policy: Perhaps\ntimeout-seconds: 90\n"},
        ("In", ["default"], "Ignore", 10),
    ),
    "no YAML": ({HOOK: "enable: [true\n"}, None),
    "a text": ({HOOK: "true"}, None),
    "a list": ({HOOK: "- enable: true"}, None),
}


def hooks(objects: list[Object]) -> tuple[Any, ...] | None:
    found = of_kinds(objects, "MutatingWebhookConfiguration")
    if not found:
        assert not any("webhook" in item["metadata"]["name"] for item in of_kinds(objects, "Secret", "Service"))
        assert "--webhook-listen" not in json.dumps(objects)
        return None
    [hook] = found[0]["webhooks"]
    [expression] = hook["namespaceSelector"]["matchExpressions"]
    assert expression["key"] == "kubernetes.io/metadata.name"
    assert "--webhook-listen" in json.dumps(objects)
    return expression["operator"], expression["values"], hook["failurePolicy"], hook["timeoutSeconds"]


def test_the_webhook_is_what_the_configuration_says(own_api: OwnApi) -> None:
    found = {}
    for name, (data, _) in CASES.items():
        if data is not None:
            own_api.apply({**CONFIG_MAP, "data": data})
        found[name] = hooks(rendered(kubeconfig=own_api.kubeconfig))
    assert found == {name: expected for name, (_, expected) in CASES.items()}


def test_values_count_more_than_the_configuration(own_api: OwnApi) -> None:
    written = "enable: true\nfailure-policy: Fail\ntimeout-seconds: 5\n"
    own_api.apply({**CONFIG_MAP, "data": {HOOK: written, "watch-namespace": "team"}})

    def found(*values: str) -> tuple[Any, ...] | None:
        return hooks(rendered(*(f"--set-json={value}" for value in values), kubeconfig=own_api.kubeconfig))

    assert found() == ("In", ["team"], "Fail", 5)
    assert found("webhook.enabled=false") is None
    assert found("uninstall=true") is None
    assert found('webhook.failurePolicy="Ignore"', "webhook.timeoutSeconds=30") == ("In", ["team"], "Ignore", 30)
    assert found('webhook.namespaces=["a","b"]') == ("In", ["a", "b"], "Fail", 5)
    assert found('webhook.namespaces=["all"]') == ("NotIn", SYSTEM, "Fail", 5)


def test_the_policies_of_the_writer_do_not_stop_the_incumbent(own_api: OwnApi) -> None:
    values = ("--set=secrets.placement=daemonset", "--set=serviceAccount.name=aliyun-acr-credential-helper")

    def refused(*more: str) -> str:
        where = ("--dry-run=server", f"--kubeconfig={own_api.kubeconfig}")
        return template("4", *where, *values, *more).stderr

    assert refused() == ""
    own_api.apply(INCUMBENT)
    try:
        said = refused()
        assert "aliyun-acr-credential-helper runs in this cluster" in said and "serviceAccount.name" in said
        assert refused("--set=validatingAdmissionPolicy.enabled=false") == ""
        assert refused("--set=secrets.placement=separate") == ""
    finally:
        own_api.kubectl("delete", "deployment", "aliyun-acr-credential-helper", "--namespace=kube-system")


def test_an_upgrade_keeps_the_authority(own_api: OwnApi) -> None:
    def authority(number: int) -> dict[str, str]:
        install(own_api.kubeconfig, "--set=webhook.enabled=true", f"--set=secrets.replicas={number}")
        data = own_api.kubectl("get", "secret", AUTHORITY, "--namespace=kube-system", "--output=jsonpath={.data}")
        bundle = "--output=jsonpath={.webhooks[0].clientConfig.caBundle}"
        found: dict[str, str] = json.loads(data)
        trusted = own_api.kubectl("get", "mutatingwebhookconfiguration", "aliyun-acr-credential-provider", bundle)
        assert trusted == found["tls.crt"]
        return found

    first = authority(2)
    assert authority(3) == first
    own_api.kubectl("delete", "secret", AUTHORITY, "--namespace=kube-system")
    other = authority(4)
    assert other["tls.crt"] != first["tls.crt"]
    assert other["tls.key"] != first["tls.key"]
