"""The node's report for the agent: what `status --json` says, left in a file."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provider.commands.assess import assess
from provider.commands.status import fields_of
from provider.commands.status_lines import Kept
from provider.errors import Refused, Unreachable
from provider.node.files import NodeError
from provider.node.report import STALE_SECONDS, Refusal, parse, read, write
from provider.node.seen import Seen
from provider.refusals import refusal_of
from tests.unit.test_node_status_assess import FOUND, KEPT, NOW, PENDING, WELL


def fields(seen: Seen = WELL, kept: Kept = KEPT) -> dict[str, Any]:
    return fields_of(seen, kept, assess(seen, kept))


def test_a_node_that_is_well(tmp_path: Path) -> None:
    folder = tmp_path / "run/report"
    write(fields(), str(folder))
    report = read(str(folder))
    assert report is not None
    assert report.version == "0.1.0"
    assert (report.restart_pending, report.wrong, report.waiting, report.refusals) == (False, (), (), ())
    path = folder / "status.json"
    assert (path.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    assert json.loads(path.read_text()) == fields()
    assert report.written == path.stat().st_mtime


def test_it_is_written_anew_and_nothing_else_is_left(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for seen in (WELL, replace(WELL, healthy=False)):
        write(fields(seen), str(tmp_path))
    report = read(str(tmp_path))
    assert report is not None
    assert os.listdir(tmp_path) == ["status.json"]
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert report.wrong == (
        "kubelet: 1.34.4, kubelet.service (ack): http://127.0.0.1:10248/healthz does not answer that it is well",
    )


@pytest.mark.parametrize(("changed", "words"), PENDING.values(), ids=PENDING.keys())
def test_what_waits_for_a_restart(changed: dict[str, Any], words: str) -> None:
    report = parse(fields(replace(WELL, **changed)), NOW)
    assert report.restart_pending
    assert report.wrong == ()
    [waiting] = report.waiting
    assert words in waiting


def test_a_domain_that_the_kubelet_does_not_know_yet_waits_and_is_not_wrong() -> None:
    report = parse(fields(kept=replace(KEPT, domains=["new.example.com"])), NOW)
    assert report.wrong == ()
    assert "matchImages lacks new.example.com" in report.waiting[0]
    assert not report.restart_pending


def test_a_node_without_an_install() -> None:
    report = parse(fields(replace(WELL, record=None, found=replace(FOUND, process=None))), NOW)
    assert report.version == ""
    assert any(line.startswith("install: nothing is installed") for line in report.wrong)


def test_refusals_come_with_their_causes() -> None:
    refused = Refused("no permission", code="NoPermission", request_id="ABC")
    refusals = [
        refusal_of(refused, "a.io", "f", NOW - 5),
        refusal_of(Unreachable("nobody answers"), "b.io", "f", NOW - 9),
    ]
    report = parse(fields(kept=replace(KEPT, refusals=refusals)), NOW)
    assert report.refusals == (
        Refusal(NOW - 5, "refused", "a.io: no permission (Code NoPermission)"),
        Refusal(NOW - 9, "unreachable", "b.io: nobody answers"),
    )


def test_a_report_that_nobody_wrote_for_long_is_stale() -> None:
    report = parse(fields(), NOW)
    assert not report.is_stale(NOW + STALE_SECONDS)
    assert report.is_stale(NOW + STALE_SECONDS + 1)
    assert not report.is_stale(NOW - 100)


def test_there_is_none(tmp_path: Path) -> None:
    assert read(str(tmp_path)) is None
    assert read(str(tmp_path / "missing")) is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"lines": [], "refusals": [], "installed": 3}', "null", "3"])
def test_what_is_no_report_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "status.json").write_text(content)
    with pytest.raises(NodeError, match=r"status\.json: is no report"):
        read(str(tmp_path))


def test_a_disk_that_takes_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NodeError, match="file/report"):
        write(fields(), str(tmp_path / "file/report"))
