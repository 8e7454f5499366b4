"""Three teams of a cluster: two with a RAM role of their own, and one without."""

from provider.places import PROGRAM
from provider.service_account import OWN_ANNOTATION
from tests.cloud.default_world import ACCOUNT, TEAM_A_ROLE, TEAM_B_ROLE
from tests.e2e.control_plane import ControlPlane
from tests.e2e.node import Node
from tests.e2e.pods import ENTERPRISE

TEAM_A, TEAM_B = ({OWN_ANNOTATION: f"acs:ram::{ACCOUNT}:role/{role}"} for role in (TEAM_A_ROLE, TEAM_B_ROLE))
"""The annotations of their ServiceAccounts `app`."""
ASSUMED = "AssumeRoleWithOIDC"
OFF = "token-mode: workerRole\n"
OPTIONAL = OFF + "service-account-roles: optional\n"
REQUIRED = OFF + "service-account-roles: required\ncompat-secrets: off\n"
SCOPED = OFF + "scope: configured\nwatch-namespace: team-c\nservice-account: app\n"
PROVIDER_FILE = f"/etc/{PROGRAM}/CredentialProviderConfig.yaml"
REFUSED_SECONDS = 60


def image(team: str, name: str = "app") -> str:
    """An image that the team alone may pull with its role; `team`: one that no team may."""
    return f"{ENTERPRISE}/{team}/{name}:v1"


def move_in(cluster: ControlPlane) -> None:
    """Make the teams' ServiceAccounts."""
    cluster.service_account("team-a", "app", TEAM_A)
    cluster.service_account("team-b", "app", TEAM_B)
    cluster.service_account("team-c", "app")


def refused(node: Node, words: str) -> None:
    """Wait until the kubelet says why a pod got nothing."""
    node.wait(lambda: words in node.journal(), REFUSED_SECONDS, f"the kubelet to say: {words}")
