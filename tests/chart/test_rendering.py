"""What the chart makes of values: for both versions of Helm, with the names that the program knows."""

import base64
import re
from typing import Any

import pytest
import yaml

from provider.kubernetes import names
from provider.version import VERSION
from tests.chart.helm import CHART, KUBERNETES, ROOT, SYSTEM, VERSIONS, helm, one, rendered, settings, template
from tests.chart.value_sets import VALUE_SETS

CERTIFICATES = re.compile(r"^(\s+(?:tls\.crt|tls\.key|caBundle): ).*$", re.MULTILINE)
"""Made anew each time."""
INCUMBENTS = {
    ("ConfigMap", names.CONFIG_MAP),
    ("Secret", names.MANAGED_ROLE_SECRET),
    ("Secret", names.SECRET),
    ("Deployment", "aliyun-acr-credential-helper"),
}
each_set = pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS.keys())


@pytest.mark.parametrize("version", VERSIONS)
@each_set
def test_lint_has_nothing_to_say(version: str, values: dict[str, Any]) -> None:
    where = (f"--namespace={SYSTEM}", f"--kube-version={KUBERNETES}")
    done = helm(version, "lint", "--strict", *where, *settings(**values), str(CHART))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout


@each_set
def test_both_versions_make_the_same(values: dict[str, Any]) -> None:
    made = []
    for version in VERSIONS:
        text = CERTIFICATES.sub(r"\1", template(version, *settings(**values)).stdout)
        found = [each for each in yaml.safe_load_all(text) if each]
        made.append(sorted(found, key=lambda each: (each["kind"], each["metadata"]["name"], str(each))))
    assert made[0] == made[1]
    assert made[0]


@each_set
def test_none_of_the_incumbents_objects_is_in_it(values: dict[str, Any]) -> None:
    made = rendered(**values)
    assert not INCUMBENTS & {(each["kind"], each["metadata"]["name"]) for each in made}


@each_set
def test_every_object_says_whose_it_is_and_is_in_a_namespace_that_it_names(values: dict[str, Any]) -> None:
    ours = values.get("namespace", names.NAMESPACE)
    for each in rendered(**values):
        metadata = each["metadata"]
        assert metadata["labels"]["app.kubernetes.io/name"] == "aliyun-acr-credential-provider", each
        is_global = each["kind"].startswith(("Cluster", "Namespace", "Validating", "Mutating"))
        assert metadata.get("namespace") in ({None} if is_global else {SYSTEM, ours}), each


def test_the_names_are_those_that_the_program_knows() -> None:
    made = rendered()
    one(made, "Namespace", names.NAMESPACE)
    one(made, "DaemonSet", names.DAEMON_SET, names.SYSTEM_NAMESPACE)
    one(made, "Deployment", names.WRITER, names.SYSTEM_NAMESPACE)
    pod = one(made, "DaemonSet")["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["acr-configuration"]["configMap"] == {"name": names.CONFIG_MAP, "optional": True}
    assert volumes["managed-role"]["secret"] == {
        "secretName": names.MANAGED_ROLE_SECRET,
        "optional": True,
        "defaultMode": 0o400,
        "items": [{"key": names.MANAGED_ROLE_KEY, "path": names.MANAGED_ROLE_KEY}],
    }


def test_chart_image_and_program_are_of_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)
    containers = one(rendered(), "DaemonSet")["spec"]["template"]["spec"]["containers"]
    assert [each["image"] for each in containers] == [f"aliyun-acr-credential-provider:{VERSION}"]


def test_another_namespace_is_refused_and_the_message_says_which_is_right() -> None:
    done = template("4", namespace="default")
    assert done.returncode != 0
    assert "belongs into namespace kube-system" in done.stderr and "--namespace kube-system" in done.stderr


def test_monitors_without_the_agents_figures_are_refused() -> None:
    done = template("4", *settings(metrics__podMonitor__enabled=True))
    assert done.returncode != 0
    assert "metrics.podMonitor.enabled" in done.stderr and "set both" in done.stderr


def test_a_webhook_that_refuses_is_not_answered_by_pods_that_wait() -> None:
    values: dict[str, Any] = {"webhook__enabled": True, "secrets__placement": "daemonset"}
    done = template("4", *settings(webhook__failurePolicy="Fail", **values))
    assert done.returncode != 0
    assert "webhook.failurePolicy=Ignore" in done.stderr and "secrets.placement=separate" in done.stderr
    assert one(rendered(webhook__failurePolicy="Ignore", **values), "MutatingWebhookConfiguration")
    # Without a webhook its policy is nobody's matter.
    assert one(rendered(webhook__failurePolicy="Fail", secrets__placement="daemonset"), "DaemonSet")


def test_the_kubelets_right_is_the_same_without_the_chart() -> None:
    plain = yaml.safe_load_all((ROOT / "packaging/manifests/kubelet-audience-rbac.yaml").read_text())
    made = [each for each in rendered(kubeletAudience__enabled=True) if "kubelet-audience" in each["metadata"]["name"]]
    for each in made:
        del each["metadata"]["labels"]
    assert made == list(plain)
    assert not [each for each in rendered() if "kubelet-audience" in each["metadata"]["name"]]


def test_an_authority_that_is_given_makes_every_rendering_the_same() -> None:
    bundle = "-----BEGIN CERTIFICATE-----\nbWluZQ==\n-----END CERTIFICATE-----\n"
    values: dict[str, Any] = {"webhook__enabled": True, "webhook__authoritySecret": "mine", "webhook__caBundle": bundle}
    made = rendered(**values)
    assert rendered("--set=global.again=1", **values) == made
    assert not [each for each in made if each["kind"] == "Secret"]
    [hook] = one(made, "MutatingWebhookConfiguration")["webhooks"]
    assert base64.b64decode(hook["clientConfig"]["caBundle"]).decode() == bundle.strip()
    for kind, placement in (("Deployment", "separate"), ("DaemonSet", "daemonset")):
        pod = one(rendered(**values, secrets__placement=placement), kind)["spec"]["template"]["spec"]
        [volume] = [each for each in pod["volumes"] if each["name"] == "webhook-authority"]
        assert volume["secret"]["secretName"] == "mine"
    # Without, each rendering that cannot look into a cluster makes its own.
    first, second = (rendered(f"--set=global.again={number}", webhook__enabled=True) for number in (1, 2))
    assert one(first, "Secret")["data"] != one(second, "Secret")["data"]


def test_an_older_kubernetes_gets_no_policies() -> None:
    done = helm("4", "template", "release", str(CHART), f"--namespace={SYSTEM}", "--kube-version=1.29.5")
    assert done.returncode == 0, done.stderr
    assert "ValidatingAdmissionPolicy" not in done.stdout
    assert "ValidatingAdmissionPolicy" in template("4").stdout
