"""What `doctor --service-account` decides without asking anybody."""

import argparse
import json
from typing import Any

import pytest

from provider.commands.doctor import service_account
from provider.commands.service_account_advice import (
    attribute_differences,
    bearer_of,
    instance_of,
    is_inside_the_cluster,
    protection,
    provider_origin,
    text_at,
    token_request,
    trust_policy,
)
from provider.config.values import Configuration, Instance, Rrsa
from provider.node.kubelet_version import Version
from provider.node.provider_file.entry import TokenAttributes
from tests.cloud.policy import trusts

ISSUER = "https://oidc-ack-cn-hangzhou.oss-cn-hangzhou.aliyuncs.com/c0123456789"
PROVIDER = "acs:ram::1111111111111111:oidc-provider/ack-rrsa-c0123456789"
SUBJECT = "system:serviceaccount:team-a:app"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("team-a/app", ("team-a", "app")),
        ("kube-system/a.b-c", ("kube-system", "a.b-c")),
        ("team-a", None),
        ("team-a/", None),
        ("/app", None),
        ("team-a/app/more", None),
        ("Team/app", None),
        ("team.a/app", None),
        ("team-a/../secrets", None),
        ("team-a/app?x", None),
        ("team-a/app\n", None),
    ],
)
def test_the_option_takes_namespace_and_name(text: str, found: tuple[str, str] | None) -> None:
    if found is not None:
        assert service_account(text) == found
        return
    with pytest.raises(argparse.ArgumentTypeError, match="no NAMESPACE/NAME"):
        service_account(text)


@pytest.mark.parametrize(
    ("changed", "trusted"),
    [
        ({}, True),
        ({"oidc:sub": "system:serviceaccount:team-b:app"}, False),
        ({"oidc:sub": "system:serviceaccount:team-a:app-2"}, False),
        ({"oidc:iss": f"{ISSUER}9"}, False),
        ({"oidc:aud": ["kubernetes.default"]}, False),
    ],
)
def test_the_trust_policy_lets_in_this_service_account_alone(changed: dict[str, Any], trusted: bool) -> None:
    policy = json.loads(trust_policy(ISSUER, PROVIDER, SUBJECT))
    context = {"oidc:iss": ISSUER, "oidc:aud": ["sts.aliyuncs.com"], "oidc:sub": SUBJECT, **changed}
    assert trusts(policy, "Federated", PROVIDER, context) is trusted
    assert not trusts(policy, "Federated", f"{PROVIDER}9", context)


@pytest.mark.parametrize(
    ("issuer", "inside"),
    [
        (ISSUER, False),
        ("https://kubernetes.default.svc", True),
        ("https://kubernetes.default.svc.cluster.local", True),
        ("https://kubernetes.default.svc:6443/x", True),
        ("https://kubernetes.default", True),
        ("https://svc.example.com/kubernetes.default.svc", False),
    ],
)
def test_an_issuer_inside_the_cluster_is_known(issuer: str, inside: bool) -> None:
    assert is_inside_the_cluster(issuer) is inside


ITEM = Instance("cri-a", domains=("a.example.com",), rrsa_oidc_provider_arn=PROVIDER)


@pytest.mark.parametrize(
    ("configuration", "instance", "known", "origin"),
    [
        (Configuration(rrsa=Rrsa(oidc_provider_arn="x")), ITEM, "c1", "rrsaOIDCProviderRoleARN of cri-a"),
        (Configuration(rrsa=Rrsa(oidc_provider_arn="x")), Instance(), "c1", "oidcProviderARN under rrsa"),
        (Configuration(), Instance(), "c1", "the cluster's id that the agent wrote down"),
        (Configuration(), Instance(), "", "the end of the issuer"),
    ],
)
def test_where_the_provider_is_from(configuration: Configuration, instance: Instance, known: str, origin: str) -> None:
    assert origin in provider_origin(configuration, instance, known)


def test_the_item_that_names_the_host_counts_else_the_first() -> None:
    other = Instance("cri-b", domains=("b.example.com",))
    configuration = Configuration(instances=(other, ITEM))
    assert instance_of(configuration, "a.example.com") == ITEM
    assert instance_of(configuration, "c.example.com") == other
    assert instance_of(configuration, "") == other
    assert instance_of(Configuration(), "a.example.com") == Instance()


