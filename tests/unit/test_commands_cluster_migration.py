"""What is counted of a cluster, what is said of it, and which steps follow."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from provider.commands.cluster_census import CUSTOM, PASSWORD_ONLY, PUBLIC, Census, kind_of
from provider.commands.cluster_migration import Looked, Writer, findings
from provider.commands.cluster_status import MOST_NAMES, names
from provider.commands.cluster_steps import steps
from provider.commands.cluster_wire import Container, NodeObject, NodeSpec, ObjectMetadata, PodSpec, Taint
from provider.config.values import Configuration, Instance, Rrsa
from provider.kubernetes.names import SECRET
from provider.secrets.wire import Reference

ENTERPRISE = "alpha-registry.cn-hangzhou.cr.aliyuncs.com/team/app:1"
CRPI = "crpi-1abc.cn-hangzhou.personal.cr.aliyuncs.com/team/app"
WELL = Looked(
    "https://api", date(2020, 1, 1), Configuration(), kubelets={"v1.30.1": 2}, census=Census(), writer=Writer()
)


def spec(*images: str, pulls: tuple[str, ...] = (), account: str = "default") -> PodSpec:
    return PodSpec(account, [Reference(name) for name in pulls] or None, [Container(image) for image in images])


@pytest.mark.parametrize(
    ("name", "repository", "kind"),
    [
        ("alpha-registry.cn-hangzhou.cr.aliyuncs.com", "team/app", "Enterprise Edition"),
        ("registry-vpc.cn-hangzhou.aliyuncs.com", "team/app", "Personal Edition"),
        ("registry-vpc.cn-hangzhou.aliyuncs.com", "acs/pause", PUBLIC),
        ("crpi-1abc.cn-hangzhou.personal.cr.aliyuncs.com", "team/app", PASSWORD_ONLY),
        ("images.example.com", "team/app", CUSTOM),
        ("docker.io", "library/nginx", ""),
        ("", "nginx", ""),
    ],
)
def test_each_registry_is_told_by_its_name(name: str, repository: str, kind: str) -> None:
    assert kind_of(name, repository, ["images.example.com"]) == kind


def test_a_pod_counts_once_for_each_registry_that_it_pulls_from() -> None:
    census = Census()
    census.add_pod(spec(ENTERPRISE, ENTERPRISE, "nginx"))
    census.add_pod(spec("nginx", "what is/no image"))
    assert (census.pods, census.other) == (2, 1)
    assert {kind: dict(hosts) for kind, hosts in census.hosts.items()} == {
        "Enterprise Edition": {"alpha-registry.cn-hangzhou.cr.aliyuncs.com": 1}
    }


def test_init_containers_count() -> None:
    census = Census()
    census.add_pod(PodSpec(init_containers=[Container(ENTERPRISE)], containers=[Container("nginx")]))
    assert census.other == 0


def test_who_names_which_secret() -> None:
    census = Census()
    census.add_account("team", "default", [SECRET])
    census.add_account("team", "other", ["theirs"])
    census.add_workload("Deployment team/a", spec(ENTERPRISE, pulls=(SECRET, "mine")))
    census.add_workload("Deployment team/b", spec(ENTERPRISE, pulls=("mine",)))
    census.add_workload("Deployment team/c", spec("nginx", pulls=("mine",)))
    census.add_workload("Deployment team/d", spec(CRPI, pulls=(SECRET,)))
    census.add_workload("Deployment team/e", spec(CRPI, pulls=("password",)))
    assert census.accounts.names == ["team/default"]
    assert census.workloads.names == ["Deployment team/a", "Deployment team/d"]
    assert census.own.names == ["Deployment team/b", "Deployment team/e"]
    assert census.helpless.names == ["Deployment team/d"]


def test_a_bare_pod_does_not_name_what_its_service_account_gave_it() -> None:
    census = Census()
    census.add_account("team", "default", [SECRET])
    census.add_bare_pod("team", "given", spec(ENTERPRISE, pulls=(SECRET,)))
    census.add_bare_pod("team", "own", spec(ENTERPRISE, pulls=(SECRET,), account="other"))
    assert census.workloads.names == ["Pod team/own"]


@pytest.mark.parametrize(
    "node",
    [
        NodeObject(ObjectMetadata(labels={"type": "virtual-kubelet"})),
        NodeObject(ObjectMetadata(labels={"alibabacloud.com/virtual-node": "true"})),
        NodeObject(ObjectMetadata(), NodeSpec([Taint("virtual-kubelet.io/provider")])),
    ],
)
def test_virtual_nodes_are_known(node: NodeObject) -> None:
    assert node.is_virtual
    assert not NodeObject(ObjectMetadata(labels={"type": "gpu"}), NodeSpec([Taint("gpu")])).is_virtual


def test_many_names_are_cut() -> None:
    assert names(["b", "a"]) == "a, b"
    assert names(map(str, range(MOST_NAMES + 2))).endswith(" and 2 more")


def told(looked: Looked) -> dict[str, tuple[str, str]]:
    return {finding.step: (finding.state, finding.detail) for finding in findings(looked)}


def done(looked: Looked) -> list[str]:
    return [step.do.split()[0] for step in steps(looked)]


def test_pods_own_roles_need_new_kubelets() -> None:
    looked = replace(WELL, configuration=Configuration(service_account_roles="required", compat_secrets=False))
    state, detail = told(looked)["kubelets"]
    assert state == "failed" and "service-account-roles: required needs 1.34, and 2 nodes older" in detail
    assert told(replace(looked, kubelets={"v1.34.0-aliyun.1": 2}))["kubelets"][0] == "ok"


CHAINS: Mapping[str, Mapping[str, Any]] = {
    "workerRole": {"created": date(2023, 4, 2)},
    "managedRole": {"created": date(2023, 4, 3), "has_managed_role": True},
    "rrsa": {
        "configuration": Configuration(
            (Instance("cri-a", rrsa_role_arn="acs:ram::1:role/r", rrsa_oidc_provider_arn="acs:ram::1:oidc-provider/p"),)
        )
    },
}  # fmt: skip


@pytest.mark.parametrize(("source", "changes"), CHAINS.items())
def test_the_identity_is_told(source: str, changes: Mapping[str, Any]) -> None:
    looked = replace(WELL, **changes)
    state, detail = told(looked)["identity"]
    assert state == "ok" and detail.startswith(f"{source} (1): ")
    assert "cr:PullRepository" in detail
    assert (done(looked)[0] == "Add") == (source == "rrsa") == ("RRSA roles trust" in detail)


def test_a_chain_that_cannot_be_is_a_configuration_to_mend() -> None:
    state, detail = told(replace(WELL, configuration=Configuration(rrsa=Rrsa(enable=True))))["identity"]
    assert state == "failed" and "no role is given" in detail


def test_the_secrets_end_last_and_only_where_nothing_needs_them() -> None:
    assert done(WELL) == ["Install", "Wait", "When"]
    assert done(replace(WELL, kubelets={"v1.22.3": 1})) == ["Install", "Wait", "Keep"]
    assert done(replace(WELL, virtual=["v"])) == ["Install", "Wait", "Keep"]
    census = Census()
    census.add_workload("Deployment team/a", spec(ENTERPRISE, pulls=(SECRET,)))
    assert done(replace(WELL, census=census, installed=True)) == ["Wait", "Take", "When"]
    assert done(replace(WELL, configuration=Configuration(compat_secrets=False))) == ["Install", "Wait"]


def test_the_incumbent_is_ended_before_its_secrets_are_taken() -> None:
    found = list(steps(replace(WELL, writer=Writer(replicas=2, left=3))))
    assert [step.do.split()[0] for step in found] == ["Install", "Wait", "End", "Have", "When"]
    assert "--replicas=0" in found[2].do and "--replicas=2" in found[2].back
    managed = list(steps(replace(WELL, writer=Writer(None, ["helper"], 3))))
    assert "kubectl" not in managed[2].do and managed[2].do.startswith("End ")
    stopped = Writer(replicas=0, lately=["helper"], left=3)
    assert done(replace(WELL, writer=stopped)) == ["Install", "Wait", "Have", "When"]
