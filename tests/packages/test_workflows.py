"""GitHub's workflows: actions pinned by commit, rights given one by one, and targets that exist."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PINNED = re.compile(r"uses: [\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
each = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def jobs(path: Path) -> dict[str, Any]:
    found = yaml.safe_load(path.read_text())["jobs"]
    assert isinstance(found, dict)
    return found


def test_there_are_some() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "release.yml"]


@each
def test_every_action_is_one_commit_and_its_version_is_told(path: Path) -> None:
    used = [line.strip() for line in path.read_text().splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not PINNED.search(line)] == []


def test_one_version_of_an_action_everywhere() -> None:
    every = {action for workflow in WORKFLOWS for action in re.findall(r"uses: (\S+)", workflow.read_text())}
    assert len({action.partition("@")[0] for action in every}) == len(every)


@each
def test_nobody_may_write_by_default_and_every_job_ends(path: Path) -> None:
    assert yaml.safe_load(path.read_text())["permissions"] in ({}, {"contents": "read"})
    assert [name for name, job in jobs(path).items() if "timeout-minutes" not in job] == []


@each
def test_targets_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    steps = [step.get("run", "") for job in jobs(path).values() for step in job["steps"]]
    asked = {target for run in steps for found in re.findall(r"\bmake ([a-z -]+)$", run) for target in found.split()}
    assert asked
    assert asked <= targets
