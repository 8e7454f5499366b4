"""`doctor` on a node: the kubelet's side, and configured instances against the cloud's."""

import json
import os
import time
from typing import Any

import pytest

from provider.node.docker_config import CHOSEN, Chosen
from provider.places import DEFAULTS, PROGRAM
from tests.cloud.default_world import ALPHA as ALPHA_ID
from tests.integration.kubelet_node import GUARD, JOURNAL, PREFIX, PROVIDER_FILE, VERSION_SAID, KubeletNode
from tests.integration.node import ALPHA, Node
from tests.unit.test_node_doctor_log import LINES

KUBELETS = (
    "kubelet", "kubelet flags", "provider file", "bin directory", "program", "matchImages", "in effect",
    "kubelet's log", "docker config", "imagePullSecrets",
)  # fmt: skip


Steps = dict[str, tuple[str, str]]


def steps(fields: dict[str, Any]) -> Steps:
    return {step["step"]: (step["state"], step["detail"]) for step in fields["steps"]}


def doctor(kubelet: KubeletNode, *arguments: str) -> Steps:
    return steps(kubelet.fields("doctor", *arguments)[1])


def installed(kubelet: KubeletNode, *domains: str) -> KubeletNode:
    kubelet.install(*domains, placed=time.time() - 60)
    os.utime(kubelet.at(PROVIDER_FILE), (0, 0))
    return kubelet


def test_every_link_of_a_node_that_is_well_is_well(kubelet: KubeletNode) -> None:
    found = doctor(installed(kubelet), f"{ALPHA}/team/app")
    assert [name for name in found if name in KUBELETS] == list(KUBELETS)
    assert list(found).index("imagePullSecrets") < list(found).index("metadata service")
    states = {name: found[name][0] for name in KUBELETS}
    assert states == {**dict.fromkeys(KUBELETS, "ok"), "docker config": "skipped"}
    assert f"{VERSION_SAID}, kubelet.service" in found["kubelet"][1]
    assert found["matchImages"][1] == "*.*.cr.aliyuncs.com matches"
    assert "kubectl get pods" in found["imagePullSecrets"][1]


def test_without_a_kubelet_its_steps_are_skipped_with_the_reason(node: Node) -> None:
    found = steps(json.loads(node.run(["doctor", f"{ALPHA}/team/app", "--json"]).stdout))
    assert {found[name][0] for name in KUBELETS} == {"skipped"}
    assert "no kubelet on this node" in found["kubelet"][1]
    assert found["login"][0] == "ok"


def test_a_kubelet_without_flags_never_asks(kubelet: KubeletNode) -> None:
    kubelet.flags.update({"config": "", "bin-dir": ""})
    found = doctor(kubelet)
    assert found["kubelet flags"] == (
        "failed", f"the kubelet has no credential provider, so it never asks: `{PROGRAM} install` sets it up",
    )  # fmt: skip
    assert found["matchImages"][0] == "skipped"


def test_one_flag_alone_is_named(kubelet: KubeletNode) -> None:
    kubelet.flags["bin-dir"] = ""
    state, detail = doctor(kubelet)["kubelet flags"]
    assert state == "failed"
    assert "--image-credential-provider-bin-dir is missing" in detail


SPOILED = {
    "a provider file that no kubelet starts with": (
        lambda kubelet: kubelet.write(PROVIDER_FILE, "{}"), "provider file", "would not start",
    ),
    "a provider file without us": (
        lambda kubelet: (
            kubelet.write(f"{PREFIX}/bin/other", "", 0o755),
            kubelet.write(
                PROVIDER_FILE, kubelet.at(PROVIDER_FILE).read_text().replace(f"name: {PROGRAM}", "name: other")
            ),
        ),
        "provider file", f"no entry named {PROGRAM}",
    ),
    "a bin directory that anybody can write": (
        lambda kubelet: kubelet.at(f"{PREFIX}/bin").chmod(0o777), "bin directory", "can be written by others than root",
    ),
    "a program that does not run": (
        lambda kubelet: kubelet.write(f"{PREFIX}/bin/{PROGRAM}", "#!/bin/sh\nexit 3\n", 0o755),
        "program", "does not run: exit status 3",
    ),
    "a kubelet that has not read the file": (
        lambda kubelet: os.utime(kubelet.at(PROVIDER_FILE), (time.time() + 60, time.time() + 60)),
        "in effect", "`systemctl restart kubelet.service`",
    ),
    "a stand-in in the log": (
        lambda kubelet: kubelet.write(JOURNAL, LINES["a stand-in (1.34)"][0]), "kubelet's log", "a stand-in answers",
    ),
    "a refusal of this image in the log": (
        lambda kubelet: kubelet.write(JOURNAL, LINES["refused (1.34)"][0]), "kubelet's log", "we refused",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "step", "words"), SPOILED.values(), ids=SPOILED.keys())
def test_what_is_wrong_is_found_in_its_step(spoil: Any, step: str, words: str, kubelet: KubeletNode) -> None:
    installed(kubelet)
    spoil(kubelet)
    state, detail = doctor(kubelet, f"{ALPHA}/team/app")[step]
    assert state == "failed"
    assert words in detail


