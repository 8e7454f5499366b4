"""The report that `install` and `repair` leave for the agent, on a node with a kubelet that runs."""

import json
import os
import time
from pathlib import Path

import pytest

from provider.node.report import read
from provider.places import PROGRAM
from provider.version import VERSION
from tests.integration.kubelet_node import PROVIDER_FILE
from tests.integration.report_node import LEAVE, ReportNode


@pytest.fixture
def kubelet(tmp_path: Path) -> ReportNode:
    (tmp_path / "node").mkdir()
    made = ReportNode(tmp_path / "node")
    made.install(placed=time.time() - 60)
    os.utime(made.at(PROVIDER_FILE), (0, 0))
    return made


def folder(kubelet: ReportNode) -> Path:
    return kubelet.at(f"/run/{PROGRAM}/report")


def test_it_says_what_status_says(kubelet: ReportNode) -> None:
    assert kubelet.run(LEAVE) == (0, "")
    report = read(str(folder(kubelet)))
    assert report is not None
    assert (report.version, report.wrong, report.waiting) == (VERSION, (), ())
    fields = json.loads((folder(kubelet) / "status.json").read_text())
    assert fields.keys() == {
        "ok", "restartPending", "change", "installed", "kubelet", "answers", "refusals", "nextRenewal", "lines",
    }  # fmt: skip
    assert fields["kubelet"]["healthy"] is True


def test_what_waits_and_what_is_wrong_is_in_it(kubelet: ReportNode) -> None:
    os.utime(kubelet.at(PROVIDER_FILE), (time.time() + 60,) * 2)
    kubelet.at("/etc/systemd/system/kubelet.service.d").joinpath(f"90-{PROGRAM}-guard.conf").unlink()
    kubelet.run(LEAVE)
    report = read(str(folder(kubelet)))
    assert report is not None
    assert report.restart_pending
    assert ["guard" in line for line in report.wrong] == [True]
    assert ["restart pending" in line for line in report.waiting] == [True]


def test_a_report_that_cannot_be_left_is_said_and_is_no_failure(kubelet: ReportNode) -> None:
    kubelet.write(f"/run/{PROGRAM}/report", "")
    status, text = kubelet.run(LEAVE)
    assert status == 0
    assert text.startswith(f"warning: no report for the agent: /run/{PROGRAM}/report")


def test_nothing_is_left_where_nothing_is_installed_and_nobody_waits(tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    bare = ReportNode(tmp_path / "bare")
    assert bare.run(LEAVE) == (0, "")
    assert not bare.at(f"/run/{PROGRAM}").exists()
    folder(bare).mkdir(parents=True)
    assert bare.run(LEAVE) == (0, "")
    report = read(str(folder(bare)))
    assert report is not None
    assert "install: nothing is installed" in report.wrong[0]
