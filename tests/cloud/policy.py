"""RAM policy documents: grammar, actions and resources with wildcards, conditions, principals."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

Document: TypeAlias = Mapping[str, Any]
"""A policy as RAM writes it: `{"Version": "1", "Statement": [{"Effect": …, "Action": …, "Resource": …}]}`."""

Context: TypeAlias = Mapping[str, str | list[str]]
"""What conditions look at, such as `oidc:sub`; a key with several values matches by any of them."""


def allow(actions: Iterable[str], resources: Iterable[str] = ("*",)) -> Document:
    """A permission policy of one statement."""
    return {
        "Version": "1",
        "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}],
    }


def trust(principal: Mapping[str, list[str]], condition: Mapping[str, Mapping[str, Any]] | None = None) -> Document:
    """A trust policy of one statement; `principal` has the keys RAM, Federated or Service."""
    statement: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": dict(principal)}
    if condition:
        statement["Condition"] = condition
    return {"Version": "1", "Statement": [statement]}


def well_formed(document: object) -> bool:
    """Whether STS would take this as a session policy."""
    if not isinstance(document, dict) or document.get("Version") != "1":
        return False
    statements = document.get("Statement")
    if not isinstance(statements, list) or not statements:
        return False
    return all(
        isinstance(statement, dict)
        and statement.get("Effect") in ("Allow", "Deny")
        and _texts(statement.get("Action"))
        and _texts(statement.get("Resource"))
        for statement in statements
    )


def permits(documents: Iterable[Document], action: str, resource: str) -> bool:
    """Whether the policies together allow the action: any Allow, and no Deny."""
    effects = {
        statement["Effect"]
        for document in documents
        for statement in document["Statement"]
        if any(_like(pattern, action, re.IGNORECASE) for pattern in _texts(statement.get("Action")))
        and any(_like(pattern, resource) for pattern in _texts(statement.get("Resource")))
    }
    return effects == {"Allow"}


def trusts(document: Document, principal_kind: str, principal: str, context: Context) -> bool:
    """Whether a trust policy lets the principal in.

    `principal_kind` is RAM, Federated or Service. `acs:ram::UID:root` among the RAM principals stands for every user
    and role of that account.
    """
    return any(
        statement["Effect"] == "Allow"
        and statement["Action"] == "sts:AssumeRole"
        and any(_is_principal(trusted, principal) for trusted in statement["Principal"].get(principal_kind, ()))
        and holds(statement.get("Condition", {}), context)
        for statement in document["Statement"]
    )


def holds(condition: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    """Whether all operators hold for all of their keys. A key that the context lacks does not hold."""
    return all(
        _compare(operator, _texts(context.get(key)), _texts(wanted))
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    )


def _compare(operator: str, given: list[str], wanted: list[str]) -> bool:
    if not given:
        return False
    match operator:
        case "StringEquals":
            return any(value in wanted for value in given)
        case "StringLike":
            return any(_like(pattern, value) for value in given for pattern in wanted)
        case "StringNotEquals":
            return not any(value in wanted for value in given)
        case "StringNotLike":
            return not any(_like(pattern, value) for value in given for pattern in wanted)
        case _:
            raise NotImplementedError(f"condition operator {operator}")


def _is_principal(trusted: str, principal: str) -> bool:
    account = re.fullmatch(r"acs:ram::(\d+):root", trusted)
    return principal.startswith(f"acs:ram::{account[1]}:") if account else trusted.lower() == principal.lower()


def _like(pattern: str, value: str, flags: int = 0) -> bool:
    translated = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(translated, value, flags | re.DOTALL) is not None


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [text for text in value if isinstance(text, str)] if isinstance(value, list | tuple) else []
