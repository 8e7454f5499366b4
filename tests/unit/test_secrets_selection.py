"""Which namespaces and ServiceAccounts are served."""

from dataclasses import replace
from typing import Any

import pytest

from provider.secrets.desired import Desired
from provider.secrets.selection import NONE, Selection, read, select, wanted_of


def test_names_select_themselves_and_the_word_for_all_selects_all() -> None:
    some = select(("default", "team"), "all")
    assert "team" in some and "teams" not in some and "all" not in some
    everything = select(("default", "all"), "all")
    assert "anything" in everything


@pytest.mark.parametrize(
    ("selection", "text"),
    [
        (select(("b", "a", "b"), "*"), "a,b"),
        (select(("a", "*"), "*"), "*"),
        (NONE, ""),
    ],
)
def test_a_selection_is_read_as_it_was_written(selection: Selection, text: str) -> None:
    assert str(selection) == text
    assert read(text) == selection


def test_where_there_are_to_be_no_secrets_no_namespace_is_selected() -> None:
    wanted = wanted_of(Desired(False, ("all",), ("*",), takeover=True, content=None))
    assert "default" not in wanted.namespaces
    # A Secret that is there says itself whose entries have to go.
    assert "default" in wanted.service_accounts


@pytest.mark.parametrize("told", [{"replaces": False}, {"is_in_time": False}, {"is_refused": True}])
def test_what_is_said_of_the_tokens_is_passed_on(told: dict[str, Any]) -> None:
    plain = Desired(True, ("all",), ("*",), takeover=False, content=None)
    assert wanted_of(replace(plain, **told)) == replace(wanted_of(plain), **told) != wanted_of(plain)


def test_a_service_account_called_all_is_no_word_for_all() -> None:
    wanted = wanted_of(Desired(True, ("*",), ("all",), takeover=False, content=None))
    assert "default" not in wanted.namespaces
    assert "default" not in wanted.service_accounts
