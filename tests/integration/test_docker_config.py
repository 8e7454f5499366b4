"""Delivery by the kubelet's config.json: `warm` keeps short-lived entries there, and nothing that has ended."""

import json
import os
import time
from collections.abc import Mapping
from typing import Any

import pytest

from provider.node.docker_config import CHOSEN, Chosen, parse_chosen
from provider.store import Store
from tests.cloud import clients
from tests.cloud.default_world import ALPHA as ALPHA_ID
from tests.integration.node import ALPHA, ALPHA_VPC, PERSONAL, Node
from tests.integration.test_ready_answers import kept

OTHERS = b'{\n\t"auths": {\n\t\t"quay.io": {\n\t\t\t"auth": "dGVhbTpz"\n\t\t}\n\t}\n}\n'


class Delivered:
    """A node whose kubelet has no flags."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.kubelet = node.directory / "kubelet"
        self.kubelet.mkdir()
        self.file = self.kubelet / "config.json"
        self.chosen_file = node.data / CHOSEN
        self.chosen_file.parent.mkdir()

    def choose(self, hosts: Mapping[str, int] | None = None) -> None:
        mode = self.file.stat().st_mode & 0o7777 if self.file.exists() else None
        self.chosen_file.write_bytes(Chosen(str(self.file), mode, hosts or {}).dump())

    @property
    def chosen(self) -> Chosen:
        return parse_chosen(self.chosen_file.read_bytes(), "")

    @property
    def auths(self) -> dict[str, Any]:
        found = json.loads(self.file.read_bytes())["auths"]
        assert isinstance(found, dict)
        return found

    def warm(self, status: int = 0) -> str:
        result = self.node.run(["warm"])
        assert result.status == status, result.stderr
        return result.stderr

    def login(self, host: str) -> int:
        """Return what the registry says to the entry of a host."""
        entry = self.auths[host]
        return clients.login(self.node.cloud, host, entry["username"], entry["password"])


@pytest.fixture
def delivered(node: Node) -> Delivered:
    node.configure(f"acr-registry-info:\n  - instanceId: {ALPHA_ID}\n    domains: {ALPHA},registry.example.com\n")
    return Delivered(node)


def test_without_being_chosen_nothing_is_written(delivered: Delivered) -> None:
    delivered.warm()
    assert not delivered.file.exists()


def test_configured_domains_are_there_with_tokens_that_the_registry_takes(delivered: Delivered) -> None:
    delivered.file.write_bytes(OTHERS)
    delivered.choose()
    said = delivered.warm()
    assert list(delivered.auths) == ["quay.io", ALPHA, "registry.example.com"]
    assert delivered.login(ALPHA) == 200
    assert f"{ALPHA}: put in the kubelet's config.json" in said
    assert delivered.file.stat().st_mode & 0o7777 == 0o600
    assert delivered.chosen_file.stat().st_mode & 0o7777 == 0o600
    assert delivered.chosen.hosts[ALPHA] == kept(delivered.node).end
    delivered.node.no_secret_in(delivered.chosen_file.read_text())


def test_a_second_run_writes_and_asks_nothing(delivered: Delivered) -> None:
    delivered.choose()
    delivered.warm()
    before = [os.stat(path) for path in (delivered.file, delivered.chosen_file)]
    delivered.node.cloud.calls.clear()
    assert delivered.warm() == ""
    after = [os.stat(path) for path in (delivered.file, delivered.chosen_file)]
    assert [(each.st_ino, each.st_mtime_ns) for each in before] == [(each.st_ino, each.st_mtime_ns) for each in after]
    assert list(delivered.node.cloud.calls) == []


def test_the_domains_that_the_cloud_tells_and_personal_edition_and_hosts_asked_before(delivered: Delivered) -> None:
    delivered.node.configure(f"acr-registry-info:\n  - instanceId: {ALPHA_ID}\n  - instanceId: ''\n")
    assert delivered.node.request("alphabet-registry.cn-hangzhou.cr.aliyuncs.com/team/app").auth
    delivered.choose()
    delivered.warm()
    assert {ALPHA, ALPHA_VPC, PERSONAL, "alphabet-registry.cn-hangzhou.cr.aliyuncs.com"} <= delivered.auths.keys()
    assert delivered.login(PERSONAL) == 200


def test_a_token_is_renewed_while_it_is_still_good_for_two_readings(delivered: Delivered) -> None:
    delivered.choose()
    delivered.warm()
    old = delivered.auths[ALPHA]["password"]
    fresh = kept(delivered.node)
    fresh.written, fresh.renew, fresh.end = int(time.time()), int(time.time()) + 1100, int(time.time()) + 1190
    assert Store(str(delivered.node.state / "answers")).write_answer(fresh)
    said = delivered.warm()
    assert delivered.auths[ALPHA]["password"] != old
    assert f"{ALPHA}: renewed in the kubelet's config.json" in said
    assert delivered.chosen.hosts[ALPHA] > time.time() + 1200


def test_a_cloud_that_is_down_leaves_what_is_good_and_what_ends_is_taken_out(delivered: Delivered) -> None:
    delivered.file.write_bytes(OTHERS)
    delivered.choose()
    delivered.warm()
    delivered.node.cloud.faults.set("acr", "status", status=503)
    soon = int(time.time()) + 300
    hosts = {**delivered.chosen.hosts, "registry.example.com": soon}
    delivered.chosen_file.write_bytes(Chosen(str(delivered.file), 0o644, hosts).dump())
    for host in (ALPHA, "registry.example.com"):
        (delivered.node.state / "answers" / f"{host}.json").unlink()
    said = delivered.warm(1)
    assert list(delivered.auths) == ["quay.io", ALPHA]
    assert "registry.example.com: taken out of the kubelet's config.json" in said
    assert delivered.login(ALPHA) == 200


def test_the_file_goes_with_its_last_entry_where_it_was_ours(delivered: Delivered) -> None:
    delivered.choose()
    delivered.warm()
    delivered.node.configure("discovery: off\n")
    for path in (delivered.node.state / "answers").glob("*.json"):
        path.unlink()
    delivered.warm()
    assert not delivered.file.exists()
    assert delivered.chosen.hosts == {}


def test_a_host_of_somebody_elses_is_left_alone_and_named(delivered: Delivered) -> None:
    delivered.file.write_text(json.dumps({"auths": {f"https://{ALPHA}": {"auth": "eDp5"}}}))
    delivered.choose()
    said = delivered.warm()
    assert f"{ALPHA}: left alone" in said
    assert delivered.auths[f"https://{ALPHA}"] == {"auth": "eDp5"}
    assert ALPHA not in delivered.auths
    assert ALPHA not in delivered.chosen.hosts


def test_a_file_that_is_no_json_is_left_alone(delivered: Delivered) -> None:
    delivered.file.write_text("{")
    delivered.choose()
    assert f"{delivered.file}: the kubelet's config.json is not JSON" in delivered.warm(1)
    assert delivered.file.read_text() == "{"


def test_what_is_remembered_is_written_before_the_entry_is(delivered: Delivered) -> None:
    """A run that is cut short in between must not leave an entry that nobody calls ours."""
    delivered.choose()
    delivered.kubelet.chmod(0o700)
    delivered.file.symlink_to(delivered.node.directory / "nowhere" / "config.json")
    delivered.warm(1)
    assert ALPHA in delivered.chosen.hosts
    delivered.file.unlink()
    delivered.warm()
    assert delivered.login(ALPHA) == 200


@pytest.mark.parametrize("needs", ["service-account-roles: required\ncompat-secrets: off", "scope: configured"])
def test_what_is_not_for_every_pod_is_taken_out(needs: str, delivered: Delivered) -> None:
    delivered.choose()
    delivered.warm()
    assert delivered.auths.keys() == {ALPHA, "registry.example.com"}
    node = delivered.node
    node.configure(f"{node.config.read_text()}{needs}\n")
    assert f"{needs.partition(chr(10))[0]} forbids one login for all pods" in delivered.warm(1)
    assert not delivered.file.exists()
