"""`status` on a node with a kubelet that runs, and on one without."""

import json
import os
import shutil
import time
from typing import Any

import pytest

from provider.node.docker_config import CHOSEN
from provider.places import PROGRAM
from provider.version import VERSION
from tests.integration.kubelet_node import GUARD, PREFIX, PROVIDER_FILE, UNITS, VERSION_SAID, KubeletNode
from tests.integration.node import ALPHA, Node
from tests.integration.test_ready_answers import age, kept


def lines(fields: dict[str, Any], *states: str) -> list[tuple[str, str]]:
    return [(line["subject"], line["detail"]) for line in fields["lines"] if line["state"] in states]


def test_an_install_whose_kubelet_has_read_our_file_is_in_effect(kubelet: KubeletNode) -> None:
    kubelet.install(placed=time.time() - 60)
    os.utime(kubelet.at(PROVIDER_FILE), (0, 0))
    status, fields = kubelet.fields("status")
    assert lines(fields, "wrong", "pending") == []
    assert (status, fields["ok"], fields["restartPending"]) == (0, True, False)
    assert fields["installed"]["version"] == VERSION
    assert (fields["installed"]["mode"], fields["installed"]["versions"]) == ("set", [VERSION])
    assert (fields["kubelet"]["version"], fields["kubelet"]["unit"]) == (VERSION_SAID, "kubelet.service")
    assert fields["kubelet"]["healthy"] is True
    assert fields["kubelet"]["pid"] > 0


def test_a_file_that_was_placed_after_the_kubelets_start_waits_for_a_restart(kubelet: KubeletNode) -> None:
    kubelet.install(placed=time.time() + 60)
    status, fields = kubelet.fields("status")
    assert (status, fields["restartPending"]) == (1, True)
    assert lines(fields, "wrong") == []
    [(subject, detail)] = lines(fields, "pending")
    assert subject == "in effect"
    assert "restart pending: kubelet.service runs since" in detail


def spoil_bundle(kubelet: KubeletNode) -> None:
    (kubelet.at(f"{PREFIX}/{VERSION}") / "_internal/provider/version.pyc").unlink()


def no_program(kubelet: KubeletNode) -> None:
    kubelet.write(f"{PREFIX}/bin/{PROGRAM}", "#!/bin/sh\necho is missing >&2; exit 1\n", 0o755)


SPOILED = {
    "flags that the platform took away": (
        lambda kubelet: kubelet.flags.update({"config": "", "bin-dir": ""}), "flags", "config missing",
    ),
    "flags that name another file": (
        lambda kubelet: kubelet.flags.update({"config": "/mnt/kubelet.yaml"}), "flags", "config /mnt/kubelet.yaml",
    ),
    "a provider file that no kubelet starts with": (
        lambda kubelet: kubelet.write(PROVIDER_FILE, "{}"), "provider file", "would not start with it",
    ),
    "a provider file that is gone": (
        lambda kubelet: kubelet.at(PROVIDER_FILE).unlink(), "provider file", "has no entry of ours",
    ),
    "a bundle that was cleaned away in part": (spoil_bundle, "program", "_internal/provider/version.pyc"),
    "a program that ends with 1": (no_program, "program", "does not run: exit status 1: is missing"),
    "a guard that somebody removed": (lambda kubelet: kubelet.at(GUARD).unlink(), "guard", "is missing"),
    "a timer that was disabled": (
        lambda kubelet: kubelet.write(UNITS, "LoadState=loaded\nActiveState=inactive\nUnitFileState=disabled\n"),
        "units", "is disabled",
    ),
    "a record that is torn": (
        lambda kubelet: (kubelet.at("/var/lib") / PROGRAM / "node/generations/1/record.json").write_text("{"),
        "install", "is no record of an install",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "subject", "words"), SPOILED.values(), ids=SPOILED.keys())
def test_what_is_missing_is_named_with_what_to_do(spoil: Any, subject: str, words: str, kubelet: KubeletNode) -> None:
    kubelet.install(placed=time.time() - 60)
    os.utime(kubelet.at(PROVIDER_FILE), (0, 0))
    shutil.copy(kubelet.at(PROVIDER_FILE), kubelet.at("/mnt/kubelet.yaml"))
    spoil(kubelet)
    status, text = kubelet.run("status")
    assert status == 1
    wrong = [line for line in text.splitlines() if line.startswith("wrong")]
    assert wrong, text
    assert all(line.split(maxsplit=1)[1].startswith(subject) for line in wrong), text
    assert any(words in line for line in wrong), text


def test_a_domain_that_the_kubelet_does_not_ask_us_for_is_named(kubelet: KubeletNode) -> None:
    kubelet.install("registry.example.com", placed=time.time() - 60)
    config = kubelet.directory / "config.yaml"
    config.write_text("acr-registry-info: [{instanceId: cri-a, domains: 'registry.example.com,new.example.com'}]\n")
    config.chmod(0o600)
    _, fields = kubelet.fields("status", f"--config={config}")
    assert [detail for subject, detail in lines(fields, "wrong") if subject == "provider file"] == [
        f"{PROVIDER_FILE}: matchImages lacks new.example.com: `{PROGRAM} install` adds them"
    ]


def test_answers_with_their_ends_and_refusals_with_their_causes(node: Node) -> None:
    assert node.request(f"{ALPHA}/team/app").auth
    assert node.request("partner-registry.cn-hangzhou.cr.aliyuncs.com/shared/app").status == 1
    result = node.run(["status", "--json"])
    fields = json.loads(result.stdout)
    [answer] = fields["answers"]
    assert (answer["host"], answer["valid"]) == (ALPHA, True)
    assert fields["nextRenewal"] == answer["renew"] < answer["end"]
    [refusal] = fields["refusals"]
    assert (refusal["cause"], refusal["code"]) == ("refused", "INSTANCE_NOT_EXIST")
    assert refusal["requestId"]
    age(node, left=-5)
    assert kept(node).end < time.time()
    assert json.loads(node.run(["status", "--json"]).stdout)["answers"][0]["valid"] is False


def test_without_an_install_the_way_to_one_is_said(node: Node) -> None:
    result = node.run(["status"])
    assert result.status == 1
    assert result.stdout.startswith("wrong   install")
    assert not node.state.exists()


def test_a_configuration_that_is_wrong_is_said(node: Node) -> None:
    node.configure("expiring-threshold: soon\n")
    assert "expiring-threshold" in node.run(["status"]).stdout


def test_entries_in_the_kubelets_own_file_are_shown_with_their_ends(node: Node) -> None:
    path = node.data / CHOSEN
    path.parent.mkdir()
    path.write_text(json.dumps({"version": 1, "path": "/x/config.json", "mode": None, "hosts": {ALPHA: 1}}))
    assert f"{ALPHA} in /x/config.json, ended at 1970-01-01T00:00:01Z" in node.run(["status"]).stdout
