"""The kubelet's provider file at the top of the tree."""

import fnmatch
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from provider.kubelet import API_VERSIONS
from provider.places import PROGRAM, parse_options
from provider.registries import EnterpriseHost, PasswordOnlyHost, classify

FILE = Path(__file__).parents[2] / "CredentialProviderConfig.yaml"


@pytest.fixture(scope="module")
def provider() -> dict[str, Any]:
    config = yaml.safe_load(FILE.read_text())
    assert (config["apiVersion"], config["kind"]) == ("kubelet.config.k8s.io/v1", "CredentialProviderConfig")
    (only,) = config["providers"]
    assert isinstance(only, dict)
    return only


def matches(pattern: str, host: str) -> bool:
    """The kubelet's rule: the same port or none, the same number of labels, each by its own glob."""
    (pattern, _, pattern_port), (host, _, port) = pattern.partition(":"), host.partition(":")
    labels = list(zip(pattern.split("."), host.split("."), strict=False))
    same_length = pattern.count(".") == host.count(".")
    return pattern_port == port and same_length and all(fnmatch.fnmatchcase(b, a) for a, b in labels)


def test_fields_are_those_that_every_version_of_the_kubelet_knows(provider: dict[str, Any]) -> None:
    assert provider.keys() == {"name", "apiVersion", "matchImages", "defaultCacheDuration"}
    assert provider["name"] == PROGRAM
    assert provider["apiVersion"] == API_VERSIONS[0]
    assert provider["defaultCacheDuration"] == "0s"


def test_patterns_have_only_characters_that_every_kubelet_takes(provider: dict[str, Any]) -> None:
    assert provider["matchImages"]
    assert all(re.fullmatch(r"[a-z0-9*.-]+(:\d+)?", pattern) for pattern in provider["matchImages"])
    assert len(set(provider["matchImages"])) == len(provider["matchImages"])


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("alpha-registry.cn-hangzhou.cr.aliyuncs.com", True),
        ("alpha-registry-vpc.cn-hangzhou.cr.aliyuncs.com", True),
        ("alpha-registry-vpc.distributed.cn-hangzhou.cr.aliyuncs.com", True),
        ("alpha-registry-vpc.distributed.cn-hangzhou.cr.aliyuncs.com:65002", True),
        ("registry.cn-hangzhou.aliyuncs.com", True),
        ("registry-vpc.cn-hangzhou.aliyuncs.com", True),
        ("registry-internal.cn-hangzhou.aliyuncs.com", True),
        ("registry-intl.ap-southeast-1.aliyuncs.com", True),
        ("registry-intl-vpc.ap-southeast-1.aliyuncs.com", True),
        ("registry-cn-hangzhou-vpc.ack.aliyuncs.com", False),
        ("registry-cn-hangzhou.ack.aliyuncs.com", False),
        ("crpi-abc123.cn-hangzhou.personal.cr.aliyuncs.com", False),
        ("docker.io", False),
        ("registry.example.com", False),
    ],
)
def test_the_kubelet_asks_for_what_is_ours(host: str, expected: bool, provider: dict[str, Any]) -> None:
    assert any(matches(pattern, host) for pattern in provider["matchImages"]) is expected
    if expected:
        kind = classify(host.partition(":")[0])
        assert kind is not None
        assert not isinstance(kind, PasswordOnlyHost)
        assert not isinstance(kind, EnterpriseHost) or kind.region


def test_the_options_that_the_comments_show_exist() -> None:
    options = re.findall(r"#   - (--[a-z-]+=\S+)", FILE.read_text())
    assert len(options) >= 2
    assert parse_options(options) is not None
