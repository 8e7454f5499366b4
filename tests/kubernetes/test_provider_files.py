"""Each file of the table through our checker and through the real kubelets: the same verdict."""

import os
from pathlib import Path
from typing import Any

import pytest

from provider.node.kubelet_version import parse
from provider.node.provider_file.checks import check_set
from provider.node.provider_file.entry import Entry, TokenAttributes, match_images, own_file
from provider.node.provider_file.merge import with_entry
from provider.node.provider_file.stricter import STRICTER
from provider.node.provider_file.versions import TOKENS
from provider.places import PROGRAM
from tests.kubernetes.cases import CASES
from tests.kubernetes.enter import versions
from tests.kubernetes.kubelets import available, verdict
from tests.kubernetes.provider_files import PROGRAMS, Case
from tests.kubernetes.shapes import SHAPES


@pytest.fixture(scope="module")
def folder() -> Path:
    found = available()
    if found is None:
        pytest.skip("needs real kubelets: make test-kubelets")
    return found


@pytest.fixture(scope="module")
def bin_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bin")
    for name in (*PROGRAMS, PROGRAM, "data"):
        program = place / name
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o644 if name == "data" else 0o755)
    (place / "folder").mkdir()
    return place


def pairs() -> list[Any]:
    """Every case with the versions that it is tried with."""
    ends = (versions()[0], versions()[-1])
    return [
        pytest.param(case, version, id=f"{case.name}-{version}")
        for case in CASES
        for version in (ends if case.alike else versions())
        if version.startswith(case.only)
    ]


@pytest.mark.parametrize(("case", "version"), pairs())
def test_checker_and_kubelet_agree(case: Case, version: str, folder: Path, bin_dir: Path, tmp_path: Path) -> None:
    known = parse(version)
    assert known is not None
    for name, content in case.files.items():
        (tmp_path / name).write_bytes(content)
    place = tmp_path if case.directory else tmp_path / "providers"

    said = verdict(folder, version, place, bin_dir, case.options)
    found = check_set(case.files, known, lambda name: _is_program(bin_dir / name), directory=case.directory)

    assert said.starts == case.starts(known), said.why
    if case.stricter and said.starts:
        assert any(STRICTER[case.stricter] in problem for problem in found)
    else:
        assert (not found) == said.starts, (found, said.why)


@pytest.mark.parametrize("version", ["1.32.13", versions()[-1]])
@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES.keys())
def test_kubelets_start_with_our_entry_added(
    text: str, version: str, folder: Path, bin_dir: Path, tmp_path: Path
) -> None:
    known = parse(version)
    assert known is not None
    place = tmp_path / "providers"
    place.write_bytes(with_entry(text.encode(), "providers", Entry(match_images([])), known))

    said = verdict(folder, version, place, bin_dir)

    assert said.starts, said.why


@pytest.mark.parametrize("version", versions())
def test_kubelets_start_with_our_own_file(version: str, folder: Path, bin_dir: Path, tmp_path: Path) -> None:
    known = parse(version)
    assert known is not None
    tokens = TokenAttributes("sts.aliyuncs.com", False, "ServiceAccount", (), ("example.com/role-arn",))
    entry = Entry(
        match_images(["registry.example.com:5000/team"]),
        args=("--config=/etc/a b.yaml", "yes"),
        env=(("NO_PROXY", "10.0.0.0/8"),),
        token_attributes=tokens if known >= TOKENS else None,
    )
    place = tmp_path / "providers"
    place.write_bytes(own_file(entry, known))

    said = verdict(folder, version, place, bin_dir)

    assert said.starts, said.why


def _is_program(place: Path) -> bool:
    return place.is_file() and os.access(place, os.X_OK)
