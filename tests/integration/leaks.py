"""Secrets by their parts: a text that is cut short quotes a secret as well."""

from tests.integration.node import Node

PART = 12
"""Characters; long enough that none is met by chance."""


def no_part_of_a_secret_in(node: Node, text: str) -> None:
    """Fail where the text holds any twelve characters of a secret in a row."""
    secrets = [secret for secret in node.cloud.secrets() if len(secret) >= PART]
    assert secrets, "the cloud has no secrets to look for"
    parts = {secret[at : at + PART] for secret in secrets for at in range(len(secret) - PART + 1)}
    shown = {text[at : at + PART] for at in range(len(text) - PART + 1)}
    assert not parts & shown, f"{len(parts & shown)} parts of secrets in the output"
