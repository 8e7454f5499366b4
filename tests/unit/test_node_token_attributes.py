"""When the kubelet is to hand over tokens of ServiceAccounts: what is wanted, and what stands in the way."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from provider.config.values import Configuration
from provider.node.detect.found import Flags, Found, System
from provider.node.files import Tree
from provider.node.kubelet_version import Version
from provider.node.provider_file.checks import check
from provider.node.provider_file.entry import Entry, TokenAttributes, match_images, own_file
from provider.node.token_attributes import MANIFEST, ROLE, consequence, hindrance, obstacle, wanted
from provider.pods import needed_by
from provider.service_account import ACK_ANNOTATION, OWN_ANNOTATION
from tests.unit.tls_api_server import ApiServer, always, review

GATE = "KubeletServiceAccountTokenForCredentialProviders"
AUDIENCE = "sts.aliyuncs.com"
FIRST = Version(1, 34, 0)

MODES: list[tuple[dict[str, str], TokenAttributes | None, str]] = [
    ({}, None, ""),
    (
        {"service_account_roles": "optional"},
        TokenAttributes(AUDIENCE, False, "ServiceAccount", (), (OWN_ANNOTATION,)), "",
    ),
    (
        {"service_account_roles": "optional", "service_account_annotation": "ack"},
        TokenAttributes(AUDIENCE, False, "ServiceAccount", (), (ACK_ANNOTATION,)), "",
    ),
    (
        {"service_account_roles": "required"},
        TokenAttributes(AUDIENCE, True, "ServiceAccount", (OWN_ANNOTATION,)), "service-account-roles: required",
    ),
    ({"scope": "configured"}, TokenAttributes(AUDIENCE, False, "ServiceAccount"), "scope: configured"),
    (
        {"scope": "configured", "service_account_roles": "optional"},
        TokenAttributes(AUDIENCE, False, "ServiceAccount", (), (OWN_ANNOTATION,)), "scope: configured",
    ),
    (
        {"scope": "configured", "service_account_roles": "required", "service_account_annotation": "ack"},
        TokenAttributes(AUDIENCE, True, "ServiceAccount", (ACK_ANNOTATION,)), "service-account-roles: required",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("written", "attributes", "needs"), MODES)
def test_what_a_configuration_wants(written: dict[str, Any], attributes: TokenAttributes | None, needs: str) -> None:
    configuration = Configuration(**written)
    assert wanted(configuration) == attributes
    assert needed_by(configuration) == needs
    assert consequence(configuration).startswith("until then nothing is pulled" if needs else "until then all pods")
    for version in (FIRST, Version(1, 37, 2)):
        content = own_file(Entry(match_images(()), token_attributes=attributes), version)
        assert check(content, "file", version) == []


def found(arguments: str = "", version: Version | None = FIRST, system: System = "custom") -> Found:
    return Found(
        system, "kubelet.service", "/usr/bin/kubelet", version, None, Flags(), None, "", "/var/lib/kubelet", "",
        ("/usr/bin/kubelet", *arguments.split()),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (None, "kubelet of a version that it does not tell does not know them: upgrade it to 1.34.0 or newer"),
        (Version(1, 33, 99), "kubelet 1.33.99 does not know them: upgrade it to 1.34.0 or newer"),
        (FIRST, ""),
        (Version(1, 40, 1), ""),
    ],
)
def test_kubelets_that_know_no_tokens(tmp_path: Path, version: Version | None, words: str) -> None:
    assert obstacle(Tree(str(tmp_path)), found(version=version)) == words


OFF = f"{GATE}=false"
GATES: dict[str, tuple[str, System, dict[str, object], bool]] = {
    "nothing said": ("--v=2", "custom", {}, True),
    "other gates": ("--feature-gates=A=false,B=true", "custom", {}, True),
    "off by a flag": (f"--feature-gates=A=true,{OFF}", "custom", {}, False),
    "in two words": (f"--feature_gates {OFF} --v=2", "custom", {}, False),
    "another flag of the name does not hide it": (f"--feature-gates={OFF} --feature-gates=A=true", "custom", {}, False),
    "the later one counts": (f"--feature-gates={OFF} --feature-gates={GATE}=true", "custom", {}, True),
    "all beta": ("--feature-gates=AllBeta=false", "custom", {}, False),
    "all beta but this": (f"--feature-gates=AllBeta=false,{GATE}=true", "custom", {}, True),
    "off in the file": ("--config=/k.yaml", "custom", {"/k.yaml": {GATE: False}}, False),
    "on in the file": ("--config=/k.yaml", "custom", {"/k.yaml": {GATE: True}}, True),
    "the flag counts most": (f"--config=/k.yaml --feature-gates={GATE}=T", "custom", {"/k.yaml": {GATE: False}}, True),
    "a drop-in that speaks of others": (
        "--config=/k.yaml --config-dir=/d", "custom", {"/k.yaml": {GATE: False}, "/d/10.conf": {"A": True}}, False,
    ),
    "a drop-in counts more": (
        "--config=/k.yaml --config-dir=/d", "custom", {"/k.yaml": {GATE: False}, "/d/10.conf": {GATE: True}}, True,
    ),
    "no mapping": ("--config=/k.yaml", "custom", {"/k.yaml": ["x"]}, True),
    "k3s": (f"agent --kubelet-arg=feature-gates={OFF}", "k3s", {}, False),
    "k3s, another's": (f"agent --kube-proxy-arg=feature-gates={OFF}", "k3s", {}, True),
}  # fmt: skip


@pytest.mark.parametrize("how", GATES)
def test_a_feature_gate_that_is_off(tmp_path: Path, how: str) -> None:
    arguments, system, files, works = GATES[how]
    for path, gates in files.items():
        place = tmp_path / path[1:]
        place.parent.mkdir(exist_ok=True)
        place.write_text(yaml.safe_dump({"kind": "KubeletConfiguration", "featureGates": gates}))
    reason = obstacle(Tree(str(tmp_path)), found(arguments, system=system))
    assert (reason == "") == works
    assert works or GATE in reason


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    made = ApiServer(tmp_path)
    with made.running():
        yield made


@pytest.mark.parametrize("had", [True, False])
def test_only_a_yes_lets_it_be(server: ApiServer, had: bool) -> None:
    node = replace(found(), kubeconfig=server.kubeconfig(server.user()))
    server.answer = review
    assert hindrance(Tree(), node, had=had) == ""
    server.answer = always(201, {"status": {"allowed": False}})
    assert f"may not request tokens for {AUDIENCE}: apply ClusterRole {ROLE}" in hindrance(Tree(), node, had=had)
    assert "1.33.1" in hindrance(Tree(), replace(node, version=Version(1, 33, 1)), had=had)
    assert len(server.asked) == 2
    assert "names no kubeconfig" in hindrance(Tree(), replace(node, kubeconfig=""), had=had)
    assert hindrance(Tree(str(server.folder)), node, had=had).startswith("an image cannot ask")
    assert len(server.asked) == 2


def test_where_nobody_answers_an_earlier_yes_counts(server: ApiServer) -> None:
    node = replace(found(), kubeconfig=server.kubeconfig(server.user()))
    server.answer = always(503, {"message": "etcd is away"})
    assert "is not known: " in hindrance(Tree(), node, had=False)
    assert "etcd is away: mend that" in hindrance(Tree(), node, had=False)
    assert hindrance(Tree(), node, had=True) == ""


def test_what_messages_name_is_in_the_chart() -> None:
    text = (Path(__file__).parents[2] / MANIFEST).read_text()
    role, binding = yaml.safe_load_all(text)
    assert {role["metadata"]["name"], binding["metadata"]["name"], binding["roleRef"]["name"]} == {ROLE}
    assert role["rules"] == [
        {"apiGroups": [""], "resources": [AUDIENCE], "verbs": ["request-serviceaccounts-token-audience"]}
    ]
    assert [subject["name"] for subject in binding["subjects"]] == ["system:nodes"]
