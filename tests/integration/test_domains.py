"""The domains that install has the kubelet ask us for: written, told by the cloud, or remembered."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cloud.default_world import ALPHA as ALPHA_ID
from tests.cloud.default_world import CUSTOM_DOMAIN
from tests.integration.network import Network, run
from tests.integration.network_scenarios import place
from tests.integration.node import ALPHA, BUSY_SECONDS, ROOT, Node

CODE = f"""\
import json, os, sys
sys.path.insert(0, {str(ROOT)!r})
from provider import environment
from provider.node.domains import domains_for
from provider.places import Places
options = dict(option.split("=", 1) for option in sys.argv[2:])
warnings = []
surroundings = environment.take(os.environ)
ask, seconds = json.loads(sys.argv[1])
found = domains_for(Places(options), surroundings, warnings.append, ask=ask, seconds=seconds)
print(json.dumps([found, warnings]), flush=True)
"""


def domains(node: Node, *, ask: bool = True, seconds: float = 20) -> tuple[list[str], list[str]]:
    command = [sys.executable, "-I", "-c", CODE, json.dumps([ask, seconds]), *node.options]
    done = subprocess.run(command, env=node.environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found, warnings = json.loads(done.stdout)
    for line in warnings:
        node.no_secret_in(line)
    return found, warnings


@pytest.fixture
def silent(node: Node) -> Node:
    """A node with one instance that names its domains, and one that does not."""
    node.configure(
        f"acr-registry-info:\n  - instanceId: cri-b\n    domains: 'b.example.com,{ALPHA}'\n  - instanceId: {ALPHA_ID}\n"
    )
    return node


def test_what_is_written_and_what_the_cloud_tells(silent: Node) -> None:
    assert domains(silent) == (["b.example.com", CUSTOM_DOMAIN], [])
    assert not (silent.state / "answers").exists()


def test_where_nobody_is_to_be_asked_what_is_written_counts(silent: Node) -> None:
    assert domains(silent, ask=False) == (["b.example.com"], [])
    assert list(silent.cloud.calls) == []


def test_where_the_cloud_is_down_what_it_told_before_counts_with_a_warning(silent: Node) -> None:
    assert silent.request(f"{CUSTOM_DOMAIN}/team/app").auth
    silent.cloud.faults.set("acr", "status", status=503)
    found, [warning] = domains(silent)
    assert found == ["b.example.com", CUSTOM_DOMAIN]
    assert f"the domains of {ALPHA_ID} could not be asked for, those of the last day count" in warning


def test_where_the_cloud_is_down_and_told_nothing_install_goes_on_with_what_is_written(silent: Node) -> None:
    silent.cloud.faults.set("metadata", "drop")
    found, [warning] = domains(silent)
    assert found == ["b.example.com"]
    assert "none is known" in warning
    assert "name them under domains" in warning


def silent_names(network: Network, directory: Path) -> None:
    cloud, node = place(directory)
    node.configure(f"acr-registry-info:\n  - instanceId: {ALPHA_ID}\n    regionId: cn-hangzhou\n")
    with cloud:
        network.silent = True
        started = time.monotonic()
        found, [warning] = domains(node, seconds=2)
        assert time.monotonic() - started < 2 + BUSY_SECONDS
        assert network.asked, "no name was looked up"
    assert found == []
    assert "no answer within 2 s" in warning, warning


def test_a_silent_dns_server_holds_install_up_no_longer(tmp_path: Path) -> None:
    """Nothing interrupts a look-up: it is left behind."""
    run(silent_names, tmp_path / "network")


def test_nobody_waits_longer_than_is_said(silent: Node) -> None:
    silent.cloud.faults.set("acr", "slow", latency=30)
    started = time.monotonic()
    found, warnings = domains(silent, seconds=2)
    assert time.monotonic() - started < 2 + BUSY_SECONDS
    assert found == ["b.example.com"]
    assert len(warnings) == 1


def test_without_a_configuration_there_is_none(node: Node) -> None:
    assert domains(node) == ([], [])
    assert list(node.cloud.calls) == []
