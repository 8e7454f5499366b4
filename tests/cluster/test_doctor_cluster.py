"""`doctor --cluster` and its steps, with a real API server."""

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest

from provider.commands import doctor
from provider.kubernetes.events import event
from tests.cluster.api import OwnApi
from tests.cluster.cluster_objects import (
    ALPHA,
    account,
    config_map,
    cron_job,
    deployment,
    machine,
    namespace,
    pod,
    pull_secret,
    reader,
)


def run(kubeconfig: Path, *options: str) -> tuple[int, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    arguments = ["--cluster", f"--kubeconfig={kubeconfig}", *options]
    status = doctor.run(arguments, io.StringIO(), stdout, stderr)
    assert stderr.getvalue() == ""
    return status, stdout.getvalue()


def told(kubeconfig: Path) -> tuple[int, dict[str, Any], list[dict[str, str]]]:
    status, text = run(kubeconfig, "--json")
    answer = json.loads(text)
    assert answer["ok"] == (status == 0)
    return status, {step["step"]: step for step in answer["steps"]}, answer["next"]


@pytest.fixture
def cluster(own_api: OwnApi) -> OwnApi:
    """A cluster as users have it: the incumbent runs, and several ways to name Secrets are in use."""
    own_api.apply(
        namespace("team"),
        machine("node-1", "v1.30.1-aliyun.1"), machine("node-2", "v1.22.3-aliyun.1"),
        machine("virtual-1", "v1.30.0", type="virtual-kubelet"),
        config_map({"watch-namespace": "team", "token-mode": "workerRole",
                    "acr-registry-info": "- instanceId: cri-alpha\n  domains: images.example.com\n"}),
        account("team", "default", "acr-credential-secret-aggregation"),
        deployment("kube-system", "aliyun-acr-credential-helper", "registry.cn-hangzhou.aliyuncs.com/acs/helper:1"),
        deployment("team", "app", f"{ALPHA}/team/app:1"),
        deployment("team", "named", f"{ALPHA}/team/app:1", pulls="acr-credential-secret-aggregation"),
        deployment("team", "own", f"{ALPHA}/team/app:1", pulls="mine"),
        cron_job("team", "crpi", "crpi-1abc.cn-hangzhou.personal.cr.aliyuncs.com/team/app:1"),
        pod("team", "bare", "images.example.com/team/app:1", pulls="mine"),
        pod("team", "elsewhere", "docker.io/library/nginx:1"),
        pod("team", "personal", "registry-vpc.cn-hangzhou.aliyuncs.com/team/app:1"),
        pod("team", "crpi", "crpi-1abc.cn-hangzhou.personal.cr.aliyuncs.com/team/app:1"),
        pull_secret("team", "acr-credential-secret-aggregation"),
    )  # fmt: skip
    return own_api


def test_everything_is_told_and_the_steps_have_their_way_back(cluster: OwnApi) -> None:
    status, found, to_do = told(cluster.kubeconfig)
    assert status == 0
    assert {step["state"] for step in found.values()} == {"ok"}
    assert cluster.url in found["API server"]["detail"]
    assert "1 node older than 1.24" in found["kubelets"]["detail"] and "v1.30.0" not in found["kubelets"]["detail"]
    assert found["virtual nodes"]["detail"].startswith("virtual-1: ")
    images = found["images"]["detail"]
    assert images.startswith("4 pods, of which 1 pull from other registries alone")
    assert "Personal Edition: registry-vpc.cn-hangzhou.aliyuncs.com (1)" in images
    assert "a domain of acr-configuration: images.example.com (1)" in images
    assert "no temporary credentials" in images and "CronJob team/crpi" in images
    assert found["identity"]["detail"].startswith("workerRole (1): ")
    assert "is named by 1 ServiceAccount\n" in found["old Secret"]["detail"]
    assert found["old Secret"]["detail"].endswith("off: Deployment team/named")
    assert "Deployment team/own, Pod team/bare" in found["own Secrets"]["detail"]
    assert (
        "Deployment kube-system/aliyun-acr-credential-helper is there, with 1 replica" in found["incumbent"]["detail"]
    )
    assert "1 Secret acr-credential-secret-aggregation of other writers" in found["incumbent"]["detail"]
    done = [step["do"].split()[0] for step in to_do]
    assert done == ["Install", "Wait", "End", "Have", "Keep"]
    assert all(step["back"] for step in to_do if step["do"].startswith(("Install", "End", "Have")))


def test_a_wrong_configuration_is_the_first_to_mend(cluster: OwnApi) -> None:
    cluster.apply(config_map({"expiring-threshold": "soon", "acr-registry-info": "- regionId: nowhere-at-all"}))
    status, found, to_do = told(cluster.kubeconfig)
    assert status == 2
    assert found["configuration"]["state"] == "failed" and "expiring-threshold" in found["configuration"]["detail"]
    assert found["identity"]["state"] == "skipped"
    assert to_do[0]["do"].startswith("Mend ConfigMap kube-system/acr-configuration")


def test_a_new_cluster_needs_the_managed_roles_secret(cluster: OwnApi) -> None:
    cluster.apply(config_map({"watch-namespace": "team"}))
    status, found, _ = told(cluster.kubeconfig)
    assert (status, found["identity"]["state"]) == (1, "failed")
    assert "authorise AliyunCSManagedAcrRole" in found["identity"]["detail"]
    cluster.apply(pull_secret("kube-system", "addon.aliyuncsmanagedacrrole.token"))
    status, found, _ = told(cluster.kubeconfig)
    assert (status, found["identity"]["state"]) == (0, "ok")


def refused(text: str, reason: str = "CredentialsRefused", age: float = 0) -> dict[str, Any]:
    made = event("ConfigMap", "kube-system", "acr-configuration", reason, text, warning=True, now=time.time() - age)
    return {"apiVersion": "v1", "kind": "Event", **made.to_dict()}


def test_a_ram_action_that_is_missing_is_named_where_agents_were_refused(cluster: OwnApi) -> None:
    lacks = "role r may not call {0} for x: its RAM policy must allow cr:{0} on resource (Code {1}, RequestId {2})"
    cluster.apply(
        refused("a.io: " + lacks.format("GetAuthorizationToken", "NoPermission", "1")),
        refused("b.io: " + lacks.format("GetAuthorizationToken", "NoPermission", "2")),
        refused("No token for x: " + lacks.format("ListInstanceEndpoint", "Forbidden.RAM", "3"), "TokenRefused"),
        refused("c.io: " + lacks.format("OfYesterday", "NoPermission", "4"), age=7200),
        refused("d.io: " + lacks.format("OfSomethingElse", "NoPermission", "5"), "ConfigurationWrong"),
        refused("e.io: there is no instance (Code INSTANCE_NOT_EXIST)"),
    )
    status, found, _ = told(cluster.kubeconfig)
    assert (status, found["identity"]["state"]) == (1, "failed")
    lines = [line for line in found["identity"]["detail"].splitlines() if line.startswith("refused ")]
    assert [line.partition(": ")[0] for line in sorted(lines)] == [
        "refused within the last hour, cr:GetAuthorizationToken is missing, Code NoPermission",
        "refused within the last hour, cr:ListInstanceEndpoint is missing, Code Forbidden.RAM",
    ]


def test_who_may_not_read_everything_is_told_so(cluster: OwnApi) -> None:
    kubeconfig = cluster.service_account("team", "looker")
    cluster.apply(*reader("team", "looker", "configmaps", "namespaces", "pods"))
    status, found, _ = told(kubeconfig)
    assert status == 0
    assert found["images"]["state"] == "ok"
    assert {name for name, step in found.items() if step["state"] == "skipped"} == {
        "kubelets", "virtual nodes", "old Secret", "own Secrets", "incumbent",
    }  # fmt: skip
    assert "cannot read the nodes: the API server says 403" in found["kubelets"]["detail"]


def test_people_read_it_as_lines_with_numbered_steps(cluster: OwnApi) -> None:
    status, text = run(cluster.kubeconfig)
    assert status == 0
    assert "ok       kubelets" in text
    assert "\nThe steps, in order:\n 1. Install beside what is there: helm install" in text
    assert "    back: helm upgrade" in text
