"""The kept form of the configuration: what was dumped comes back, and nothing else does."""

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.config import resolved
from provider.config.values import AccessKey, Configuration, Endpoints, Instance, Local, Rrsa, Webhook

INSTANCES = st.builds(Instance, domains=st.lists(st.text()).map(tuple), access_key=st.none())
CONFIGURATIONS = st.builds(
    Configuration,
    instances=st.lists(INSTANCES, max_size=3).map(tuple),
    rrsa=st.builds(Rrsa, enable=st.none() | st.booleans()),
    webhook=st.builds(Webhook),
)
LOCALS = st.builds(Local, endpoints=st.builds(Endpoints))
FULL = Configuration(
    instances=(Instance("cri-1", "cn-hangzhou", ("a.com",), "r", 900, "x", "y", "z"), Instance()),
    rrsa=Rrsa(True, "r", "p"),
    watch_namespaces=("a", "b"),
)


@given(CONFIGURATIONS, LOCALS, st.lists(st.text()).map(tuple))
def test_round_trip(configuration: Configuration, local: Local, unknown: tuple[str, ...]) -> None:
    dumped = json.loads(json.dumps(resolved.dump(configuration, local, unknown)))
    assert resolved.parse(dumped) == (configuration, local, unknown)


def test_a_key_pair_is_never_dumped() -> None:
    with_pair = replace(FULL, instances=(*FULL.instances, Instance(access_key=AccessKey("a", "b"))))
    assert resolved.dump(FULL, Local(), ()) is not None
    assert resolved.dump(with_pair, Local(), ()) is None


def _dumped() -> Any:
    return json.loads(json.dumps(resolved.dump(FULL, Local(), ("f:1: a: b",))))


def _change(path: tuple[str | int, ...], value: object) -> Any:
    dumped = _dumped()
    inner = dumped
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return dumped


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), resolved.VERSION + 1),
        (("version",), True),
        (("more",), 1),
        (("unknown",), "text"),
        (("unknown",), [1]),
        (("local",), None),
        (("local", "more"), ""),
        (("configuration", "more"), 1),
        (("configuration", "token_mode"), "Auto"),
        (("configuration", "discovery"), 1),
        (("configuration", "expiring_threshold"), True),
        (("configuration", "expiring_threshold"), 900.0),
        (("configuration", "instances"), {}),
        (("configuration", "instances", 0), []),
        (("configuration", "instances", 0, "domains"), ["a", None]),
        (("configuration", "instances", 0, "access_key"), {"access_key_id": "a"}),
        (("configuration", "rrsa", "enable"), "true"),
        (("configuration", "webhook", "timeout_seconds"), "10"),
    ],
)
def test_anything_else_is_as_if_absent(path: tuple[str | int, ...], value: object) -> None:
    assert resolved.parse(_dumped()) is not None
    assert resolved.parse(_change(path, value)) is None


@pytest.mark.parametrize("name", ["version", "configuration", "local", "unknown"])
def test_a_missing_part_is_as_if_absent(name: str) -> None:
    dumped = _dumped()
    del dumped[name]
    assert resolved.parse(dumped) is None


def test_a_missing_field_is_as_if_absent() -> None:
    dumped = _dumped()
    del dumped["configuration"]["scope"]
    assert resolved.parse(dumped) is None


PARTS = st.sampled_from(["version", "configuration", "local", "unknown", "x"])
LEAVES = st.none() | st.booleans() | st.integers() | st.text()


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(PARTS, inner)))
def test_foreign_values_are_as_if_absent(value: object) -> None:
    assert resolved.parse(value) is None


@pytest.mark.parametrize(
    "program",
    [
        "from provider.config import resolved",
        "from provider.config.load import load; load('/nonexistent/a', '/nonexistent/b')",
        "from provider.commands import config",
    ],
)
def test_neither_yaml_nor_pydantic_is_imported_without_need(program: str) -> None:
    code = f"import sys; {program}; print(sorted(sys.modules.keys() & {{'yaml', 'pydantic'}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