def test_a_refusal_of_another_image_in_the_log_is_shown_and_no_fault(kubelet: KubeletNode) -> None:
    installed(kubelet)
    kubelet.write(JOURNAL, LINES["refused (1.34)"][0])
    state, detail = doctor(kubelet, "registry.cn-hangzhou.aliyuncs.com/team/app")["kubelet's log"]
    assert state == "ok"
    assert "1 lines about us since its start" in detail


@pytest.mark.parametrize(
    ("image", "state", "words"),
    [
        ("registry.example.com/team/app", "ok", "registry.example.com matches"),
        ("other.example.com/team/app", "failed", "no pattern of matchImages matches other.example.com"),
        ("Registry.Example.com/team/app", "failed", "in lower case alone"),
        ("nginx", "failed", "matches docker.io"),
    ],
)
def test_whether_the_kubelet_asks_for_an_image(image: str, state: str, words: str, kubelet: KubeletNode) -> None:
    installed(kubelet, "registry.example.com")
    found = doctor(kubelet, image)["matchImages"]
    assert found[0] == state
    assert words in found[1]


def test_static_pods_with_secrets_of_their_own_are_named(kubelet: KubeletNode) -> None:
    kubelet.flags = {"config": "", "bin-dir": ""}
    manifest = {"kind": "Pod", "spec": {"imagePullSecrets": [{"name": "team"}]}}
    kubelet.write("/mnt/pods/a.yaml", json.dumps(manifest))
    kubelet.write("/mnt/kubelet.yaml", "staticPodPath: /mnt/pods\n")
    kubelet.arguments = "--config=/mnt/kubelet.yaml"
    assert "/mnt/pods/a.yaml names team" in doctor(kubelet)["imagePullSecrets"][1]


def test_entries_of_the_kubelets_own_file(kubelet: KubeletNode) -> None:
    now = int(time.time())
    data = DEFAULTS["--data-dir"]
    config = "/var/lib/kubelet/config.json"
    kubelet.write(f"{data}/{CHOSEN}", Chosen(config, None, {ALPHA: now + 3000}).dump().decode())
    assert doctor(kubelet)["docker config"][0] == "failed"
    entry = {"username": "u", "password": "p"}
    kubelet.write(config, json.dumps({"auths": {ALPHA: entry, "registry.example.com": {"auth": "eDp5"}}}))
    assert "1 entries of ours" in doctor(kubelet, f"{ALPHA}/a/b")["docker config"][1]
    assert "no entry for other.example.com" in doctor(kubelet, "other.example.com/a")["docker config"][1]
    assert "a login of somebody else's" in doctor(kubelet, "registry.example.com/a")["docker config"][1]
    kubelet.write(f"{data}/{CHOSEN}", Chosen(config, None, {ALPHA: now - 1}).dump().decode())
    assert f"{ALPHA} not renewed" in doctor(kubelet)["docker config"][1]


def instances(node: Node, configuration: str) -> tuple[str, str]:
    node.configure(configuration)
    return steps(json.loads(node.run(["doctor", "--json"]).stdout))["instances"]


def test_configured_instances_are_compared_with_the_clouds(node: Node) -> None:
    state, detail = instances(node, f"acr-registry-info: [{{instanceId: {ALPHA_ID}}}]\n")
    assert state == "ok"
    assert f"{ALPHA_ID} in cn-hangzhou has {ALPHA}, " in detail


@pytest.mark.parametrize(
    ("item", "state", "words"),
    [
        (f"instanceId: {ALPHA_ID}, domains: 'registry.example.com'", "ok", "has"),
        (f"instanceId: {ALPHA_ID}, domains: 'proxy.example.com'", "ok", "right only if it is a proxy of yours"),
        (
            f"instanceId: {ALPHA_ID}, domains: 'alphabet-registry.cn-hangzhou.cr.aliyuncs.com'",
            "failed", "alphabet-registry.cn-hangzhou.cr.aliyuncs.com is none of its endpoints",
        ),
        (
            f"instanceId: {ALPHA_ID}, domains: 'alpha-registry-vpc.distributed.cn-hangzhou.cr.aliyuncs.com'",
            "ok", "has",
        ),
        ("instanceId: cri-gone", "failed", "cri-gone is not in cn-hangzhou, or not of this account"),
        (f"instanceId: {ALPHA_ID}, regionId: cn-shanghai", "failed", "is not in cn-shanghai"),
        (
            f"instanceId: {ALPHA_ID}, regionId: cn-shanghai, domains: {ALPHA}",
            "failed", "is of cn-hangzhou, and regionId is cn-shanghai: set regionId: cn-hangzhou",
        ),
    ],
)  # fmt: skip
def test_what_does_not_match_the_instance_is_named(item: str, state: str, words: str, node: Node) -> None:
    found = instances(node, f"acr-registry-info: [{{{item}}}]\n")
    assert found[0] == state
    assert words in found[1]


def test_what_may_not_be_compared_is_no_fault(node: Node) -> None:
    node.role().policies.clear()
    state, detail = instances(node, f"acr-registry-info: [{{instanceId: {ALPHA_ID}}}]\n")
    assert state == "ok"
    assert "could not be compared" in detail
    assert "cr:ListInstanceEndpoint" in detail


def test_a_guard_or_a_flag_file_is_nothing_to_doctor(kubelet: KubeletNode) -> None:
    """What the kubelet can do without is for `status` to say."""
    installed(kubelet)
    kubelet.at(GUARD).unlink()
    found = doctor(kubelet)
    assert {found[name][0] for name in KUBELETS} == {"ok", "skipped"}
