"""`doctor --service-account`: the links to a pod's own role that are well, and what is told where one is not needed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from provider.config.values import Configuration, Instance, Rrsa
from provider.service_account import ACK_ANNOTATION, OWN_ANNOTATION
from tests.cloud.default_world import ACCOUNT, ANY_POD_ROLE, CROSS_ACCOUNT_ROLE, OTHER_ACCOUNT, TEAM_A_ROLE
from tests.cloud.policy import trust
from tests.integration.cloud_package import ALPHA_HOST
from tests.integration.node import Node
from tests.integration.service_account_node import OPTIONS, ServiceAccountNode
from tests.integration.service_account_site import (
    CONFIGURED,
    IMAGE,
    ISSUER,
    OPTIONAL,
    PROVIDER,
    REQUIRED,
    TEAM_A,
    Site,
    failure,
    standing,
    states,
)
from tests.unit.tls_api_server import NODE


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with standing(tmp_path) as made:
        yield made


@pytest.mark.parametrize("configuration", [OPTIONAL, REQUIRED], ids=["optional", "required"])
def test_every_link_that_is_well_is_well(configuration: Configuration, site: Site) -> None:
    site.configuration = configuration
    found = site.look()
    assert states(found) == {}
    assert found["API server"][1].endswith(f", as {NODE}")
    assert found["annotation"][1] == f"{OWN_ANNOTATION}: {TEAM_A}"
    assert found["issuer"][1] == f"{ISSUER}: the token of its pod says so"
    assert (
        found["OIDC provider"][1]
        == f"{PROVIDER}: derived, as ACK names it: the node's account, and the end of the issuer"
    )
    assert found["pod"][1] == "app-1 on this node is of it"
    assert "system:serviceaccount:team-a:app" in found["pod's token"][1]
    assert "ActionTrail shows the session team-a.app" in found["role"][1]
    assert f"{configuration.service_account_roles}: " in found["protection"][1]
    [call] = [call for call in site.cloud.calls.of("sts") if call.action == "AssumeRoleWithOIDC"]
    assert call.parameters["RoleSessionName"] == "team-a.app"
    assert "cr:PullRepository" in call.parameters["Policy"]


def test_the_trust_policy_that_is_printed_is_the_one_that_works(site: Site) -> None:
    role = site.cloud.world.role(TEAM_A_ROLE)
    assert role is not None
    role.trust = trust({"Federated": [PROVIDER]}, {"StringEquals": {"oidc:sub": "system:serviceaccount:team-b:app"}})
    found = site.look()
    step, detail = failure(found)
    assert step == "role"
    assert "does not trust the token of ServiceAccount team-a/app" in detail
    assert "Compare it with the one above" in detail
    state, printed = found["trust policy"]
    assert state == "ok"
    lead, _, policy = printed.partition("\n")
    assert lead.startswith(f"RAM role {TEAM_A} needs this one")
    role.trust = json.loads(policy)
    assert states(site.look()) == {}


def test_an_image_is_tried_up_to_a_login_with_the_pods_role(site: Site) -> None:
    found = site.pull()
    assert states(found) == {"instances": "skipped"}
    assert found["identity"][1] == f"the pod's own role {TEAM_A}"
    assert found["login"][0] == "ok"
    asked = {call.identity for call in site.cloud.calls.of("acr", "GetAuthorizationToken")}
    assert [name for name in asked if TEAM_A_ROLE not in name] == []


def test_the_second_hop_comes_behind_the_pods_role(site: Site) -> None:
    second = f"acs:ram::{OTHER_ACCOUNT}:role/{CROSS_ACCOUNT_ROLE}"
    item = Instance("cri-alphaalphaalpha1", "cn-hangzhou", (ALPHA_HOST,), assume_role_arn=second)
    site.configuration = replace(OPTIONAL, instances=(item,))
    found = site.pull()
    # The role of one hop alone is tried first, and is well; that it may not assume the next is told behind it.
    assert found["role"][0] == "ok"
    assert found["identity"][1] == f"the pod's own role {TEAM_A}, then {second}"
    assert failure(found)[0] == "session"
    assert second in found["session"][1]


def without_annotation(site: Site) -> None:
    site.cluster.accounts["team-a/app"] = {}


def test_without_annotation_optional_goes_with_the_node(site: Site) -> None:
    without_annotation(site)
    found = site.pull()
    state, detail = found["annotation"]
    assert state == "skipped"
    assert f"kubectl -n team-a annotate serviceaccount app {OWN_ANNOTATION}=acs:ram::ACCOUNT:role/NAME" in detail
    assert "with the node's identity" in detail
    assert found["role"] == ("skipped", "needs: annotation")
    assert found["trust policy"][1].startswith("its role needs this one")
    assert found["identity"][1].startswith("the node's worker RAM role")
    assert found["login"][0] == "ok"
    assert [call for call in site.cloud.calls.of("sts") if call.action == "AssumeRoleWithOIDC"] == []


def test_off_is_the_first_failure_and_the_rest_is_tried_all_the_same(site: Site) -> None:
    site.configuration = Configuration()
    found = site.pull()
    step, detail = failure(found)
    assert step == "roles of pods"
    assert f"write optional or required into {site.places.config}" in detail
    assert found["tokenAttributes"][0] == "skipped"
    assert found["role"][0] == "ok"
    # That is what a pull would do today.
    assert found["identity"][1].startswith("the node's worker RAM role")


def test_scope_without_roles_needs_nothing_of_a_role(site: Site) -> None:
    site.configuration = CONFIGURED
    found = site.look()
    skipped = {"roles of pods", "annotation", "issuer", "OIDC provider", "trust policy", "role"}
    assert states(found) == dict.fromkeys(skipped, "skipped")
    assert found["scope"][1] == "scope: configured, which serves it"
    assert found["pod's token"][0] == "ok"


def test_without_the_right_no_token_is_given_either(site: Site) -> None:
    site.cluster.audience_allowed = False
    found = site.look()
    assert found["pod's token"][0] == "failed"
    assert "see audience RBAC" in found["pod's token"][1]
    assert found["role"] == ("skipped", "needs: trust policy, pod's token")


def test_where_no_pod_of_it_is_the_commands_are_shown(site: Site) -> None:
    site.cluster.pods[0]["spec"]["nodeName"] = "another"
    found = site.look()
    assert states(found) == dict.fromkeys(
        ("ServiceAccount", "annotation", "issuer", "OIDC provider", "trust policy", "pod", "pod's token", "role"),
        "skipped",
    )
    account, pod = found["ServiceAccount"][1], found["pod"][1]
    assert "ServiceAccounts of its own pods alone" in account
    assert account.endswith("\nkubectl -n team-a get serviceaccount app -o yaml")
    where = "kubectl -n team-a get pods -o wide --field-selector spec.serviceAccountName=app"
    assert where in account
    assert where in pod


def test_there_too_what_is_known_without_a_token_is_told(site: Site) -> None:
    site.cluster.pods.clear()
    site.cluster.issuer = ISSUER
    site.configuration = replace(OPTIONAL, rrsa=Rrsa(oidc_provider_arn=PROVIDER))
    found = site.look()
    assert found["issuer"][1] == f"{ISSUER}: the API server says so"
    assert found["OIDC provider"][1] == f"{PROVIDER}: oidcProviderARN under rrsa"
    assert '"oidc:sub": "system:serviceaccount:team-a:app"' in found["trust policy"][1]


def test_acks_annotation_names_a_role_of_the_providers_account(site: Site) -> None:
    site.configuration = replace(OPTIONAL, service_account_annotation="ack")
    site.cluster.accounts["team-a/app"] = {ACK_ANNOTATION: ANY_POD_ROLE, OWN_ANNOTATION: TEAM_A}
    found = site.look()
    assert states(found) == {}
    assert found["trust policy"][1].startswith(f"RAM role acs:ram::{ACCOUNT}:role/{ANY_POD_ROLE} needs")


def test_a_kubelet_whose_user_is_no_nodes_knows_no_pods(site: Site) -> None:
    site.cluster.user = "kubernetes-admin"
    site.cluster.issuer = ISSUER
    found = site.look()
    assert found["API server"][0] == "ok"
    assert found["pod"][0] == "skipped"
    assert "no node's (system:node:NAME)" in found["pod"][1]


def test_the_api_server_is_asked_for_nothing_that_a_node_may_not(site: Site) -> None:
    site.look()
    assert {line.partition("?")[0] for line in site.cluster.asked} == {
        "POST /apis/authentication.k8s.io/v1/selfsubjectreviews",
        "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        "GET /api/v1/namespaces/team-a/serviceaccounts/app",
        "GET /.well-known/openid-configuration",
        "GET /api/v1/pods",
        "POST /api/v1/namespaces/team-a/serviceaccounts/app/token",
    }
    # One token is enough.
    assert sum(line.endswith("/token") for line in site.cluster.asked) == 1


def test_the_command_goes_from_the_kubelet_to_the_login(tmp_path: Path) -> None:
    """All of it as a process, on a node with a kubelet that runs."""
    (tmp_path / "node").mkdir()
    node = ServiceAccountNode(tmp_path / "node")
    status, fields = node.fields("doctor", IMAGE, "--service-account", "team-a/app", *OPTIONS)
    found = [(step["step"], step["state"]) for step in fields["steps"]]
    names = [name for name, _ in found]
    order = ("configuration", "provider file", "scope", "tokenAttributes", "trust policy", "role", "identity", "login")
    assert [name for name in names if name in order] == list(order)
    assert {name: state for name, state in found if state != "ok"} == {
        "docker config": "skipped",
        "instances": "skipped",
    }
    assert status == 0
    # What JSON web tokens begin with.
    assert "eyJ" not in json.dumps(fields)


def test_without_an_image_no_registry_is_asked(tmp_path: Path) -> None:
    (tmp_path / "node").mkdir()
    node = ServiceAccountNode(tmp_path / "node")
    status, text = node.run("doctor", "--service-account=team-a/app", *OPTIONS)
    assert status == 0
    assert "ok       role " in text
    assert "login" not in text
    assert text.endswith("name an image to have its registry checked.\n")
    assert "eyJ" not in text


def test_where_the_identity_is_not_known_no_image_is_tried(node: Node) -> None:
    """A machine without a kubelet: nobody to ask as."""
    node.configure("service-account-roles: optional\n")
    result = node.run(["doctor", IMAGE, "--service-account", "team-a/app", "--json"])
    steps = {step["step"]: step["state"] for step in json.loads(result.stdout)["steps"]}
    assert steps["API server"] == "skipped"
    assert steps["registry"] == "skipped"
    assert "login" not in steps
    assert result.status == 0


def test_what_is_no_service_account_is_wrong_use(node: Node) -> None:
    result = node.run(["doctor", "--service-account", "team-a"])
    assert result.status == 2
    assert "'team-a' is no NAMESPACE/NAME of a ServiceAccount" in result.stderr


def test_where_pods_have_roles_alone_the_plain_doctor_points_to_them(node: Node) -> None:
    node.configure("service-account-roles: required\ncompat-secrets: off\n")
    line = node.run(["doctor"]).stdout.splitlines()[0]
    assert line.endswith("; service-account-roles required: --service-account NAMESPACE/NAME tries a pod's own role")
