"""A config.yaml that a person wrote: kept while the ConfigMap counts, and given back."""

import hashlib
import os
from pathlib import Path

import pytest

from provider.agent.configuration import Outcome, take_configuration_back
from provider.agent.node_config_file import ConfigFile
from provider.kubernetes.configuration_text import render
from provider.node.files import Tree
from tests.unit.configured_node import GOOD, OTHER, PERSONS, WRONG, Node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_a_persons_file_counts_where_there_is_no_configmap(node: Node) -> None:
    node.write(PERSONS)
    before = node.stat()
    outcome = node.put()
    assert outcome.state == "absent"
    assert f"{node.config}, which a person wrote, counts" in outcome.detail
    assert node.stat() == before
    assert node.names() == ["config.yaml"]


def test_a_persons_file_comes_back_byte_for_byte(node: Node) -> None:
    node.write(PERSONS, 0o640)
    group = os.getegid() if os.geteuid() else 12
    os.chown(node.config, -1, group)
    os.utime(node.config, ns=(5, 7))
    assert node.put(GOOD) == Outcome("in step")
    assert node.namespaces() == ("default", "team-a")
    assert node.config.stat().st_mode & 0o777 == 0o600
    assert node.put(OTHER) == Outcome("in step")
    assert Path(f"{node.config}.before-agent").read_bytes() == PERSONS
    assert node.put({}).state == "absent"
    found = node.config.stat()
    assert node.config.read_bytes() == PERSONS
    assert (found.st_mode & 0o777, found.st_gid, found.st_mtime_ns) == (0o640, group, 7)
    assert node.names() == ["config.yaml"]


def test_a_link_that_a_person_made_comes_back_as_a_link(node: Node) -> None:
    (node.folder / "elsewhere.yaml").write_bytes(PERSONS)
    node.config.parent.mkdir()
    node.config.symlink_to("../elsewhere.yaml")
    assert node.put(GOOD) == Outcome("in step")
    assert not node.config.is_symlink()
    assert (node.folder / "elsewhere.yaml").read_bytes() == PERSONS
    node.put({})
    assert os.readlink(node.config) == "../elsewhere.yaml"


def test_a_persons_file_stays_in_force_while_the_configmap_is_wrong(node: Node) -> None:
    node.write(PERSONS)
    before = node.stat()
    assert node.put(WRONG).state == "wrong"
    assert node.stat() == before
    node.put({})
    assert node.names() == ["config.yaml"]


def test_what_is_changed_by_hand_under_a_configmap_is_put_right_and_does_not_come_back(node: Node) -> None:
    node.put(GOOD)
    with node.config.open("a") as file:
        file.write("  acr-api-version: x\n")
    assert node.put() == Outcome("in step")
    assert "acr-api-version" not in node.config.read_text()
    node.put({})
    assert node.names() == []


def test_a_file_of_a_persons_own_under_a_configmap_is_kept(node: Node) -> None:
    node.put(GOOD)
    node.write(PERSONS)
    assert node.put() == Outcome("in step")
    assert node.namespaces() == ("default", "team-a")
    node.put({})
    assert node.config.read_bytes() == PERSONS


def test_the_agents_own_file_is_known_after_a_cut_between_two_steps(node: Node) -> None:
    """The checksums are written first: cut after that, what is in force is still ours."""
    node.put(GOOD)
    good = node.config.read_bytes()
    node.put(OTHER)
    node.write(good.replace(b"# ConfigMap", b"# An older head of ours"), 0o600)
    mark = node.config.parent / ".config.yaml.agent"
    mark.write_text(f"{hashlib.sha256(node.config.read_bytes()).hexdigest()}\n{'0' * 64}\n")
    assert node.put() == Outcome("in step")
    assert node.names() == [".config.yaml.agent", "config.yaml"]


@pytest.mark.parametrize("then", [GOOD, {}])
def test_a_cut_after_a_persons_file_was_kept_loses_nothing(node: Node, then: dict[str, str]) -> None:
    node.write(PERSONS)
    os.link(node.config, f"{node.config}.before-agent")
    node.put(then)
    assert ".before-agent.new" not in "".join(node.names())
    node.put({})
    assert node.config.read_bytes() == PERSONS
    assert node.names() == ["config.yaml"]


def test_taking_back_brings_the_persons_file_or_nothing(node: Node) -> None:
    take_configuration_back(node.own)
    node.put(GOOD)
    take_configuration_back(node.own)
    assert node.names() == []
    node.write(PERSONS)
    node.put(GOOD)
    take_configuration_back(node.own)
    take_configuration_back(node.own)
    assert node.names() == ["config.yaml"]
    assert node.config.read_bytes() == PERSONS


def test_the_charts_token_mode_leaves_a_persons_file_alone(node: Node) -> None:
    node.token_mode = "managedRole"
    node.write(PERSONS)
    node.put({})
    assert node.config.read_bytes() == PERSONS
    node.put(GOOD)
    node.put({})
    assert node.config.read_bytes() == PERSONS


def test_the_file_is_the_trees_own_where_its_links_lead_in_it(tmp_path: Path) -> None:
    """As a container has the host's: what an absolute link names is the host's as well."""
    host = tmp_path / "host"
    (host / "data/acr").mkdir(parents=True)
    (host / "disk").symlink_to("/data")
    (host / "etc").mkdir()
    (host / "etc/acr").symlink_to("/disk/acr")
    own = ConfigFile("/etc/acr/config.yaml", Tree(str(host)))
    seen = []

    def good(path: str, content: bytes) -> None:
        seen.append((path, Path(path).read_bytes() == content))

    folder = host / "data/acr"
    (folder / "config.yaml").write_bytes(PERSONS)
    own.put(render(GOOD), good)
    assert seen == [(f"{folder}/config.yaml.refused", True)]
    assert (folder / "config.yaml").read_bytes() == render(GOOD)
    assert (folder / "config.yaml.before-agent").read_bytes() == PERSONS
    own.take_back()
    assert os.listdir(folder) == ["config.yaml"]
    assert (folder / "config.yaml").read_bytes() == PERSONS
