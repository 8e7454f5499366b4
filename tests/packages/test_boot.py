"""The units under a real systemd, hardened as they are: at boot, with the cloud there, and when nothing answers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from provider.places import PROGRAM
from tests.integration.node import ALPHA
from tests.packages.system import Booted, System

METADATA = "100.100.100.200"
WARM, RENEW, TIMER = (f"{PROGRAM}-{name}" for name in ("warm.service", "renew.service", "renew.timer"))
NAMES = (ALPHA, "cr.cn-hangzhou.aliyuncs.com", "cr-vpc.cn-hangzhou.aliyuncs.com")
KUBELET = b"[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
CONFIGURATION = f"""\
acr-registry-info: |
  - instanceName: alpha
    regionId: cn-hangzhou
    domains: {ALPHA}
"""


@pytest.fixture
def node(system: System, deb: Path) -> System:
    """A system with our package, a configuration, and something called kubelet.service."""
    system.put("/package.deb", deb)
    system.put("/etc/systemd/system/kubelet.service", KUBELET)
    # The cloud's names are here, and reach nobody until a test puts a cloud there.
    system.put("/etc/hosts", f"127.0.0.1 localhost {' '.join(NAMES)}\n".encode())
    system.run("dpkg --install /package.deb >&2; systemctl --quiet enable kubelet.service")
    system.put(f"/etc/{PROGRAM}/config.yaml", CONFIGURATION.encode(), 0o600)
    return system


@contextmanager
def cloud(booted: Booted, folder: Path) -> Iterator[None]:
    """The simulated cloud on its real addresses in the running system's network."""
    booted.run(f"ip address add {METADATA}/32 dev lo")
    command = ["nsenter", f"--target={booted.leader}", "--net", sys.executable, "-m", "tests.cloud"]
    command += [f"--directory={folder}", "--https=127.0.0.1:443", f"--metadata={METADATA}:80"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None
        authority = Path(json.loads(process.stdout.readline())["ca_file"]).read_text()
        booted.run(f"mkdir -p /etc/ssl/certs; cat >/etc/ssl/certs/ca-certificates.crt <<'END'\n{authority}\nEND")
        try:
            yield
        finally:
            process.communicate()


def test_a_boot(node: System, tmp_path: Path) -> None:
    (tmp_path / "cloud").mkdir()
    with node.booted() as booted:
        # No cloud yet: nothing failed, and the kubelet came after.
        assert booted.run("systemctl is-system-running").strip() == "running"
        shown = booted.run(f"systemctl show --property=Result,ExecMainExitTimestampMonotonic {WARM}")
        values = dict(line.split("=", 1) for line in shown.splitlines())
        assert values["Result"] == "success"
        kubelet = booted.run("systemctl show --property=ActiveEnterTimestampMonotonic --value kubelet.service")
        assert 0 < int(values["ExecMainExitTimestampMonotonic"]) <= int(kubelet)
        assert booted.run(f"systemctl is-active {TIMER}").strip() == "active"
        with cloud(booted, tmp_path / "cloud"):
            # What failed a moment ago is not asked for again at once.
            booted.run(f"rm -f /run/{PROGRAM}/answers/*; systemctl start {RENEW}")
        journal = booted.run(f"journalctl --no-pager --output=cat --identifier={PROGRAM}")
        assert f"{ALPHA}: renewed, good until" in journal
        kept = booted.run(f"stat -c '%n %a %U' /run/{PROGRAM}/answers/*")
        assert f"/{ALPHA}.json 600 root\n" in kept
        booted.power_off()


def test_a_program_that_hangs_fails_nothing(node: System) -> None:
    node.run(
        f"""mkdir /opt/{PROGRAM}/slow
        printf '#!/bin/sh\\nexec sleep 1000\\n' >/opt/{PROGRAM}/slow/{PROGRAM}
        chmod 755 /opt/{PROGRAM}/slow/{PROGRAM}
        ln -sfn slow /opt/{PROGRAM}/current"""
    )
    with node.booted() as booted:
        assert booted.run("systemctl is-system-running").strip() == "running"
        shown = booted.run(
            f"systemctl show --property=ExecMainStartTimestampMonotonic,ExecMainExitTimestampMonotonic {WARM}"
        )
        times = [int(line.partition("=")[2]) for line in shown.splitlines()]
        assert 3e6 < abs(times[1] - times[0]) < 5e6
        booted.power_off()


def test_a_node_without_the_bundle_boots(node: System) -> None:
    node.run(f"rm -r /opt/{PROGRAM}")
    with node.booted() as booted:
        assert booted.run("systemctl is-system-running").strip() == "running"
        assert booted.run("systemctl is-active kubelet.service").strip() == "active"
        booted.run(f"systemctl start {RENEW}")
        booted.power_off()


def test_systemd_finds_nothing_wrong(node: System) -> None:
    done = node.attempt(f"systemd-analyze verify /usr/lib/systemd/system/{PROGRAM}-*")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
