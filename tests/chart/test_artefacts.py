"""What is made of the chart for others: the packaged chart, and plain manifests."""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

from provider.version import VERSION
from tests.chart.helm import ROOT, SYSTEM, helm, rendered

PROGRAM = "aliyun-acr-credential-provider"
EPOCH = 1700000000


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A tree of the test's own, so that nothing is written to this one's dist."""
    for part in ("packaging/chart", "packaging/helm"):
        shutil.copytree(ROOT / part, tmp_path / part)
    return tmp_path


def made(checkout: Path, script: str, *arguments: str) -> Path:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)}
    command = [str(checkout / "packaging/helm" / script), *arguments]
    said = subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout
    return checkout / said.split()[-1]


def test_the_package_is_the_chart_and_the_same_bytes_again(checkout: Path) -> None:
    package = made(checkout, "package.sh")
    assert package.name == f"{PROGRAM}-{VERSION}.tgz"
    first = package.read_bytes()
    assert made(checkout, "package.sh").read_bytes() == first
    with tarfile.open(package) as archive:
        assert {member.mtime for member in archive} == {EPOCH}
    for version in ("3", "4"):
        where = (f"--namespace={SYSTEM}", "--kube-version=1.37.2")
        done = helm(version, "template", "release", str(package), *where)
        assert done.returncode == 0, done.stderr
        found = [each for each in yaml.safe_load_all(done.stdout) if each]
        assert sorted(map(str, found)) == sorted(map(str, rendered()))


def test_plain_manifests_are_what_helm_would_install(checkout: Path) -> None:
    manifests = made(checkout, "manifests.sh")
    found = [each for each in yaml.safe_load_all(manifests.read_text()) if each]
    assert found == rendered()
    assert found[0]["kind"] == "Namespace"


def test_plain_manifests_take_values(checkout: Path) -> None:
    (checkout / "own values.yaml").write_text("image:\n  repository: registry.example.com/agent\n")
    manifests = made(checkout, "manifests.sh", str(checkout / "own values.yaml"))
    assert f'"registry.example.com/agent:{VERSION}"' in manifests.read_text()
