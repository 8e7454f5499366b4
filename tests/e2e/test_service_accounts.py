"""A pod pulls with its own RAM role: real tokens of a real API server, whose signatures the simulated STS checks."""

import json
from itertools import pairwise

from provider.kubelet import GROUP
from provider.places import PROGRAM
from tests.cloud.default_world import TEAM_A_ROLE, TEAM_B_ROLE
from tests.e2e.conftest import NewCluster
from tests.e2e.node import Node
from tests.e2e.pods import PRIVATE, PUBLIC_IMAGES
from tests.e2e.teams import (
    ASSUMED,
    OPTIONAL,
    PROVIDER_FILE,
    REFUSED_SECONDS,
    REQUIRED,
    SCOPED,
    TEAM_A,
    TEAM_B,
    image,
    refused,
)

SLOW_SECONDS = 1


def test_optional(new_cluster: NewCluster) -> None:
    node, cluster = new_cluster()
    node.configure(OPTIONAL)
    cluster.allow_audience()
    node.install()
    assert "tokenAttributes" in node.run(f"cat {PROVIDER_FILE}")
    cluster.pods("team-a", "app", {"own": image("team-a"), "others": image("team-b")})
    cluster.pods("team-b", "app", {"own": image("team-b")})
    cluster.pods("team-c", "app", {"plain": image("team")})
    node.runs("static", PRIVATE["enterprise-vpc"])
    for namespace, name in (("team-a", "own"), ("team-b", "own"), ("team-c", "plain")):
        cluster.wait_running(namespace, [name])
    names = [call["parameters"]["RoleSessionName"] for call in node.site.calls("sts", ASSUMED)]
    assert set(names) == {"team-a.app", "team-b.app"}

    # A tenant that names another team's role, and one whose role's trust policy has another subject.
    cluster.service_account("team-b", "thief", TEAM_A)
    cluster.service_account("team-b", "other", TEAM_B)
    cluster.pods("team-b", "thief", {"stolen": image("team-a")})
    cluster.pods("team-b", "other", {"unknown": image("team-b")})
    for account, role in (("thief", TEAM_A_ROLE), ("other", TEAM_B_ROLE)):
        refused(node, f"role/{role} does not trust the token of ServiceAccount team-b/{account}")
    cluster.wait_refused("team-b", "stolen")
    cluster.wait_refused("team-b", "unknown")
    cluster.wait_refused("team-a", "others")
    asked = [call for call in node.site.calls("sts", ASSUMED) if call["parameters"]["RoleSessionName"] not in names]
    assert {call["parameters"]["RoleSessionName"] for call in asked} == {"team-b.thief", "team-b.other"}
    assert {call["code"] for call in asked} == {"AuthenticationFail.NoPermission"}
    assert cluster.running("team-b") == {"own"}
    assert cluster.running("team-a") == {"own"}

    # A token that is meant for others.
    node.site.ask("clear_calls")
    stolen = cluster.kubectl("create", "token", "app", "--namespace=team-a", "--audience=others").strip()
    said = ask_by_hand(node, image("team-a").removesuffix(":v1"), stolen)
    assert "is not for sts.aliyuncs.com" in said
    assert stolen not in said
    assert node.site.calls("acr") == []

    doctor = node.program("doctor", "--service-account", "team-a/app", image("team-a"))
    assert doctor.returncode == 0, doctor.stdout
    assert "system:serviceaccount:team-a:app" in doctor.stdout
    assert node.status()["ok"], node.status()


def ask_by_hand(node: Node, asked: str, token: str) -> str:
    """What the program says to a request that is not the kubelet's; it must refuse."""
    request = {
        "kind": "CredentialProviderRequest",
        "apiVersion": f"{GROUP}/v1",
        "image": asked,
        "serviceAccountToken": token,
        "serviceAccountAnnotations": TEAM_A,
    }
    node.put("/run/request", json.dumps(request), 0o600)
    done = node.attempt(f"/opt/{PROGRAM}/bin/{PROGRAM} </run/request")
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr


