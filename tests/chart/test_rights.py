"""Who may do what, by the chart's roles. What the API server makes of them is tried in tests/cluster."""

from collections import defaultdict
from typing import Any

import pytest

from provider.kubernetes import names
from provider.secrets.leader import NAME as LEADER
from tests.chart.helm import SYSTEM, Object, one, pod_of, rendered
from tests.chart.value_sets import VALUE_SETS

AGENT, WRITER = "aliyun-acr-credential-provider", "aliyun-acr-credential-provider-secrets"
OURS = names.NAMESPACE
EVERYWHERE = "*"
Right = tuple[str, str, str, str, str]
"""Namespace, API group, resource, name (* for all of them), verb."""


def rights(where: str, group: str, resource: str, name: str, verbs: str) -> set[Right]:
    return {(where, group, resource, name, verb) for verb in verbs.split()}


AGENTS = (
    rights(EVERYWHERE, "", "namespaces", SYSTEM, "get")
    | rights(OURS, "coordination.k8s.io", "leases", "*", "get list create update patch")
    | rights(SYSTEM, "", "events", "*", "create")
)
WRITERS = (
    rights(EVERYWHERE, "", "namespaces", "*", "get list watch")
    | rights(EVERYWHERE, "", "serviceaccounts", "*", "get list watch patch")
    | rights(EVERYWHERE, "", "secrets", names.SECRET, "get list watch create patch delete")
    | rights(EVERYWHERE, "", "events", "*", "create")
    | rights(SYSTEM, "", "configmaps", names.CONFIG_MAP, "list watch")
    | rights(OURS, "coordination.k8s.io", "leases", "*", "get list create update delete")
)


def given(objects: list[Object]) -> dict[str, set[Right]]:
    """Return the rights of each subject."""
    found: dict[str, set[Right]] = defaultdict(set)
    for binding in objects:
        if not binding["kind"].endswith("RoleBinding"):
            continue
        where = binding["metadata"].get("namespace", EVERYWHERE)
        reference = binding["roleRef"]
        role = one(objects, reference["kind"], reference["name"], "" if where == EVERYWHERE else where)
        for subject in binding["subjects"]:
            assert subject["kind"] == "Group" or subject["namespace"] == SYSTEM
            for rule in role["rules"]:
                assert set(rule) <= {"apiGroups", "resources", "resourceNames", "verbs"}
                for group in rule["apiGroups"]:
                    for resource in rule["resources"]:
                        for name in rule.get("resourceNames", ["*"]):
                            found[subject["name"]] |= rights(where, group, resource, name, " ".join(rule["verbs"]))
    return found


def test_agent_and_writer_have_what_they_need_and_nothing_else() -> None:
    assert given(rendered()) == {AGENT: AGENTS, WRITER: WRITERS}


def test_in_the_daemonset_the_agent_has_the_writers_rights_too() -> None:
    made = rendered(secrets__placement="daemonset")
    assert given(made) == {AGENT: AGENTS | WRITERS}
    assert [each["metadata"]["name"] for each in made if each["kind"] == "ServiceAccount"] == [AGENT]


@pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS.keys())
def test_nobody_may_everything_or_mint_tokens_or_touch_nodes(values: dict[str, Any]) -> None:
    for rights_of_one in given(rendered(**values)).values():
        for _, group, resource, name, verb in rights_of_one:
            assert "*" not in (group, resource, verb)
            assert not resource.startswith(("nodes", "pods", "serviceaccounts/", "mutating", "validating", "cluster"))
            assert resource != "secrets" or name == names.SECRET


def test_pods_run_as_the_accounts_that_have_the_rights() -> None:
    made = rendered(serviceAccount__name="acr", secrets__serviceAccountName="acr-writer")
    assert given(made) == {"acr": AGENTS, "acr-writer": WRITERS}
    assert pod_of(one(made, "DaemonSet"))["serviceAccountName"] == "acr"
    assert pod_of(one(made, "Deployment"))["serviceAccountName"] == "acr-writer"
    assert {each["metadata"]["name"] for each in made if each["kind"] == "ServiceAccount"} == {"acr", "acr-writer"}


def test_one_account_for_both_is_made_once() -> None:
    made = rendered(serviceAccount__name="acr", secrets__serviceAccountName="acr")
    one(made, "ServiceAccount", "acr")
    assert given(made) == {"acr": AGENTS | WRITERS}


def test_accounts_of_somebody_else_are_not_made() -> None:
    assert not [each for each in rendered(serviceAccount__create=False) if each["kind"] == "ServiceAccount"]


def test_annotations_come_to_the_accounts() -> None:
    made = rendered(serviceAccount__annotations={"example.com/team": "platform"})
    found = [each["metadata"]["annotations"] for each in made if each["kind"] == "ServiceAccount"]
    assert found == 2 * [{"example.com/team": "platform"}]


def test_the_policies_are_about_writer_and_agent() -> None:
    made = rendered(secrets__serviceAccountName="acr-writer")
    policies = [each for each in made if each["kind"] == "ValidatingAdmissionPolicy"]
    assert policies
    for policy in policies:
        account = AGENT if policy["metadata"]["name"].endswith("-leases") else "acr-writer"
        whom = policy["spec"]["matchConditions"][0]["expression"]
        assert whom == f'request.userInfo.username == "system:serviceaccount:{SYSTEM}:{account}"'


@pytest.mark.parametrize(
    ("values", "rules"), [({}, 2), ({"secrets__placement": "daemonset"}, 1), (VALUE_SETS["one account"], 1)]
)
def test_who_leads_is_kept_from_the_agent_where_it_is_not_the_writer(values: dict[str, Any], rules: int) -> None:
    made = [each for each in rendered(**values) if each["kind"] == "ValidatingAdmissionPolicy"]
    [leases] = [each["spec"] for each in made if each["metadata"]["name"].endswith("-leases")]
    assert len(leases["validations"]) == rules
    assert [LEADER in each["expression"] for each in leases["validations"]][1:] == [True] * (rules - 1)
    assert leases["matchConditions"][1]["expression"] == f'request.namespace == "{OURS}"'
