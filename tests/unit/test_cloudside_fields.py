from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.cloud.attempts import CallFailed
from provider.cloud.fields import Fields

GOOD: list[tuple[str, object, object]] = [
    ("text", "cr_temp_user", "cr_temp_user"),
    ("milliseconds", 1700000000123, 1700000000.123),
    ("milliseconds", "1700000000123", 1700000000.123),
    ("time", "2024-01-02T03:04:05Z", 1704164645.0),
    ("number", 7, 7),
    ("number", "7", 7),
    ("is_true", True, True),
    ("is_true", "true", True),
    ("is_true", "false", False),
    ("is_true", 1, False),
    ("is_true", None, False),
    ("items", None, []),
]

BAD: list[tuple[str, object]] = [
    ("text", None),
    ("text", ""),
    ("text", 7),
    ("text", "two words"),
    ("text", "a\nb"),
    ("text", "a" * 70000),
    ("milliseconds", None),
    ("milliseconds", True),
    ("milliseconds", 1700000000),  # seconds
    ("milliseconds", 1.7e12),
    ("milliseconds", "soon"),
    ("milliseconds", "٣" * 13),
    ("milliseconds", 10**30),
    ("time", 1700000000),
    ("time", "tomorrow"),
    ("number", -1),
    ("number", True),
    ("inner", []),
    ("items", "text"),
    ("items", ["text"]),
]


@pytest.mark.parametrize(("method", "value", "expected"), GOOD)
def test_good_values(method: str, value: object, expected: object) -> None:
    assert getattr(Fields({"Name": value}, "source"), method)("Name") == expected


@pytest.mark.parametrize(("method", "value"), BAD)
def test_bad_values_fail_without_being_quoted(method: str, value: object) -> None:
    with pytest.raises(CallFailed) as raised:
        getattr(Fields({"Name": value}, "GetThing at host"), method)("Name")
    assert str(raised.value) == "the answer of GetThing at host has no usable Name"


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(anything, st.sampled_from(["text", "milliseconds", "time", "number", "inner", "items", "is_true", "has"]))
def test_nothing_but_the_named_error_comes_out(value: Any, method: str) -> None:
    for values in (value, {"Name": value}):
        try:
            getattr(Fields(values, "source"), method)("Name")
        except CallFailed as error:
            assert error.message == "the answer of source has no usable Name"
