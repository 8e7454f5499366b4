"""The units under a real systemd, hardened as they are: at boot, with the cloud there, and when nothing answers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from provider.places import PROGRAM
from tests.cloud.default_world import ALPHA as ALPHA_ID
from tests.integration.node import ALPHA
from tests.packages import kubelets
from tests.systems.system import Booted, System

METADATA = "100.100.100.200"
HOME = f"/opt/{PROGRAM}"
WARM, RENEW, REPAIR, ROLLBACK = (f"{PROGRAM}-{name}.service" for name in ("warm", "renew", "repair", "rollback"))
TIMERS = f"{PROGRAM}-renew.timer {PROGRAM}-repair.timer"
NAMES = (ALPHA, "cr.cn-hangzhou.aliyuncs.com", "cr-vpc.cn-hangzhou.aliyuncs.com")
AT_ONCE = f"[Service]\nExecStart=\nExecStart={HOME}/current/{PROGRAM} warm --delay-up-to 1\n"
CONFIGURATION = f"""\
acr-registry-info: |
  - instanceId: {ALPHA_ID}
    domains: {ALPHA}
"""


@pytest.fixture
def node(system: System, deb: Path) -> System:
    """A system with our package, a configuration, and something called kubelet.service."""
    system.put("/package.deb", deb)
    kubelets.put_into(system.folder / "upper")
    system.put(f"/etc/systemd/system/{RENEW}.d/at-once.conf", AT_ONCE.encode())
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
        assert booted.run(f"systemctl is-active {TIMERS}") == "active\n" * 2
        # Nothing is installed on this node, and no change was cut short.
        shown = booted.run(f"systemctl start {REPAIR}; systemctl show --property=ConditionResult {REPAIR} {ROLLBACK}")
        assert shown.split() == ["ConditionResult=no"] * 2
        with cloud(booted, tmp_path / "cloud"):
            # What failed a moment ago is not asked for again at once.
            booted.run(f"rm -f /run/{PROGRAM}/answers/*; systemctl start {RENEW}; systemctl start {RENEW}")
        journal = booted.run(f"journalctl --no-pager --output=cat --unit={RENEW} --identifier={PROGRAM}").splitlines()
        # One line a renewal, and none where nothing is due.
        assert len(journal) == 1
        assert f"{ALPHA}: renewed, good until" in journal[0]
        kept = booted.run(f"stat -c '%n %a %U' /run/{PROGRAM}/answers/*")
        assert f"/{ALPHA}.json 600 root\n" in kept
        booted.power_off()


def test_a_program_that_hangs_fails_nothing(node: System) -> None:
    node.run(
        f"""mkdir {HOME}/slow
        printf '#!/bin/sh\\nexec sleep 1000\\n' >{HOME}/slow/{PROGRAM}
        chmod 755 {HOME}/slow/{PROGRAM}
        ln -sfn slow {HOME}/current"""
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
    node.run(f"rm -r {HOME}")
    with node.booted() as booted:
        assert booted.run("systemctl is-system-running").strip() == "running"
        assert booted.run("systemctl is-active kubelet.service").strip() == "active"
        booted.run(f"systemctl start {RENEW}")
        booted.power_off()


def test_repair_puts_right_what_it_may_and_what_belongs_to_others(node: System) -> None:
    with node.booted() as booted:
        booted.run(
            f"""{PROGRAM} install --restart=never
            systemctl restart kubelet.service
            chown 1234:56 /etc/default/kubelet
            echo 'KUBELET_EXTRA_ARGS="--v=2"' >/etc/default/kubelet
            rm {HOME}/bin/{PROGRAM} /etc/{PROGRAM}/CredentialProviderConfig.yaml
            systemctl start {REPAIR} || {{ journalctl --no-pager --unit={REPAIR} >&2; exit 9; }}"""
        )
        assert booted.run(f"systemctl show --property=Result {REPAIR}") == "Result=success\n"
        assert booted.run(f"{HOME}/bin/{PROGRAM} version; stat -c %u:%g /etc/default/kubelet").endswith("1234:56\n")
        flags = booted.run("cat /etc/default/kubelet")
        assert "--v=2" in flags
        assert f"bin-dir={HOME}/bin" in flags
        assert "matchImages" in booted.run(f"cat /etc/{PROGRAM}/CredentialProviderConfig.yaml")
        journal = booted.run(f"journalctl --no-pager --output=cat --unit={REPAIR} --identifier={PROGRAM}")
        assert f"/etc/{PROGRAM}/CredentialProviderConfig.yaml is put right" in journal
        booted.run(
            f"""! dpkg --remove {PROGRAM} || exit 3
            {PROGRAM} uninstall --restart=never
            ! dpkg --remove {PROGRAM} || exit 4
            systemctl restart kubelet.service
            dpkg --remove {PROGRAM}
            ! [ -e {HOME} ]"""
        )
        booted.power_off()


def test_systemd_finds_nothing_wrong(node: System) -> None:
    done = node.attempt(f"systemd-analyze verify /usr/lib/systemd/system/{PROGRAM}-*")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