def pod(name: str = "app-1", namespace: str = "team-a", account: str = "app", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "uid": f"uid-{name}", **more.pop("metadata", {})}
    return {"metadata": metadata, "spec": {"serviceAccountName": account}, **more}


@pytest.mark.parametrize(
    ("pods", "found"),
    [
        ([], None),
        ([pod()], "app-1"),
        ([pod(status={"phase": "Pending"})], "app-1"),
        ([pod(namespace="team-b"), pod(account="default"), pod("app-2")], "app-2"),
        ([pod(status={"phase": "Succeeded"}), pod("app-2", status={"phase": "Failed"})], None),
        ([pod(metadata={"deletionTimestamp": "2026-11-25T00:00:00Z"})], None),
        ([{"metadata": {"name": "static", "namespace": "team-a", "uid": "1"}, "spec": {}}], None),
        (["nonsense", None, {"metadata": {}}], None),
    ],
)
def test_a_pod_that_a_token_can_be_bound_to_is_chosen(pods: list[Any], found: str | None) -> None:
    assert bearer_of(pods, "team-a", "app") == ((found, f"uid-{found}") if found else None)


def test_the_token_request_is_for_the_audience_and_bound_to_the_pod() -> None:
    specification = token_request("app-1", "uid-1")["spec"]
    assert specification["audiences"] == ["sts.aliyuncs.com"]
    assert specification["boundObjectRef"] == {"apiVersion": "v1", "kind": "Pod", "name": "app-1", "uid": "uid-1"}
    # The API server takes no shorter one.
    assert specification["expirationSeconds"] == 600


@pytest.mark.parametrize(
    ("value", "found"),
    [({"a": {"b": "c"}}, "c"), ({"a": "b"}, ""), ({"a": {"b": 1}}, ""), ([], ""), (None, "")],
)
def test_a_text_deep_inside_is_found_or_empty(value: object, found: str) -> None:
    assert text_at(value, "a", "b") == found


OPTIONAL = TokenAttributes("sts.aliyuncs.com", False, "ServiceAccount", (), ("a/b", "c/d"))
REQUIRED = TokenAttributes("sts.aliyuncs.com", True, "ServiceAccount", ("a/b",))


@pytest.mark.parametrize(
    ("found", "wanted", "words"),
    [
        (None, None, ()),
        (OPTIONAL, OPTIONAL, ()),
        (None, OPTIONAL, ("no tokenAttributes",)),
        (OPTIONAL, None, ("which this configuration does not want",)),
        (
            OPTIONAL,
            REQUIRED,
            (
                "requireServiceAccount is false, wanted: true",
                "requiredServiceAccountAnnotationKeys is none, wanted: a/b",
                "optionalServiceAccountAnnotationKeys is a/b, c/d, wanted: none",
            ),
        ),
    ],
)
def test_token_attributes_are_compared_field_by_field(
    found: TokenAttributes | None, wanted: TokenAttributes | None, words: tuple[str, ...]
) -> None:
    difference = attribute_differences(found, wanted)
    assert bool(difference) is bool(words)
    assert [word for word in words if word not in difference] == []
    assert "serviceAccountTokenAudience" not in difference


OLD, NEW = Version(1, 34, 4), Version(1, 35, 0)


@pytest.mark.parametrize(
    ("mode", "version", "said", "unsaid"),
    [
        ("off", OLD, ("with the node's identity",), ("oidc:sub", "imagePullPolicy")),
        ("optional", NEW, ("takes the annotation away", "oidc:sub", "stay open"), ("metadata service",)),
        ("required", NEW, ("metadata service (100.100.100.200)", "oidc:sub", "stay open"), ("imagePullPolicy",)),
        ("required", OLD, ("kubelet 1.34.4 starts an image", "imagePullPolicy is Always"), ()),
        ("required", None, ("metadata service", "kubelet of a version that is not known starts an image"), ()),
    ],
)
def test_each_mode_says_what_it_does_not_protect(
    mode: Any, version: Version | None, said: tuple[str, ...], unsaid: tuple[str, ...]
) -> None:
    text = protection(Configuration(service_account_roles=mode), version)
    assert [words for words in said if words not in text] == []
    assert [words for words in unsaid if words in text] == []
