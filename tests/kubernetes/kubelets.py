"""Real kubelets that are started until they either refuse their provider file or are healthy."""

import http.client
import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kubernetes.enter import FOLDER, SOCKET
from tests.systems.system import wait_for

START_SECONDS = 60
PORT = 10248 + 10 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
"""Of the kubelet's health; several run at a time."""
# Mounts that the kubelet makes end with it, and its own places under /var/lib are its own.
ALONE = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs kubelet /var/lib && exec "$@"', "kubelet")
REFUSED = re.compile(
    r'"Failed to register CRI auth plugins" err=("[^\n]*"|<\n.*?\n >)\n|Credential provider "[^"\n]*" was registered',
    re.DOTALL,
)


@dataclass(frozen=True)
class Verdict:
    """Whether a kubelet started, and else what it said."""

    starts: bool
    why: str = ""


def available() -> Path | None:
    """The folder of this run; None outside of `python -m tests.kubernetes.enter`."""
    folder = os.environ.get(FOLDER)
    return Path(folder) if folder else None


def verdict(folder: Path, version: str, provider_file: Path, bin_dir: Path, options: Sequence[str] = ()) -> Verdict:
    """Start a kubelet with a provider file or a directory of them, and end it when it is healthy."""
    root = folder / f"root-{os.getpid()}"
    root.mkdir()
    configuration = folder / f"kubelet-{os.getpid()}.json"
    configuration.write_text(json.dumps(kubelet_configuration(folder, version)))
    log = folder / f"log-{os.getpid()}"
    command = [
        *ALONE,
        *(f"{folder}/kubelet-{version}", f"--config={configuration}", f"--root-dir={root}", "--hostname-override=node"),
        f"--image-credential-provider-config={provider_file}",
        f"--image-credential-provider-bin-dir={bin_dir}",
        *options,
    ]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        wait_for(lambda: process.poll() is not None or is_healthy(), START_SECONDS, f"kubelet {version}")
        if process.poll() is None:
            return Verdict(True)
        said = log.read_text(errors="replace")
        found = REFUSED.search(said)
        assert found, f"kubelet {version} ended for another reason:\n{said}"
        return Verdict(False, found[1] or found[0])
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(root)


def is_healthy() -> bool:
    """Ask the kubelet itself; its health is there only after the provider file was read."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().read() == b"ok"
    except OSError:
        return False
    finally:
        connection.close()


def kubelet_configuration(folder: Path, version: str) -> dict[str, Any]:
    """What lets a kubelet start without an API server and without a control group of its own."""
    # The old control groups are refused by default from 1.35 on; 1.30 does not know the field.
    old_groups = {} if version.startswith("1.30.") else {"failCgroupV1": False}
    return {
        **old_groups,
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "127.0.0.1",
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": False,
        "containerRuntimeEndpoint": f"unix://{folder / SOCKET}",
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "healthzPort": PORT,
        "localStorageCapacityIsolation": False,
        "makeIPTablesUtilChains": False,
        "port": PORT + 2,
        "readOnlyPort": 0,
    }
