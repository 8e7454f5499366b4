"""The chart, rendered by Helm for an API server, or installed there."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.chart import helm
from tests.chart.helm import Object

RELEASE = "aliyun-acr-credential-provider"


def rendered(*arguments: str, kubeconfig: Path | None = None) -> list[Object]:
    """Return the manifests of a release; with a kubeconfig they are made for that cluster, by what is in it."""
    here = ("--dry-run=server", f"--kubeconfig={kubeconfig}") if kubeconfig else ()
    return helm.rendered(*here, *arguments)


def install(kubeconfig: Path, *arguments: str) -> None:
    """Install the chart, or upgrade it, without waiting for its pods."""
    where = (f"--kubeconfig={kubeconfig}", f"--namespace={helm.SYSTEM}")
    done = helm.helm("4", "upgrade", "--install", RELEASE, str(helm.CHART), *where, *arguments)
    assert done.returncode == 0, done.stderr


def of_kinds(objects: Iterable[Mapping[str, Any]], *kinds: str) -> list[Object]:
    """Return those of these kinds."""
    return [dict(found) for found in objects if found["kind"] in kinds]
