"""A pod's own RAM role: what it may pull, what others may not, and what is kept of it: nothing."""

from dataclasses import dataclass
from typing import Any

import pytest

from provider.service_account import ACK_ANNOTATION, OWN_ANNOTATION
from tests.cloud.default_world import ACCOUNT, ANY_POD_ROLE, OTHER_ACCOUNT, TEAM_A_ROLE
from tests.integration.node import ALPHA, PERSONAL, Node, Result
from tests.integration.test_identities import ALPHA_ID, OIDC_PROVIDER, PULL_ROLE, RRSA_ROLE, instances, rrsa
from tests.integration.test_ready_answers import age

TEAM_A = f"acs:ram::{ACCOUNT}:role/{TEAM_A_ROLE}"
ANY_POD = f"acs:ram::{ACCOUNT}:role/{ANY_POD_ROLE}"
OPTIONAL = "service-account-roles: optional\n"
REQUIRED = "service-account-roles: required\ncompat-secrets: off\n"
ASSUMED = "AssumeRoleWithOIDC"
TOKEN = "GetAuthorizationToken"


@dataclass(frozen=True)
class Pod:
    """A pod as the kubelet describes it; without a role its ServiceAccount has no annotation."""

    namespace: str = "team-a"
    name: str = "app"
    role: str = TEAM_A
    key: str = OWN_ANNOTATION
    audience: str = "sts.aliyuncs.com"
    stranger: bool = False

    def asks(self, node: Node, image: str) -> Result:
        return node.request(image, **self.fields(node))

    def fields(self, node: Node) -> dict[str, Any]:
        make = node.cloud.make.service_account_token
        token = make(self.namespace, self.name, audience=self.audience, stranger=self.stranger)
        annotations = {self.key: self.role} if self.role else {}
        return {"serviceAccountToken": token, "serviceAccountAnnotations": annotations}


def calls(node: Node, service: str, action: str) -> int:
    return sum(call.action == action for call in node.cloud.calls.of(service))


def nothing_secret_is_kept(node: Node) -> None:
    """But the node's own answer."""
    for path in node.state.rglob("*"):
        if path.is_file() and path.name != f"{ALPHA}.json":
            node.no_secret_in(path.read_text())


@pytest.mark.parametrize("mode", [OPTIONAL, REQUIRED], ids=["optional", "required"])
def test_a_pod_pulls_what_its_role_may_and_no_more(mode: str, node: Node) -> None:
    node.configure(mode)
    result = Pod().asks(node, f"{ALPHA}/team-a/app")
    assert node.pull(result, ALPHA, "team-a/app") == 200
    assert node.pull(result, ALPHA, "team-b/app") == 401
    assert result.response["cacheKeyType"] == "Registry"
    assert list(node.state.rglob("*.json")) == []
    [call] = [call for call in node.cloud.calls.of("sts") if call.action == ASSUMED]
    assert call.parameters["RoleSessionName"] == "team-a.app"
    assert call.parameters["OIDCProviderArn"] == OIDC_PROVIDER
    assert "cr:PullRepository" in call.parameters["Policy"]
    nothing_secret_is_kept(node)
    # The next pod asks anew, whoever it is.
    assert Pod().asks(node, f"{ALPHA}/team-a/app").auth != result.auth
    assert calls(node, "sts", ASSUMED) == 2


def test_personal_edition(node: Node) -> None:
    node.configure(OPTIONAL + instances({"instanceId": ""}))
    assert node.pull(Pod(role=ANY_POD).asks(node, f"{PERSONAL}/mine/app"), PERSONAL, "mine/app") == 200


def test_a_pod_without_a_role_goes_with_the_node(node: Node) -> None:
    node.configure(OPTIONAL)
    result = Pod(role="").asks(node, f"{ALPHA}/team-b/app")
    assert node.pull(result, ALPHA, "team-b/app") == 200
    assert calls(node, "sts", ASSUMED) == 0
    # The answer is ready for the next one of its kind; one with a role gets its own.
    assert Pod("team-b", "other", role="").asks(node, f"{ALPHA}/team/app").auth == result.auth
    assert calls(node, "acr", TOKEN) == 1
    own = Pod().asks(node, f"{ALPHA}/team-a/app")
    assert node.pull(own, ALPHA, "team-b/app") == 401


