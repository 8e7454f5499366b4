"""The pods: what they run, with which rights on their nodes, and what of the nodes they see."""

import argparse
import importlib
import os
from typing import Any

import pytest

from provider.agent.host import PROC
from provider.agent.options import MOUNTS
from provider.commands.agent import ALONE, DUTIES
from provider.config.local import read_local
from provider.places import DEFAULTS, Places
from tests.chart.helm import Object, container, one, pod_of, rendered
from tests.chart.value_sets import VALUE_SETS

each_set = pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS.keys())
HOST_PATHS = {
    "/proc": ["place"],
    "/etc/aliyun-acr-credential-provider": ["node"],
    "/run/aliyun-acr-credential-provider/identities": ["node"],
    "/run/aliyun-acr-credential-provider/report": ["node"],
    "/var/lib/aliyun-acr-credential-provider/cluster": ["node"],
}
CONFIGURATION = f"{MOUNTS}/acr-configuration"
IDENTITIES = {CONFIGURATION, f"{MOUNTS}/managed-role", f"{MOUNTS}/rrsa"}


def pods(values: dict[str, Any]) -> list[Object]:
    return [pod_of(each) for each in rendered(**values) if each["kind"] in ("DaemonSet", "Deployment")]


def containers(pod: Object) -> list[Object]:
    return [*pod.get("initContainers", ()), *pod["containers"]]


def mounted(pod: Object, path: str) -> list[tuple[str, bool]]:
    """Which containers have a path of the host, and whether they may write there."""
    [volume] = [each["name"] for each in pod["volumes"] if each.get("hostPath", {}).get("path") == path]
    return [
        (each["name"], not mount.get("readOnly", False))
        for each in containers(pod)
        for mount in each["volumeMounts"]
        if mount["name"] == volume
    ]


@each_set
def test_the_program_takes_the_arguments(values: dict[str, Any]) -> None:
    for pod in pods(values):
        for each in containers(pod):
            agent, duty, *options = each["args"]
            assert agent == "agent" and duty not in ALONE
            parser = argparse.ArgumentParser(exit_on_error=False)
            parser.add_argument("--namespace")
            parser.add_argument("--kubeconfig")
            importlib.import_module(DUTIES[duty][0]).add_options(parser)
            parsed = parser.parse_args(options)
            assert parsed.namespace == values.get("namespace", "aliyun-acr-credential-provider")


@each_set
def test_only_placing_is_privileged_and_nothing_sees_the_nodes_processes(values: dict[str, Any]) -> None:
    for pod in pods(values):
        assert not pod.get("hostPID", False) and not pod.get("hostIPC", False)
        for each in containers(pod):
            context = each["securityContext"]
            if each["name"] == "place":
                assert context["privileged"] is True
                continue
            assert "privileged" not in context and "add" not in context["capabilities"]
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_of_the_node_there_is_what_is_needed_and_no_more() -> None:
    pod = pod_of(one(rendered(), "DaemonSet"))
    found = {each["hostPath"]["path"] for each in pod["volumes"] if "hostPath" in each}
    assert found == set(HOST_PATHS)
    for path, names in HOST_PATHS.items():
        assert [name for name, _ in mounted(pod, path)] == names
    assert mounted(pod, "/proc") == [("place", False)]
    assert mounted(pod, "/run/aliyun-acr-credential-provider/report") == [("node", False)]
    for path in ("/etc/aliyun-acr-credential-provider", os.path.dirname(Places(DEFAULTS).cluster)):
        assert mounted(pod, path) == [("node", True)]
    places = {mount["mountPath"] for mount in container(pod, "place")["volumeMounts"]}
    assert PROC in places
    assert f"{DEFAULTS['--state-dir']}/identities" in {m["mountPath"] for m in container(pod, "node")["volumeMounts"]}


