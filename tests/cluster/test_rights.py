"""Every right of the chart's is tried, and so is what nobody must be able to do with them."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.chart.helm import Object
from tests.cluster import rights
from tests.cluster.api import Api, OwnApi
from tests.cluster.attempts import CONFLICT, FORBIDDEN, Attempt, User, apply, create, dry
from tests.cluster.chart import of_kinds, rendered
from tests.cluster.rights import AGENT, OURS, SYSTEM, TEAM, WRITER, named
from tests.systems.system import wait_for

KINDS = (
    "Namespace",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
)
SEPARATE, DAEMONSET = "separate", "daemonset"
TAKES_SECONDS = 30
APP = {
    **named("ServiceAccount", "app", TEAM),
    "metadata": {"name": "app", "namespace": TEAM, "labels": {"a": "b"}, "annotations": {"a": "b"}},
    "imagePullSecrets": [{"name": "first"}, {"name": "second"}],
}


def manifests(placement: str) -> list[Object]:
    return of_kinds(rendered(f"--set=secrets.placement={placement}"), *KINDS)


def install(api: Api, placement: str) -> None:
    """Install the chart's rights, and what is tried on."""
    api.apply(*manifests(placement))
    api.apply(named("Namespace", TEAM), APP, rights.secret("other"), named("Node", rights.NODE_NAME))
    api.apply(rights.node_lease(rights.THERE))
    api.apply(named("ConfigMap", rights.CONFIG_MAP, SYSTEM, data={}))


@pytest.fixture
def server(own_api: OwnApi, request: pytest.FixtureRequest) -> OwnApi:
    install(own_api, request.param)
    return own_api


@pytest.fixture
def users(server: OwnApi) -> Iterator[dict[str, User]]:
    """The ServiceAccounts, by name, once the API server goes by their rights and policies."""
    with ExitStack() as stack:
        found = {name: stack.enter_context(User(server.service_account(SYSTEM, name))) for name in (AGENT, WRITER)}

        def are_kept() -> bool:
            tried = rights.BY_POLICIES[0], rights.BY_POLICIES[-1]
            return any(otherwise(user, map(dry, tried), allowed=False, by="Policy") == {} for user in found.values())

        wait_for(are_kept, TAKES_SECONDS, "the policies")
        yield found


def otherwise(user: User, attempts: Iterable[Attempt], *, allowed: bool, by: str = "") -> dict[str, Any]:
    """Try all, and return those that went otherwise than they should, with what the API server said."""
    wrong = {}
    for attempt in attempts:
        status, said = user.ask(attempt)
        # What is replaced was another version, which is found after rights and policies.
        is_allowed = 200 <= status < 300 or (attempt.method == "PUT" and status == CONFLICT)
        is_refused = status == FORBIDDEN and by in said
        if not (is_allowed if allowed else is_refused):
            wrong[attempt.what] = (status, said)
    return wrong


@pytest.mark.parametrize("server", [SEPARATE], indirect=True)
def test_a_node_that_is_broken_into_gains_nothing(users: dict[str, User]) -> None:
    assert otherwise(users[AGENT], rights.AGENT_NEEDS, allowed=True) == {}
    assert otherwise(users[AGENT], rights.AGENT_REFUSED, allowed=False, by="cannot") == {}


