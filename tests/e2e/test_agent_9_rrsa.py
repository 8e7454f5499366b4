"""RRSA through the agent: each pod of ours has a token of its own, which the cloud takes for a role, and images run."""

import base64
import json
from typing import Any

from provider.kubernetes.names import SYSTEM_NAMESPACE
from provider.places import PROGRAM
from tests.e2e.chart import Chart
from tests.e2e.cluster_of_two import NODES, ClusterOfTwo
from tests.e2e.identities import askers
from tests.e2e.node import Node
from tests.e2e.parts import Parts
from tests.e2e.scenarios import BOTH_EDITIONS, pull_on_each, take_plugin_away, wait_served
from tests.e2e.teams import ASSUMED
from tests.integration.test_identities import OIDC_PROVIDER, RRSA_ROLE

BY_RRSA = {
    **BOTH_EDITIONS,
    "rrsa": f"enable: true\nrrsaRoleARN: {RRSA_ROLE}\noidcProviderARN: {OIDC_PROVIDER}\n",
}
# The role trusts the agent, and the incumbent, whose name the writer can have when that one is not there.
WRITER = {"secrets": {"serviceAccountName": "aliyun-acr-credential-helper"}}


def test_tokens_of_agent_and_writer(two: ClusterOfTwo, parts: Parts) -> None:
    chart = Chart(parts, two)
    # Nobody has another identity.
    two.site.ask("node", role_name="")
    two.configure({**BY_RRSA, "compat-secrets": "off"})
    chart.install(WRITER)
    chart.wait_ready()
    chart.wait_rolled_out()
    for name, node in zip(NODES, two.nodes, strict=True):
        token = token_of(node)
        assert token["aud"] == ["sts.aliyuncs.com"]
        assert token["sub"] == f"system:serviceaccount:{SYSTEM_NAMESPACE}:{PROGRAM}"
        assert token["kubernetes.io"]["node"]["name"] == name
    pull_on_each(two, "by-nodes")
    assert two.site.calls("sts", ASSUMED)
    assert askers(two.site) == {RRSA_ROLE}

    two.configure(BY_RRSA)
    wait_served(two, "default")
    for node in two.nodes:
        take_plugin_away(node)
    pull_on_each(two, "by-secrets")
    assert askers(two.site) == {RRSA_ROLE}


def token_of(node: Node) -> dict[str, Any]:
    """What is in the token that the node has from its agent."""
    payload = node.run(f"cat /run/{PROGRAM}/identities/rrsa-token").split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims
