"""An identity that cannot be had: an error that says why, and no other identity in its place."""

from collections.abc import Callable

import pytest

from tests.integration.node import ALPHA, Node
from tests.integration.test_identities import ALPHA_ID, OIDC_PROVIDER, RRSA_ROLE, identities_of, instances, rrsa

MISSING = {
    "no role on the node": (
        lambda node: setattr(node.cloud.world.node, "role_name", ""),
        "no RAM role",
    ),
    "managed role's file is missing": (lambda node: node.configure("token-mode: managedRole\n"), "managed-role.json"),
    "managed role's session has ended": (
        lambda node: (
            node.configure("token-mode: managedRole\n"),
            node.identity("managed-role.json", node.cloud.make.managed_role_secret(seconds=-10)),
        ),
        "ended",
    ),
    "managed role's own error": (
        lambda node: (
            node.configure("token-mode: managedRole\n"),
            node.identity(
                "managed-role.json",
                node.cloud.make.managed_role_secret(error=("EntityNotExist.Role", "The role does not exist")),
            ),
        ),
        "EntityNotExist.Role",
    ),
    "RRSA token's file is missing": (
        lambda node: node.configure(
            instances(
                {"instanceId": ALPHA_ID, "rrsaRoleARN": RRSA_ROLE, "rrsaOIDCProviderRoleARN": OIDC_PROVIDER},
            )
        ),
        "rrsa-token",
    ),
}


@pytest.mark.parametrize(("prepare", "named"), MISSING.values(), ids=MISSING.keys())
def test_a_missing_session_is_an_error_and_no_reason_for_another_identity(
    prepare: Callable[[Node], object], named: str, node: Node
) -> None:
    prepare(node)
    assert named in node.request(f"{ALPHA}/team/app").refusal
    assert identities_of(node) == set()


WRONG_TOKENS = {
    "audience": {"audience": "https://kubernetes.default.svc"},
    "expired": {"seconds": -1},
    "stranger's key": {"stranger": True},
    "issuer": {"issuer": "https://evil.example"},
}


@pytest.mark.parametrize("change", WRONG_TOKENS.values(), ids=WRONG_TOKENS.keys())
def test_a_wrong_token_is_refused_and_not_shown(change: dict[str, object], node: Node) -> None:
    rrsa(node)
    make = node.cloud.make.service_account_token
    node.identity("rrsa-token", make("kube-system", "aliyun-acr-credential-helper", **change))  # type: ignore[arg-type]
    assert "RequestId" in node.request(f"{ALPHA}/team/app").refusal


def test_a_role_that_does_not_trust_the_service_account_is_named(node: Node) -> None:
    rrsa(node)
    node.identity("rrsa-token", node.cloud.make.service_account_token("team-b", "default"))
    assert RRSA_ROLE in node.request(f"{ALPHA}/team/app").refusal