def test_twenty_pods_of_one_service_account(new_cluster: NewCluster) -> None:
    node, cluster = new_cluster()
    node.configure(OPTIONAL)
    cluster.allow_audience()
    node.install()
    # Each call takes a second at least, so that answers that come quicker are to two at a time.
    node.site.ask("set_fault", service="sts", kind="slow", action=ASSUMED, latency=SLOW_SECONDS)
    at_once = {f"pod-{number}": image("team-a", ("app", "job")[number % 2]) for number in range(20)}
    cluster.pods("team-a", "app", at_once)
    cluster.wait_running("team-a", list(at_once))
    times = [call["time"] for call in node.site.calls("sts", ASSUMED)]
    asked = len(times)
    assert all(after - before >= SLOW_SECONDS for before, after in pairwise(times))
    # The kubelet runs the plugin for each pod that comes before there is an answer; one asks, for all that wait.
    assert 1 <= asked <= 3
    assert len(node.site.calls("acr", "GetAuthorizationToken")) == asked
    for number in range(20, 24):
        cluster.pods("team-a", "app", {f"pod-{number}": image("team-a")})
        cluster.wait_running("team-a", [f"pod-{number}"])
    assert len(node.site.calls("sts", ASSUMED)) == asked
    assert ".json" not in node.run(f"ls /run/{PROGRAM}/answers")


def test_required_then_scope(new_cluster: NewCluster) -> None:
    node, cluster = new_cluster()
    node.configure(REQUIRED)
    cluster.allow_audience()
    node.install()
    cluster.pods("team-a", "app", {"own": image("team-a")})
    cluster.pods("team-c", "app", {"plain": image("team"), "public": PUBLIC_IMAGES["public-enterprise"]})
    node.pod("static", PRIVATE["enterprise-vpc"])
    cluster.wait_running("team-a", ["own"])
    cluster.wait_running("team-c", ["public"])
    node.wait(lambda: "waiting" in (node.pod_state("static") or {}), REFUSED_SECONDS, "the static pod to be refused")
    assert cluster.running("team-c") == {"public"}
    assert [call["identity"].rpartition("/")[2] for call in node.site.calls("acr")] == [TEAM_A_ROLE]

    # From there to what the configuration names: the pod that was refused runs, and a new one of team-a does not.
    node.configure(SCOPED)
    node.install()
    cluster.pods("team-a", "app", {"late": image("team-a")})
    cluster.wait_running("team-c", ["plain", "public"])
    refused(node, "ServiceAccount team-a/app is not among watch-namespace and service-account")
    refused(node, "scope: configured needs one")
    assert "late" not in cluster.running("team-a")
    assert "running" not in (node.pod_state("static") or {})


def test_without_the_right_to_ask_for_tokens(new_cluster: NewCluster) -> None:
    node, cluster = new_cluster()
    node.configure(OPTIONAL)
    said = node.install()
    assert "kubelet-audience" in said
    assert "tokenAttributes" not in node.run(f"cat {PROVIDER_FILE}")
    # The node's identity, for all.
    cluster.pods("team-c", "app", {"plain": image("team")})
    cluster.pods("team-a", "app", {"by-the-node": image("team-b")})
    cluster.wait_running("team-c", ["plain"])
    cluster.wait_running("team-a", ["by-the-node"])
    assert node.site.calls("sts", ASSUMED) == []

    cluster.allow_audience()
    node.install()
    cluster.pods("team-a", "app", {"own": image("team-a")})
    cluster.wait_running("team-a", ["own"])
    assert len(node.site.calls("sts", ASSUMED)) == 1

    # Taken away under an installed node it stops every pod with a ServiceAccount, and static pods go on.
    cluster.forbid_audience()
    node.site.ask("clear_calls")
    cluster.pods("team-c", "app", {"stopped": image("team")})
    refused(node, "not authorized to request tokens for audience")
    cluster.wait_refused("team-c", "stopped")
    assert node.site.calls("sts") == node.site.calls("acr") == []
    assert cluster.running("team-a") >= {"own"}
    node.runs("static", PRIVATE["enterprise-vpc"])
    cluster.allow_audience()
    cluster.wait_running("team-c", ["stopped"])