def test_off_means_off(node: Node) -> None:
    node.configure("service-account-roles: off\n")
    result = Pod().asks(node, f"{ALPHA}/team-b/app")
    assert node.pull(result, ALPHA, "team-b/app") == 200
    assert calls(node, "sts", ASSUMED) == 0


def test_ack_s_annotation_counts_where_it_is_said(node: Node) -> None:
    pod = Pod(role=TEAM_A_ROLE, key=ACK_ANNOTATION)
    node.configure(REQUIRED + "service-account-annotation: ack\n")
    assert node.pull(pod.asks(node, f"{ALPHA}/team-a/app"), ALPHA, "team-a/app") == 200
    node.configure(REQUIRED)
    assert f"annotate the ServiceAccount with {OWN_ANNOTATION}" in pod.asks(node, f"{ALPHA}/team-a/app").refusal


def test_required_gives_nothing_without_a_role(node: Node) -> None:
    node.configure(REQUIRED)
    assert "ServiceAccount team-a/app has no role of its own" in Pod(role="").asks(node, f"{ALPHA}/team-a/app").refusal
    assert "without a ServiceAccount's token" in node.request(f"{ALPHA}/team-a/app").refusal
    assert "without a ServiceAccount's token" in node.run(["get", f"{ALPHA}/team-a/app"]).stderr
    assert node.run(["warm"]).status == 0
    assert node.cloud.calls.of("acr") == node.cloud.calls.of("sts") == []
    # And whom it gives something does not wait for that.
    assert node.pull(Pod().asks(node, f"{ALPHA}/team-a/app"), ALPHA, "team-a/app") == 200


REFUSED = {
    "of another team": (Pod(namespace="team-b"), ASSUMED, "its trust policy must name"),
    "of another cluster": (Pod(stranger=True), ASSUMED, "was not given"),
    "that there is not": (Pod(role=f"{TEAM_A}-not"), ASSUMED, "does not exist"),
    "of another account": (Pod(role=PULL_ROLE), "", "is not of account"),
    "that is none": (Pod(role="team-a-pull"), "", "right form: acs:ram::ACCOUNT:role/NAME"),
    "by a token for others": (Pod(audience="https://kubernetes.default.svc"), "", "is not for sts.aliyuncs.com"),
}


@pytest.mark.parametrize(("pod", "asked", "said"), REFUSED.values(), ids=REFUSED)
def test_a_role_that_refuses_is_the_end(pod: Pod, asked: str, said: str, node: Node) -> None:
    node.configure(OPTIONAL)
    # There is the node's answer, and it is not for this pod.
    assert node.request(f"{ALPHA}/team/app").status == 0
    node.cloud.calls.clear()
    refusal = pod.asks(node, f"{ALPHA}/team-a/app").refusal
    assert said in refusal
    assert [call.action for call in node.cloud.calls.of("sts")] == [asked] * bool(asked)
    assert node.cloud.calls.of("acr") == []
    # Others are not kept waiting by it, and it is not asked again at once.
    assert node.request(f"{ALPHA}/team/app").status == 0
    if asked:
        assert "[met " in pod.asks(node, f"{ALPHA}/team-a/app").refusal
        assert calls(node, "sts", ASSUMED) == 1
    nothing_secret_is_kept(node)


def test_a_role_of_another_account_on_top(node: Node) -> None:
    node.configure(OPTIONAL + instances({"instanceId": "cri-partnerpartner02", "assumeRoleARN": PULL_ROLE}))
    partner = "partner-registry.cn-hangzhou.cr.aliyuncs.com"
    pod = Pod("kube-system", "aliyun-acr-credential-helper", RRSA_ROLE)
    assert node.pull(pod.asks(node, f"{partner}/shared/app"), partner, "shared/app") == 200
    roles = [call for call in node.cloud.calls.of("sts") if call.action in (ASSUMED, "AssumeRole")]
    assert [call.parameters["RoleArn"] for call in roles] == [RRSA_ROLE, PULL_ROLE]
    assert {call.parameters["RoleSessionName"] for call in roles} == {"kube-system.aliyun-acr-credential-helper"}
    # The first must be able to assume the second, so that the last alone is narrowed.
    assert ["Policy" in call.parameters for call in roles] == [False, True]


