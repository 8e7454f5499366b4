"""Static pods that name Secrets to pull with, and the path of the program that root runs."""

import os
from pathlib import Path

import pytest

from provider.node.detect.found import Flags, Found, System
from provider.node.files import Tree
from provider.node.path_safety import path_problems
from provider.node.static_pods import StaticPod, manifests, pods_with_secrets

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  imagePullSecrets:
    - name: team
    - name: acr-credential-secret-aggregation
"""


def found(*command_line: str, system: System = "custom") -> Found:
    return Found(
        system=system,
        unit="kubelet.service",
        executable="/usr/bin/kubelet",
        version=None,
        process=None,
        flags=Flags(),
        live=None,
        health_url="",
        root_dir="/var/lib/kubelet",
        kubeconfig="",
        command_line=command_line,
    )


def write(root: Path, path: str, text: str) -> None:
    place = root / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


WHERE = {
    "a flag with =": (found("kubelet", "--pod-manifest-path=/pods"), "/pods"),
    "a flag and a word": (found("kubelet", "--pod-manifest-path", "/pods"), "/pods"),
    "the last of two": (found("kubelet", "--pod-manifest-path=/a", "--pod-manifest-path=/pods"), "/pods"),
    "the kubelet's configuration": (found("kubelet", "--config=/etc/kubelet.yaml"), "/pods"),
    "a configuration that is missing": (found("kubelet", "--config=/etc/none.yaml"), "/etc/kubernetes/manifests"),
    "k3s": (found("k3s", "agent", system="k3s"), "/var/lib/rancher/k3s/agent/pod-manifests"),
    "nothing": (found(), "/etc/kubernetes/manifests"),
}


@pytest.mark.parametrize(("kubelet", "folder"), WHERE.values(), ids=WHERE.keys())
def test_manifests_are_where_the_kubelet_looks(kubelet: Found, folder: str, tmp_path: Path) -> None:
    write(tmp_path, "/etc/kubelet.yaml", "kind: KubeletConfiguration\nstaticPodPath: /pods\n")
    assert manifests(Tree(str(tmp_path)), kubelet) == folder


def test_pods_that_name_secrets_are_found_and_others_are_not(tmp_path: Path) -> None:
    folder = "/etc/kubernetes/manifests"
    write(tmp_path, f"{folder}/a.yaml", POD)
    write(tmp_path, f"{folder}/.hidden.yaml", POD)
    write(tmp_path, f"{folder}/none.yaml", POD.partition("  imagePullSecrets")[0] + "  containers: []\n")
    write(tmp_path, f"{folder}/broken.yaml", "a: [\n")
    write(tmp_path, f"{folder}/strange.yaml", "kind: Pod\nspec: {imagePullSecrets: [7, {name: }]}\n")
    pods = pods_with_secrets(Tree(str(tmp_path)), found())
    assert pods == [StaticPod(f"{folder}/a.yaml", ("team", "acr-credential-secret-aggregation"))]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A tree with a program behind links, as an install makes them."""
    bundle = tmp_path / "opt/p/1.0"
    bundle.mkdir(parents=True)
    (bundle / "program").write_text("")
    (bundle / "program").chmod(0o755)
    (tmp_path / "opt/p/current").symlink_to("1.0")
    (tmp_path / "opt/p/bin").mkdir()
    (tmp_path / "opt/p/bin/program").symlink_to("../current/program")
    for folder in (tmp_path, tmp_path / "opt", tmp_path / "opt/p", bundle, tmp_path / "opt/p/bin"):
        folder.chmod(0o755)
    return tmp_path


def problems(root: Path) -> list[str]:
    return list(path_problems(Tree(str(root)), "/opt/p/bin/program"))


def test_a_path_that_root_alone_can_change_is_well(program: Path) -> None:
    assert problems(program) == []


@pytest.mark.parametrize(
    ("path", "mode", "words"),
    [
        ("opt", 0o777, "/opt can be written by others than root (mode 0777)"),
        ("opt/p/1.0/program", 0o775, "/opt/p/1.0/program can be written by others than root (mode 0775)"),
        ("opt/p/1.0/program", 0o644, "/opt/p/1.0/program lacks the x bit (mode 0644)"),
        ("opt", 0o1777, ""),
    ],
)
def test_each_part_of_a_path_counts(path: str, mode: int, words: str, program: Path) -> None:
    (program / path).chmod(mode)
    assert problems(program) == ([words] if words else [])


def test_a_part_that_is_missing_is_named(program: Path) -> None:
    (program / "opt/p/current").unlink()
    assert problems(program) == ["/opt/p/current: No such file or directory"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_part_of_another_user_is_named(program: Path) -> None:
    os.chown(program / "opt/p/1.0", 65534, 65534)
    assert problems(program) == ["/opt/p/1.0 belongs to user 65534, not root, who could put another program there"]
