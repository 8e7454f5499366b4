from pathlib import Path
from typing import Any

import pytest
import yaml

from provider.errors import ProviderError
from provider.node.kubelet_version import Version
from provider.node.provider_file.checks import check
from provider.node.provider_file.entry import (
    PATTERNS,
    Entry,
    TokenAttributes,
    block_lines,
    entry_from,
    fields,
    match_images,
    own_file,
    quoted,
)
from provider.node.provider_file.values import read
from provider.places import PROGRAM

ROOT = Path(__file__).parents[2]
NEWEST = Version(1, 37, 2)
TOKENS = TokenAttributes("sts.aliyuncs.com", False, "ServiceAccount", (), ("example.com/role-arn", "other"))
FULL = Entry(
    match_images(("registry.example.com", "registry.example.com:5000/team")),
    args=("--config=/etc/a b.yaml", "yes", "", "- x", "# y", "é\x85\u2028\ufeff😀", "12:30"),
    env=(("HTTPS_PROXY", "http://proxy.example.com:3128"), ("EMPTY", "")),
    token_attributes=TOKENS,
)


def test_the_example_in_the_repository_has_the_same_patterns() -> None:
    example = yaml.safe_load((ROOT / "CredentialProviderConfig.yaml").read_text())
    assert [fields(Entry(PATTERNS), NEWEST)] == example["providers"]


def test_domains_come_behind_the_patterns_each_once() -> None:
    images = match_images(["b.example.com", "a.example.com", "b.example.com", PATTERNS[0]])
    assert images == (*PATTERNS, "b.example.com", "a.example.com")


@pytest.mark.parametrize("domain", ["a b.io", "https://a.io", "a.io:port", "", "ä.io", "a.io\n", "[::1]", "a?.io"])
def test_domains_that_some_kubelet_may_refuse(domain: str) -> None:
    with pytest.raises(ProviderError, match="cannot stand in matchImages"):
        match_images([domain])


@pytest.mark.parametrize(
    ("minor", "api"), [(24, "v1beta1"), (25, "v1beta1"), (26, "v1"), (33, "v1"), (34, "v1"), (37, "v1"), (99, "v1")]
)
def test_every_kubelet_starts_with_our_own_file(minor: int, api: str) -> None:
    version = Version(1, minor, 0)
    content = own_file(Entry(match_images(()), args=("--config=/x",)), version)
    assert check(content, "f", version) == []
    found = yaml.safe_load(content)
    assert found["apiVersion"] == f"kubelet.config.k8s.io/{api}"
    assert found["providers"][0]["apiVersion"] == f"credentialprovider.kubelet.k8s.io/{api}"
    assert content.startswith(f"# The kubelet's provider file, written by `{PROGRAM} install`".encode())


def test_what_the_kubelet_would_refuse_is_not_made() -> None:
    with pytest.raises(ProviderError, match=r"kubelet 1\.33\.9 would not start with our provider file: .*gate"):
        own_file(FULL, Version(1, 33, 9))
    with pytest.raises(ProviderError, match="does not run credential providers"):
        own_file(Entry(PATTERNS), Version(1, 23, 0))


def test_what_is_written_is_read_back() -> None:
    (found,) = read(own_file(FULL, NEWEST)).value["providers"]
    assert found == fields(FULL, NEWEST)
    assert entry_from(found, "f") == FULL


@pytest.mark.parametrize(("gap", "nested"), [(2, 2), (2, 0), (4, 0), (4, 4), (2, 4), (3, 1)])
@pytest.mark.parametrize("dash", ["", "  "])
def test_every_indentation_is_the_same_to_readers(dash: str, gap: int, nested: int) -> None:
    lines = list(block_lines(FULL, NEWEST, dash=dash, gap=gap, nested=nested))
    assert lines[0].startswith(f"{dash}-{' ' * (gap - 1)}name: ")
    assert read(("providers:\n" + "\n".join(lines)).encode()).value == {"providers": [fields(FULL, NEWEST)]}


def test_json_that_is_yaml_too() -> None:
    text = quoted(fields(FULL, NEWEST))
    assert yaml.safe_load(text) == fields(FULL, NEWEST) == read(text.encode()).value


@pytest.mark.parametrize(
    "found",
    [{"matchImages": "x"}, {"args": {}}, {"env": ["x"]}, {"env": [{"name": "x"}]}, {"env": 1}, {"tokenAttributes": 1}],
)
def test_an_entry_of_another_form(found: dict[str, Any]) -> None:
    with pytest.raises(ProviderError, match="f: the entry aliyun-acr-credential-provider is malformed"):
        entry_from(found, "f")