def test_the_writer_sees_nothing_of_its_node_and_is_not_root() -> None:
    pod = pod_of(one(rendered(webhook__enabled=True), "Deployment"))
    assert not [each for each in pod["volumes"] if "hostPath" in each]
    assert not pod.get("hostNetwork", False)
    assert pod["securityContext"] == {"runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532}
    assert container(pod, "secrets")["securityContext"]["runAsNonRoot"] is True


@each_set
def test_configuration_and_identities_are_where_they_are_read(values: dict[str, Any]) -> None:
    for pod in pods(values):
        names = {volume["name"] for volume in pod["volumes"]}
        for each in containers(pod):
            found = {mount["mountPath"]: mount for mount in each["volumeMounts"]}
            assert {mount["name"] for mount in found.values()} <= names
            # The writer watches the ConfigMap itself.
            expected = IDENTITIES - {CONFIGURATION} if each["name"] == "secrets" else IDENTITIES
            if each["name"] != "node" or not values.get("uninstall"):
                assert {path for path in found if path in IDENTITIES} == expected
                assert all(found[path]["readOnly"] for path in expected)


def test_tokens_are_in_memory() -> None:
    pod = pod_of(one(rendered(), "Deployment"))
    [state] = [each for each in pod["volumes"] if "emptyDir" in each]
    assert state["emptyDir"]["medium"] == "Memory"
    [mount] = [each for each in container(pod, "secrets")["volumeMounts"] if each["name"] == state["name"]]
    assert f"--state-dir={mount['mountPath']}" in container(pod, "secrets")["args"]


def test_the_writers_local_file_is_where_the_program_looks_for_it() -> None:
    pod = pod_of(one(rendered(secrets__localSecret="private-cloud"), "Deployment"))
    [mount] = [each for each in container(pod, "secrets")["volumeMounts"] if each["name"] == "local"]
    assert f"{mount['mountPath']}/local.yaml" == DEFAULTS["--local"]
    assert [each["secret"] for each in pod["volumes"] if each["name"] == "local"] == [{"secretName": "private-cloud"}]
    assert not read_local(f"ca-file: {mount['mountPath']}/ca.pem\n".encode(), "local.yaml").findings


def test_every_linux_node_has_an_agent_but_no_virtual_one() -> None:
    made = one(rendered(rollout__slots=3), "DaemonSet")
    pod = pod_of(made)
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert pod["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert pod["priorityClassName"] == "system-node-critical"
    [term] = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchExpressions"] == [
        {"key": "type", "operator": "NotIn", "values": ["virtual-kubelet"]},
        {"key": "alibabacloud.com/virtual-node", "operator": "NotIn", "values": ["true"]},
    ]
    assert made["spec"]["updateStrategy"]["rollingUpdate"] == {"maxUnavailable": "10%"}
    assert pod["hostNetwork"] is True and pod["dnsPolicy"] == "Default"


@pytest.mark.parametrize("metrics", [False, True])
def test_probes_ask_where_the_agent_listens(metrics: bool) -> None:
    made = rendered(metrics__enabled=metrics, secrets__placement="daemonset", agent__port=1234, secrets__port=1235)
    for name, port in (("node", 1234), ("secrets", 1235)):
        found = container(pod_of(one(made, "DaemonSet")), name)
        assert f"--listen={'$(POD_IP)' if metrics else '127.0.0.1'}:{port}" in found["args"]
        for probe in ("livenessProbe", "readinessProbe"):
            asked = found[probe]["httpGet"]
            assert (asked.get("host"), asked["port"]) == (None if metrics else "127.0.0.1", port)


def test_two_writers_are_apart_and_one_stays_when_a_node_is_drained() -> None:
    made = rendered()
    writer = one(made, "Deployment")
    assert writer["spec"]["replicas"] == 2
    [apart] = pod_of(writer)["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert apart["podAffinityTerm"]["labelSelector"] == writer["spec"]["selector"]
    budget = one(made, "PodDisruptionBudget")["spec"]
    assert budget == {"maxUnavailable": 1, "selector": writer["spec"]["selector"]}


def test_in_the_daemonset_there_is_no_deployment_and_the_webhook_finds_it_there() -> None:
    made = rendered(secrets__placement="daemonset", webhook__enabled=True)
    assert not [each for each in made if each["kind"] in ("Deployment", "PodDisruptionBudget")]
    labels = one(made, "DaemonSet")["spec"]["template"]["metadata"]["labels"]
    assert one(made, "Service")["spec"]["selector"].items() <= labels.items()
    labels = one(rendered(webhook__enabled=True), "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert one(rendered(webhook__enabled=True), "Service")["spec"]["selector"].items() <= labels.items()


@pytest.mark.parametrize(("placement", "published"), [("separate", False), ("daemonset", True)])
def test_a_node_that_is_not_well_does_not_take_the_webhook_away(placement: str, published: bool) -> None:
    service = one(rendered(secrets__placement=placement, webhook__enabled=True), "Service")["spec"]
    assert service.get("publishNotReadyAddresses", False) is published


def test_uninstall_removes_and_makes_no_folder_anew() -> None:
    made = rendered(uninstall=True, webhook__enabled=True)
    pod = pod_of(one(made, "DaemonSet"))
    assert "--remove" in container(pod, "place")["args"]
    assert "--removed" in container(pod, "node")["args"]
    assert {each["hostPath"]["path"] for each in pod["volumes"] if "hostPath" in each} == {"/proc"}
    writer = container(pod_of(one(made, "Deployment")), "secrets")
    assert "--remove" in writer["args"]
    # No old writer is left that writes anew what is taken away.
    for workload, strategy in (("DaemonSet", "updateStrategy"), ("Deployment", "strategy")):
        assert one(made, workload)["spec"][strategy]["rollingUpdate"]["maxUnavailable"] == "100%"
    assert not [each for each in made if each["kind"] in ("Service", "MutatingWebhookConfiguration")]
    assert not [each for each in writer["args"] if each.startswith("--webhook")]


def test_what_is_set_reaches_the_program() -> None:
    values = VALUE_SETS["everything else"]
    made = rendered(**values)
    pod = pod_of(one(made, "DaemonSet"))
    placed = container(pod, "place")["args"]
    expected = ["--slots=3", "--restart=never", "--delivery=docker-config", f"--cluster-id={values['clusterId']}"]
    assert [each for each in expected if each not in placed] == []
    assert container(pod, "place")["image"] == f"{values['image__repository']}:{values['image__tag']}"
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert pod_of(one(made, "Deployment"))["tolerations"] == values["secrets__tolerations"]
    writer = container(pod_of(one(made, "Deployment")), "secrets")
    environment = {each["name"]: each.get("value") for each in writer["env"]}
    assert values["secrets__environment"].items() <= environment.items()
    assert f"--cluster-id={values['clusterId']}" in writer["args"]
    assert "--takeover" in container(pod_of(one(rendered(secrets__takeover=True), "Deployment")), "secrets")["args"]
