"""Which domains the kubelet must be told of, and which images its patterns match."""

from pathlib import Path

import pytest

from provider.config.values import Configuration, Instance
from provider.discovery import DOMAINS
from provider.node.domains import known_domains, matching, needed
from provider.node.hosts import personal_hosts
from provider.node.provider_file.entry import PATTERNS
from provider.store import Store

ALPHA = "alpha-registry.cn-hangzhou.cr.aliyuncs.com"

MATCHES = {
    "a label each": ("*.*.cr.aliyuncs.com", ALPHA, "", True),
    "a label too few": ("*.cr.aliyuncs.com", ALPHA, "", False),
    "a piece of a label": ("registry-*.example.com", "registry-vpc.example.com", "", True),
    "a dot is no part of a label": ("*.example.com", "a.b.example.com", "", False),
    "letter case counts": ("registry.example.com", "Registry.example.com", "", False),
    "a port on one side": ("registry.example.com", "registry.example.com:443", "", False),
    "a port on both": ("registry.example.com:8443", "registry.example.com:8443", "", True),
    "another port": ("registry.example.com:8443", "registry.example.com:443", "", False),
    "a path": ("registry.example.com/team", "registry.example.com", "team/app", True),
    "a path is a plain prefix": ("registry.example.com/team", "registry.example.com", "teammate/app", True),
    "another path": ("registry.example.com/team", "registry.example.com", "other/app", False),
    "a scheme": ("https://registry.example.com", "registry.example.com", "a", True),
    "the system images of ACK": ("registry.*.aliyuncs.com", "registry-cn-hangzhou-vpc.ack.aliyuncs.com", "a", False),
}


@pytest.mark.parametrize(("pattern", "host", "repository", "expected"), MATCHES.values(), ids=MATCHES.keys())
def test_patterns_match_as_the_kubelet_matches(pattern: str, host: str, repository: str, expected: bool) -> None:
    assert matching([pattern], host, repository) == ((pattern,) if expected else ())


def test_what_the_patterns_of_acr_match_is_left_out_and_the_rest_is_there_once() -> None:
    domains = [
        "registry.example.com",
        ALPHA,
        "a.b.c.cr.aliyuncs.com",
        "registry.example.com",
        "registry-vpc.cn-x.aliyuncs.com",
    ]
    assert needed(domains) == ("registry.example.com", "a.b.c.cr.aliyuncs.com")


def test_what_the_cloud_told_in_a_day_counts_for_instances_without_domains(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "answers"))
    assert store.prepare()
    told = {"domains": [ALPHA, "told.example.com"], "asked": 1000}
    store.remember("cri-silent", DOMAINS, told, 1000, 86400)
    store.remember("cri-spoken", DOMAINS, told, 1000, 86400)
    configuration = Configuration(
        instances=(
            Instance(instance_id="cri-spoken", domains=("written.example.com",)),
            Instance(instance_id="cri-silent"),
            Instance(),
        )
    )
    assert known_domains(configuration, store, 2000) == ("written.example.com", "told.example.com")
    assert known_domains(configuration, store, 1000 + 86400) == ("written.example.com",)


def test_the_hosts_of_personal_edition_are_those_that_the_patterns_name() -> None:
    hosts = personal_hosts("cn-hangzhou")
    personal = [pattern for pattern in PATTERNS if pattern.startswith("registry")]
    assert [matching(personal, host) for host in hosts] == [(pattern,) for pattern in personal]
