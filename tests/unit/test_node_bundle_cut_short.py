"""kill -9 at every step on the disk: no version is ever half there, and the next run ends well."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from provider.places import PROGRAM

ROOT = Path(__file__).parents[2]
HIDDEN = (".new-", ".old-")


def runs(scenario: str, folder: Path) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.unit.cut_short", scenario, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [run["killed"] for run in found] == [True] * (len(found) - 1) + [False]
    return found


def seen(run: dict[str, Any]) -> dict[str, str]:
    """What is under names that count."""
    return {name: what for name, what in run["after"].items() if not name.startswith(HIDDEN)}


def test_a_first_version_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    found = runs("fresh", tmp_path)
    assert len(found) > 40
    assert {json.dumps(seen(run)) for run in found} == {"{}", '{"1.0": "whole"}'}
    assert {name for run in found for name in run["after"]} <= {".new-1.0", "1.0"}
    assert all(run["end"] == {"1.0": "whole"} for run in found)


def test_a_damaged_version_is_replaced_in_one_step(tmp_path: Path) -> None:
    found = runs("damaged", tmp_path)
    assert len(found) > 40
    assert {json.dumps(seen(run)) for run in found} == {
        '{"1.0": "1 wrong", "current": ""}',
        '{"1.0": "whole", "current": ""}',
    }
    assert all(run["end"] == {"1.0": "whole", "current": ""} for run in found)


def test_at_an_upgrade_the_version_in_force_is_always_there(tmp_path: Path) -> None:
    found = runs("upgrade", tmp_path)
    assert {run["after"]["0.9"] for run in found} == {"whole"}
    assert {seen(run).get("1.0", "whole") for run in found} == {"whole"}
    assert {seen(run).get("0.8", "whole") for run in found} == {"whole"}
    assert all(run["end"] == {"0.9": "whole", "1.0": "whole", "current": ""} for run in found)


def test_a_removal_that_was_cut_is_ended_by_the_next(tmp_path: Path) -> None:
    found = runs("removal", tmp_path)
    assert len(found) > 20
    assert {what for run in found for what in seen(run).values()} <= {"whole", ""}
    assert all(run["end"] == {} for run in found)
    assert not (tmp_path / "root/opt" / PROGRAM).exists()
