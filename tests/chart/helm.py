"""Helm, and what it makes of the chart."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "packaging/chart"
BUILD = ROOT / "packaging/helm/build.sh"
VERSIONS = ("3", "4")
KUBERNETES = "1.37.2"
SYSTEM = "kube-system"
SECONDS = 120

Object = dict[str, Any]


@cache
def program(version: str) -> str:
    """Return the path of Helm, built where it is missing."""
    return subprocess.check_output([BUILD, version], text=True).strip()


def helm(version: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Helm, which may fail."""
    with tempfile.TemporaryDirectory() as folder:
        homes = {f"HELM_{name}_HOME": folder for name in ("CACHE", "CONFIG", "DATA")}
        environment = {**os.environ, **homes}
        return subprocess.run(
            [program(version), *arguments],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env=environment,
            check=False,
        )


def template(version: str, *arguments: str, namespace: str = SYSTEM) -> subprocess.CompletedProcess[str]:
    """Render the chart, which may fail; the same is done once, unless it depends on a cluster."""
    depends = any(each.startswith("--kubeconfig") for each in arguments)
    return (_template.__wrapped__ if depends else _template)(version, *arguments, namespace=namespace)


@cache
def _template(version: str, *arguments: str, namespace: str) -> subprocess.CompletedProcess[str]:
    where = (f"--namespace={namespace}", f"--kube-version={KUBERNETES}")
    return helm(version, "template", "release", str(CHART), *where, *arguments)


def settings(**values: object) -> list[str]:
    """Return the arguments that set values; `a__b=1` sets `a.b`."""
    return [f"--set-json={name.replace('__', '.')}={json.dumps(value)}" for name, value in values.items()]


def rendered(*arguments: str, version: str = "4", **values: object) -> list[Object]:
    """Return what the chart makes with these values; `a__b=1` sets `a.b`."""
    done = template(version, *arguments, *settings(**values))
    assert done.returncode == 0, done.stderr
    return [found for found in yaml.safe_load_all(done.stdout) if found]


def one(objects: Iterable[Object], kind: str, name: str = "", namespace: str = "") -> Object:
    """Return the one object of that kind, name and namespace, each where it is given."""
    wanted = [
        found
        for found in objects
        if found["kind"] == kind
        and name in ("", found["metadata"]["name"])
        and namespace in ("", found["metadata"].get("namespace"))
    ]
    assert len(wanted) == 1, [found["metadata"] for found in wanted]
    return wanted[0]


def pod_of(workload: Object) -> Object:
    """Return the spec of a workload's pods."""
    spec: Object = workload["spec"]["template"]["spec"]
    return spec


def container(pod: Object, name: str) -> Object:
    """Return a container of a pod, init or not."""
    containers = [*pod.get("initContainers", ()), *pod["containers"]]
    [found] = [each for each in containers if each["name"] == name]
    return dict(found)
