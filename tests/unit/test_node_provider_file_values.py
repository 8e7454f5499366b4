"""How the kubelet's decoder reads YAML and JSON, and which addresses and durations Go takes."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from provider.node.provider_file import nodes
from provider.node.provider_file.durations import nanoseconds
from provider.node.provider_file.images import image_problem
from provider.node.provider_file.stricter import Refusal
from provider.node.provider_file.values import is_json, read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True), ("n", False), ("On", True), ("oN", "oN"), ("'yes'", "yes"), ("~", None), ("Null", None),
        ("0", 0), ("0x1F", 31), ("-0x1f", -31), ("0b11", 3), ("0o17", 15), ("017", 15), ("08", 8.0), ("1_000", 1000),
        ("+5", 5), ("18446744073709551615", 18446744073709551615), ("18446744073709551616", 18446744073709551616.0),
        ("-9223372036854775809", -9223372036854775809.0), ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("1.", 1.0),
        (".", "."), ("-", ["x"]), ("1.2.3", "1.2.3"), ("2001-01-01", "2001-01-01"), ("12:30:45", "12:30:45"),
        ("1e999", "1e999"), ("0x", "0x"), ("a", "a"), ("=", "="), ("9" * 5000, "9" * 5000), ("12h", "12h"),
    ],
)  # fmt: skip
def test_plain_scalars(text: str, value: Any) -> None:
    content = "- x" if text == "-" else f"key: {text}"
    found = read(content.encode()).value
    found = found if isinstance(found, list) else found["key"]
    assert found == value
    assert type(found) is type(value)


def test_only_the_first_document_counts() -> None:
    assert read(b"---\na: 1\n---\nb: 2\n").value == {"a": 1}
    assert read(b"---\n---\na: 1\n").value is None
    assert read(b"").value is None


@pytest.mark.parametrize("text", ["{", " \n\t{", "\x85{", "\u2003{"])
def test_a_brace_makes_it_json(text: str) -> None:
    assert is_json(text)
    assert not is_json("# c\n" + text)
    assert not is_json("\ufeff" + text)


def test_the_last_of_two_keys_counts_and_is_told() -> None:
    found = read(b"a: 1\nb: 2\na: 3\n")
    assert (found.value, found.repeated) == ({"a": 3, "b": 2}, ["line 3: 'a'"])
    found = read(b'{"a": 1, "b": 2, "a": 3}')
    assert (found.value, found.repeated) == ({"a": 3, "b": 2}, ["'a'"])


def test_merge_keys_stand_where_they_are() -> None:
    found = read(b"k: &k {a: 1, b: 2}\nl: {<<: *k, a: 3}\nm: {a: 3, <<: *k}\n")
    assert found.value == {"k": {"a": 1, "b": 2}, "l": {"a": 3, "b": 2}, "m": {"a": 1, "b": 2}}
    assert len(found.repeated) == 2
    # The first of several counts most.
    assert read(b"x: {<<: [{a: 1}, {a: 2, b: 2}]}").value == {"x": {"a": 1, "b": 2}}
    assert read(b"x: {'<<': 1}").value == {"x": {"<<": 1}}


def test_keys_become_text() -> None:
    assert read(b"{}\n").value == {}
    assert read(b"yes: a\n12: b\n0x10: c\n").value == {"true": "a", "12": "b", "16": "c"}


@pytest.mark.parametrize(
    "text",
    [
        "a: {1: x, '1': y}", "~: x", "18446744073709551615: x", "[a]: x", "{a: b}: x", "x: {<<: [1]}", "x: {<<: a}",
        "x: &x {<<: *x}", "x: *y", "x: !!str y", "x: !y z", "a: b: c", '{"a": NaN}', '{"a": 1,}', '"\\ud800"',
        "a: \x01", "[a?]", "{a:[b]}", "%YAML 1.1\n--- a", "a: \ufeff", "a: b\n\tc: d",
    ],
)  # fmt: skip
def test_what_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(Refusal):
        read(text.encode())


def test_without_libyaml_the_same_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "---\na: &a [1, 'b', {c: d}] # e\nf: *a\ng: |\n  h\n\ni: >-\n  j\n  k\n"
    with_libyaml = nodes.compose(text)
    monkeypatch.setattr(nodes, "LOADER", yaml.SafeLoader)
    assert nodes.compose(text) == with_libyaml


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read(text.encode(errors="surrogatepass"))
    except Refusal as refused:
        assert str(refused)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0), ("0s", 0), ("-0s", 0), ("1h2m.5s", 3_720_500_000_000), ("1us", 1000), ("1µs", 1000), ("1μs", 1000),
        ("1.s", 10**9), ("+1ns", 1), ("-1h", -3600 * 10**9), ("2562047h47m16.854775807s", (1 << 63) - 1),
        ("2562047h47m16.854775808s", None), ("", None), (".", None), (".s", None), ("1", None), ("1d", None),
        ("1 s", None), ("s", None), ("1s ", None), ("--1s", None), ("1h-1s", None), ("1e3s", None),
        ("9" * 50 + "h", None),
    ],
)  # fmt: skip
def test_durations(text: str, expected: int | None) -> None:
    assert nanoseconds(text) == expected


def test_the_problem_of_an_image_names_the_way_out() -> None:
    assert image_problem("registry.example.com:5000/team/*") == ""
    assert (
        image_problem("a.io:http")
        == "'http' is no port; right form: registry.example.com, with :PORT and /PATH if needed"
    )
