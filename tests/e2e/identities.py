"""Who the node is to the cloud: for each identity, what the node and the cloud must have."""

from collections.abc import Callable, Mapping

from tests.cloud.default_world import ACCOUNT, ALPHA, OTHER_ACCOUNT, PARTNER, REGION
from tests.e2e.node import Node
from tests.e2e.pods import ENTERPRISE
from tests.e2e.site import Site
from tests.integration.test_identities import OIDC_PROVIDER, PULL_ROLE, RRSA_ROLE, instances

Prepare = Callable[[Node], None]
OWN = {"instanceId": ALPHA, "regionId": REGION, "domains": ENTERPRISE}
OTHERS = {"instanceId": PARTNER, "regionId": REGION}
BY_RRSA = {"rrsaRoleARN": RRSA_ROLE, "rrsaOIDCProviderRoleARN": OIDC_PROVIDER}


def configure(node: Node, item: Mapping[str, object], more: str = "") -> None:
    node.configure(instances(item) + more)


def worker_role(node: Node) -> None:
    configure(node, OWN, "token-mode: workerRole\n")


def hardened_metadata(node: Node) -> None:
    node.site.ask("node", mode="hardened")
    worker_role(node)


def managed_role(node: Node) -> None:
    node.site.ask("node", role_name="")
    configure(node, OWN, "token-mode: managedRole\n")
    give_managed_role(node)


def give_managed_role(node: Node) -> None:
    """What the agent puts there, and puts there again after a boot."""
    node.identity("managed-role.json", node.site.ask("managed_role_secret")["text"])


def rrsa(node: Node) -> None:
    node.site.ask("node", role_name="")
    configure(node, OWN | BY_RRSA)
    give_rrsa_token(node)


def give_rrsa_token(node: Node) -> None:
    asked = {"namespace": "kube-system", "name": "aliyun-acr-credential-helper"}
    node.identity("rrsa-token", node.site.ask("service_account_token", **asked)["text"])


def worker_role_of_another_account(node: Node) -> None:
    configure(node, OTHERS | {"assumeRoleARN": PULL_ROLE})


def rrsa_of_another_account(node: Node) -> None:
    node.site.ask("node", role_name="")
    configure(node, OTHERS | BY_RRSA | {"assumeRoleARN": PULL_ROLE})
    give_rrsa_token(node)


def key_pair_of_another_account(node: Node) -> None:
    user = node.site.ask("users")["users"][0]
    key = {"customAccessKey": user["access_key_id"], "customAccessKeySecret": user["access_key_secret"]}
    configure(node, OTHERS | key)


OWN_IDENTITIES: dict[str, tuple[Prepare, str]] = {
    "worker role": (worker_role, f"acs:ram::{ACCOUNT}:role/kubernetesworkerrole-test"),
    "hardened metadata": (hardened_metadata, f"acs:ram::{ACCOUNT}:role/kubernetesworkerrole-test"),
    "managed role": (managed_role, f"acs:ram::{ACCOUNT}:role/aliyuncsmanagedacrrole"),
    "RRSA": (rrsa, f"acs:ram::{ACCOUNT}:role/acr-rrsa"),
}
CROSS_ACCOUNT: dict[str, tuple[Prepare, str]] = {
    "worker role and a role": (worker_role_of_another_account, f"acs:ram::{OTHER_ACCOUNT}:role/acr-pull"),
    "RRSA and a role": (rrsa_of_another_account, f"acs:ram::{OTHER_ACCOUNT}:role/acr-pull"),
    "key pair": (key_pair_of_another_account, f"acs:ram::{OTHER_ACCOUNT}:user/acr-puller"),
}


def askers(site: Site) -> set[str]:
    """The identities that got a token for pulling."""
    calls = site.calls("acr", "GetAuthorizationToken")
    return {call["identity"] for call in calls if call["status"] == 200}