@pytest.mark.parametrize("where", ["item", "all"])
def test_the_configured_oidc_provider_counts(where: str, node: Node) -> None:
    other = OIDC_PROVIDER.replace(ACCOUNT, OTHER_ACCOUNT)
    item = {"instanceId": ALPHA_ID, **({"rrsaOIDCProviderRoleARN": other} if where == "item" else {})}
    node.configure(OPTIONAL + instances(item) + (f"rrsa:\n  oidcProviderARN: {other}\n" if where == "all" else ""))
    assert f"is not of account {OTHER_ACCOUNT}" in Pod().asks(node, f"{ALPHA}/team-a/app").refusal
    assert node.cloud.calls.of("sts") == []


def test_narrowed_to_the_repository(node: Node) -> None:
    node.configure(OPTIONAL + "session-policy: pull-repository\n")
    result = Pod(role=ANY_POD).asks(node, f"{ALPHA}/team-a/app")
    assert result.response["cacheKeyType"] == "Image"
    assert node.pull(result, ALPHA, "team-a/app") == 200
    assert node.pull(result, ALPHA, "team-b/app") == 401


def test_no_policy_where_none_is_wanted(node: Node) -> None:
    node.configure(OPTIONAL + "session-policy: none\n")
    Pod().asks(node, f"{ALPHA}/team-a/app")
    [call] = [call for call in node.cloud.calls.of("sts") if call.action == ASSUMED]
    assert "Policy" not in call.parameters


def test_the_nodes_rrsa_goes_on_beside_it(node: Node) -> None:
    rrsa(node)
    node.config.write_text(node.config.read_text() + OPTIONAL)
    plain = Pod(role="").asks(node, f"{ALPHA}/team-b/app")
    assert node.pull(plain, ALPHA, "team-b/app") == 200
    own = Pod().asks(node, f"{ALPHA}/team-a/app")
    assert node.pull(own, ALPHA, "team-a/app") == 200
    assert node.pull(own, ALPHA, "team-b/app") == 401
    roles = [call.parameters["RoleArn"] for call in node.cloud.calls.of("sts")]
    assert roles == [RRSA_ROLE, TEAM_A]


SCOPED = "scope: configured\nwatch-namespace: team-a,team-c\nservice-account: app\n"


def test_scope_binds_by_the_tokens_claims(node: Node) -> None:
    node.configure(SCOPED)
    inside, image = Pod(role=""), f"{ALPHA}/team/app"
    result = inside.asks(node, image)
    assert node.pull(result, ALPHA, "team/app") == 200
    for outside in (Pod("team-b", role=""), Pod(name="other", role="")):
        assert "is not among watch-namespace and service-account" in outside.asks(node, image).refusal
    assert "is not for sts.aliyuncs.com" in Pod(audience="other", role="").asks(node, image).refusal
    assert "scope: configured needs one" in node.request(image).refusal
    # Neither asked anybody, nor keep those inside from what is ready.
    assert Pod("team-c", role="").asks(node, image).auth == result.auth
    assert calls(node, "acr", TOKEN) == 1
    # What is kept ready is renewed.
    warmed = node.run(["warm", "--all"])
    assert warmed.status == 0
    assert calls(node, "acr", TOKEN) == 2
    assert inside.asks(node, image).auth != result.auth


def test_an_outage_keeps_no_pod_waiting_while_the_old_token_is_good(node: Node) -> None:
    node.configure(SCOPED)
    inside, image = Pod(role=""), f"{ALPHA}/team/app"
    inside.asks(node, image)
    old = age(node, left=1000)
    node.cloud.faults.set("acr", "hang")
    for _ in range(2):
        result = inside.asks(node, image)
        assert result.auth[ALPHA]["password"] == old.password
        assert result.seconds < 20
    assert "is not among" in Pod(name="other", role="").asks(node, image).refusal


def test_a_lost_configuration_isolates_still(node: Node) -> None:
    assert node.request(f"{ALPHA}/team-b/app").status == 0
    refusal = Pod().asks(node, f"{ALPHA}/team-b/app").refusal
    assert f"{node.config} is not there" in refusal
    assert node.run(["warm", "--all"]).status == 0
    assert f"{node.config} is not there" in Pod(role="").asks(node, f"{ALPHA}/team-b/app").refusal
    assert node.request(f"{ALPHA}/team-b/app").status == 0


def test_scope_and_roles_together(node: Node) -> None:
    node.configure(REQUIRED + SCOPED)
    assert node.pull(Pod().asks(node, f"{ALPHA}/team-a/app"), ALPHA, "team-a/app") == 200
    assert "is not among" in Pod(name="other").asks(node, f"{ALPHA}/team-a/app").refusal
    assert list(node.state.rglob("*.json")) == []
