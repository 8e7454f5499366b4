"""What docs/service-accounts.md shows is what works: each of its examples is used."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from provider.commands import service_account_checks
from provider.commands.service_account_advice import trust_policy
from provider.config.configuration import read_configuration
from provider.node.token_attributes import MANIFEST
from provider.service_account import ACK_ANNOTATION, AUDIENCE, OWN_ANNOTATION
from tests.cloud.policy import permits, well_formed

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/service-accounts.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```\w+ (\w+)\n(.*?)^```$", TEXT, re.M | re.S)


def block(name: str) -> str:
    [found] = [text for kind, text in BLOCKS if kind == name]
    return found


def test_the_trust_policy_is_what_doctor_prints() -> None:
    shown = block("trust")
    [statement] = json.loads(shown)["Statement"]
    conditions = statement["Condition"]["StringEquals"]
    assert conditions["oidc:aud"] == AUDIENCE
    [provider] = statement["Principal"]["Federated"]
    assert trust_policy(conditions["oidc:iss"], provider, conditions["oidc:sub"]) == shown.strip()
    assert provider.endswith(conditions["oidc:iss"].rpartition("/")[2])


@pytest.mark.parametrize(
    ("action", "repository", "permitted"),
    [
        ("cr:GetAuthorizationToken", "", True),
        ("cr:PullRepository", "team-a/app", True),
        ("cr:PullRepository", "team-ab/app", False),
        ("cr:PullRepository", "team-b/app", False),
        ("cr:PushRepository", "team-a/app", False),
    ],
)
def test_the_permissions_are_for_one_namespace(action: str, repository: str, permitted: bool) -> None:
    policy = json.loads(block("permissions"))
    lead = "acs:cr:cn-hangzhou:1234567890123456:repository/cri-0123456789abcdef/"
    assert well_formed(policy)
    assert permits([policy], action, f"{lead}{repository}" if repository else "*") is permitted


def test_the_right_to_ask_for_tokens_is_the_charts() -> None:
    assert list(yaml.safe_load_all(block("rbac"))) == list(yaml.safe_load_all((ROOT / MANIFEST).read_text()))
    assert MANIFEST in TEXT


@pytest.mark.parametrize("example", [text for kind, text in BLOCKS if kind == "configuration"])
def test_the_configurations_are_right(example: str) -> None:
    read = read_configuration(example.encode(), "config.yaml")
    assert read.findings == ()
    assert read.configuration.service_account_roles == "optional"


def test_names_are_spelt_as_the_program_spells_them() -> None:
    for name in (OWN_ANNOTATION, ACK_ANNOTATION, AUDIENCE, "imagePullCredentialsVerificationPolicy"):
        assert name in TEXT
    values: tuple[tuple[str, Any], ...] = (
        ("service-account-roles", ("off", "optional", "required")),
        ("session-policy", ("default", "pull-only", "pull-repository", "none")),
        ("scope", ("configured",)),
        ("service-account-annotation", ("ack",)),
    )
    for key, written in values:
        assert f"`{key}" in TEXT
        for value in written:
            assert read_configuration(f"{key}: {value}\ncompat-secrets: off\n".encode(), "c").findings == ()
            assert f"`{value}`" in TEXT or f"`{key}: {value}`" in TEXT


def test_every_step_of_doctor_is_explained() -> None:
    table = TEXT.partition("## doctor --service-account")[2]
    assert [name for name, _, _ in service_account_checks.STEPS if f"`{name}`" not in table] == []


def test_lines_are_wrapped() -> None:
    assert [line for line in TEXT.splitlines() if len(line) > 120 and not line.startswith("|")] == []
