"""What is kept apart and what is not, as docs/service-accounts.md says: by the modes, and by what is on the node."""

from tests.e2e.conftest import NewCluster
from tests.e2e.node import Node
from tests.e2e.teams import ASSUMED, OFF, OPTIONAL, PROVIDER_FILE, TEAM_A, image

WORKER_ROLE = "kubernetesworkerrole-test"


def identities(node: Node) -> set[str]:
    """The roles that asked ACR for something since the calls were cleared."""
    return {call["identity"].rpartition("/")[2] for call in node.site.calls("acr")}


def test_from_off_to_optional_and_back(new_cluster: NewCluster) -> None:
    node, cluster = new_cluster()
    node.configure(OFF)
    cluster.allow_audience()
    node.install()
    assert "tokenAttributes" not in node.run(f"cat {PROVIDER_FILE}")
    # The node's identity for all, whatever their annotations say.
    cluster.pods("team-a", "app", {"by-the-node": image("team")})
    cluster.pods("team-c", "app", {"plain": image("team-b")})
    cluster.wait_running("team-a", ["by-the-node"])
    cluster.wait_running("team-c", ["plain"])
    assert identities(node) == {WORKER_ROLE}

    # The kubelet learns of it from install alone.
    node.configure(OPTIONAL)
    assert not node.status()["ok"]
    cluster.pods("team-a", "app", {"not-yet": image("team-b")})
    cluster.wait_running("team-a", ["not-yet"])
    assert node.site.calls("sts", ASSUMED) == []
    node.install()
    assert node.status()["ok"]
    node.site.ask("clear_calls")
    cluster.pods("team-a", "app", {"own": image("team-a"), "others": image("team-b")})
    cluster.wait_running("team-a", ["own"])
    cluster.wait_refused("team-a", "others")
    assert identities(node) == {"team-a-pull"}

    # What the node's identity once pulled is open to all, and what a role pulled only to its ServiceAccount.
    cluster.pods("team-b", "app", {"of-the-node": image("team"), "of-team-a": image("team-a")}, "IfNotPresent")
    cluster.pods("team-a", "app", {"again": image("team-a")}, "IfNotPresent")
    cluster.wait_running("team-b", ["of-the-node"])
    cluster.wait_running("team-a", ["again"])
    cluster.wait_refused("team-b", "of-team-a")

    # Who takes its annotation away goes with the node's identity: optional keeps nobody apart.
    node.site.ask("clear_calls")
    cluster.kubectl("annotate", "serviceaccount", "app", "--namespace=team-a", *(f"{key}-" for key in TEAM_A))
    cluster.wait_running("team-a", ["others"])
    assert node.site.calls("sts", ASSUMED) == []

    node.configure(OFF)
    node.install()
    assert "tokenAttributes" not in node.run(f"cat {PROVIDER_FILE}")
    cluster.pods("team-b", "app", {"off-again": image("team")})
    cluster.wait_running("team-b", ["off-again"])
    assert node.site.calls("sts", ASSUMED) == []
