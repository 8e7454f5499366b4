"""The node's config.yaml in step with the ConfigMap: what comes into force, and what stays."""

from pathlib import Path

import pytest

from provider.agent.configuration import Checks, Outcome, put_configuration
from provider.config.load import load
from provider.own_program import NOT_IN_TIME, Done, run_own
from tests.unit.configured_node import GOOD, OTHER, WRONG, Node

KEY = "a-secret-key-of-a-user"


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_what_the_configmap_says_comes_into_force(node: Node) -> None:
    assert node.put(GOOD) == Outcome("in step")
    assert node.namespaces() == ("default", "team-a")
    assert node.config.stat().st_mode & 0o777 == 0o600
    assert node.put(OTHER) == Outcome("in step")
    assert "watch-namespace: all" in node.config.read_text()
    assert node.names() == [".config.yaml.agent", "config.yaml"]


def test_what_is_there_already_is_not_written_again(node: Node) -> None:
    node.put(GOOD)
    before = node.stat()
    assert node.put() == Outcome("in step")
    again = Node.__new__(Node)
    again.__dict__ |= node.__dict__ | {"checks": Checks()}
    assert again.put(dict(GOOD)) == Outcome("in step")
    assert node.stat() == before


def test_what_is_wrong_leaves_the_last_good_one(node: Node) -> None:
    node.put(GOOD)
    before = node.stat()
    outcome = node.put(WRONG)
    assert (outcome.state, outcome.fault) == ("wrong", "configuration")
    lines = outcome.detail.splitlines()
    assert lines[0] == "ConfigMap kube-system/acr-configuration is wrong:"
    assert lines[1].startswith("line 5: expiring-threshold: is not a duration")
    assert lines[4:] == ["and 1 more", "(lines of config.yaml.refused on the node)"]
    assert node.stat() == before
    assert "watch-namespaces" in Path(f"{node.config}.refused").read_text()
    assert Path(f"{node.config}.refused").stat().st_mode & 0o777 == 0o600
    assert node.put(GOOD) == Outcome("in step")
    assert node.stat() == before
    assert node.names() == [".config.yaml.agent", "config.yaml"]


def test_an_unknown_key_is_refused_too(node: Node) -> None:
    outcome = node.put({**GOOD, "watch-namspace": "all"})
    assert outcome.fault == "configuration"
    assert "watch-namspace: is no key that we know" in outcome.detail
    assert node.namespaces() is None


def test_no_value_is_told_of_what_is_wrong(node: Node) -> None:
    items = f"- instanceId: cri-a\n  customAccessKey: {KEY}\n  customAccessKeySecret: [{KEY}]\n"
    outcome = node.put({"acr-registry-info": items})
    assert outcome.state == "wrong"
    assert KEY not in outcome.detail
    assert KEY not in repr(node.checks.__dict__)


def test_a_key_that_is_no_text_is_wrong(node: Node) -> None:
    node.volume.put({"watch-namespace": b"\xff\xfe"})
    outcome = node.put()
    assert outcome.fault == "configuration"
    assert outcome.detail.endswith("watch-namespace: is not UTF-8 text")


@pytest.mark.parametrize("mounted", [True, False])
def test_without_a_configmap_the_defaults_count(node: Node, mounted: bool) -> None:
    node.put(GOOD)
    node.volume.put({})
    source = str(node.volume.folder) if mounted else "/nowhere"
    outcome = put_configuration(source, node.own)
    assert outcome == Outcome("absent", "there is no ConfigMap kube-system/acr-configuration: the defaults count")
    assert node.names() == []


@pytest.mark.parametrize(
    ("data", "mode", "counts"),
    [
        (GOOD, "managedRole", "managedRole"),
        ({**GOOD, "token-mode": "workerRole"}, "managedRole", "workerRole"),
        ({**GOOD, "tokenMode": "workerRole"}, "managedRole", "workerRole"),
        ({}, "workerRole", "workerRole"),
        (GOOD, "auto", "auto"),
    ],
)
def test_the_charts_token_mode_counts_where_the_configmap_has_none(
    node: Node, data: dict[str, str], mode: str, counts: str
) -> None:
    node.token_mode = mode
    assert node.put(data).state == ("in step" if data else "absent")
    assert load(node.places.config, "/nowhere").configuration.token_mode == counts
    before = node.stat()
    node.put()
    assert node.stat() == before


class Runs:
    """Runs children, and counts them."""

    def __init__(self, *answers: Done) -> None:
        self.answers = list(answers)
        self.count = 0

    def __call__(self, arguments: list[str], seconds: float) -> Done:
        self.count += 1
        return self.answers.pop(0) if self.answers else run_own(arguments, seconds)


def test_the_same_content_is_checked_once(node: Node) -> None:
    runs = Runs()
    node.checks = Checks(runs)
    for data in (GOOD, None, WRONG, None):
        node.put(data)
    assert runs.count == 2


@pytest.mark.parametrize("status", [NOT_IN_TIME, -9, 1])
def test_a_check_that_did_not_end_is_no_verdict_and_tried_again_later(node: Node, status: int) -> None:
    now = 100.0
    runs = Runs(Done(status, b"", "killed"))
    node.checks = Checks(runs, lambda: now)
    outcome = node.put(GOOD)
    assert (outcome.state, outcome.fault) == ("wrong", "node")
    assert f"could not be checked, and is not used: exit status {status}: killed" in outcome.detail
    assert node.namespaces() is None
    assert node.put() == outcome
    assert runs.count == 1
    now += 61
    assert node.put() == Outcome("in step")


def test_a_disk_that_takes_nothing_is_the_nodes_fault(node: Node) -> None:
    node.folder.joinpath("etc").write_text("no folder")
    outcome = node.put(GOOD)
    assert (outcome.state, outcome.fault) == ("wrong", "node")
    assert "etc/config.yaml.refused" in outcome.detail
