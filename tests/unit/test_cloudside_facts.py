import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.cloud.facts import NOTHING_KNOWN, NodeFacts, facts_of


@pytest.mark.parametrize("facts", [NOTHING_KNOWN, NodeFacts("cn-hangzhou", "role", True), NodeFacts("", "role")])
def test_facts_are_read_as_they_were_kept(facts: NodeFacts) -> None:
    assert facts_of(json.loads(json.dumps(facts))) == facts


@pytest.mark.parametrize(
    "value", [None, {}, [], ["cn-hangzhou", "role"], ["evil.example/x?", "", False], ["cn-a", "", 1]]
)
def test_anything_else_is_no_fact(value: object) -> None:
    assert facts_of(value) is NOTHING_KNOWN


@given(st.lists(st.none() | st.booleans() | st.text(), max_size=4))
def test_any_list_is_facts_or_none(value: list[object]) -> None:
    assert isinstance(facts_of(value), NodeFacts)