@pytest.mark.parametrize("server", [SEPARATE, DAEMONSET], indirect=True)
def test_an_agent_speaks_for_its_own_node_alone(
    server: OwnApi, users: dict[str, User], request: pytest.FixtureRequest
) -> None:
    token = server.pod_token(SYSTEM, AGENT, rights.NODE_NAME)
    with User(token) as agent:
        first = [dry(rights.OF_OTHER_NODES[0])]
        wait_for(lambda: otherwise(agent, first, allowed=False) == {}, TAKES_SECONDS, "the policy")
        assert otherwise(agent, rights.OF_THE_NODE, allowed=True) == {}
        assert otherwise(agent, rights.OF_OTHER_NODES, allowed=False, by="ValidatingAdmissionPolicy") == {}
        # In the DaemonSet's pods the writer has the same account.
        is_separate = request.node.callspec.params["server"] == SEPARATE
        assert otherwise(agent, rights.LEADS, allowed=not is_separate, by="Policy") == {}
    # A token that is of no pod's, as all were before 1.30, says nothing of a node.
    assert otherwise(users[AGENT], rights.OF_OTHER_NODES, allowed=True) == {}
    if is_separate:
        assert otherwise(users[WRITER], rights.LEADS[:1], allowed=True) == {}
        assert otherwise(users[AGENT], rights.LEADS, allowed=False, by="Policy") == {}


@pytest.mark.parametrize(
    ("server", "name"), [(SEPARATE, WRITER), (DAEMONSET, AGENT)], indirect=["server"], ids=[SEPARATE, DAEMONSET]
)
def test_the_writer_can_do_its_work_and_nothing_else(users: dict[str, User], name: str) -> None:
    writer = users[name]
    refused_by_roles = (*rights.COMMON_REFUSED, *rights.BY_ROLES)
    assert otherwise(writer, rights.WRITER_NEEDS, allowed=True) == {}
    assert otherwise(writer, refused_by_roles, allowed=False, by="cannot") == {}
    assert otherwise(writer, rights.BY_POLICIES, allowed=False, by="ValidatingAdmissionPolicy") == {}
    # The last of these, also over a Secret that is there.
    assert otherwise(writer, rights.WRITES, allowed=True) == {}
    assert otherwise(writer, rights.BY_POLICIES[-1:], allowed=False, by="ValidatingAdmissionPolicy") == {}


@pytest.mark.parametrize("server", [SEPARATE], indirect=True)
def test_policies_keep_nobody_else(server: OwnApi, users: dict[str, User]) -> None:
    with User(server.user("somebody", "system:masters")) as administrator:
        for attempt in rights.BY_POLICIES[:5]:
            assert administrator.ask(attempt)[0] != FORBIDDEN, attempt.what
        other = next(attempt for attempt in rights.BY_POLICIES if "Opaque" in attempt.what)
        assert administrator.ask(other)[0] == 201


@pytest.mark.parametrize("server", [SEPARATE], indirect=True)
def test_a_key_that_was_there_before_a_takeover_stays(server: OwnApi, users: dict[str, User]) -> None:
    path = f"{rights.SECRETS}/{rights.SECRET}"
    with User(server.user("somebody", "system:masters")) as other:
        assert other.ask(create("x", rights.SECRETS, rights.secret(more="e30=")))[0] == 201
    assert users[WRITER].ask(apply("take it over", path, rights.secret(**{".dockerconfigjson": "e30K"})))[0] == 200
    assert users[WRITER].ask(apply("change the other key", path, rights.secret(more="e30K")))[0] == FORBIDDEN


@pytest.mark.parametrize(
    ("role", "needs"),
    [(AGENT, rights.AGENT_NEEDS), (WRITER, rights.WRITER_NEEDS)],
    ids=["agent", "writer"],
)
def test_no_right_is_given_that_nothing_needs(cluster_folder: Path, role: str, needs: Iterable[Attempt]) -> None:
    roles = [
        found for found in of_kinds(manifests(SEPARATE), "Role", "ClusterRole") if found["metadata"]["name"] == role
    ]
    given = {
        (group, resource, verb)
        for found in roles
        for rule in found["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    applied = {(group, resource, "create") for group, resource, verb in needed(needs) if verb == "patch"}
    assert given - applied == needed(needs) - applied
    assert given >= needed(needs)
    assert OURS in {found["metadata"].get("namespace") for found in roles}


def needed(attempts: Iterable[Attempt]) -> set[tuple[str, str, str]]:
    return {attempt.right for attempt in attempts}
