"""`agent node` on real files: what is mounted comes to the node, and the probes say how it is."""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from provider.places import PROGRAM
from tests.integration.agent_node import SECONDS, AgentNode, kubeconfig
from tests.systems.system import end_by_signal, wait_for

pytestmark = pytest.mark.source

GOOD = {"watch-namespace": "default,team-a", "acr-registry-info": "- instanceId: cri-a\n"}
WRONG = {"expiring-threshold": "soon"}
END = 4_000_000_000
ENDS_SECONDS = 10
"""Within one on a machine that is not busy."""
TOKEN = ".".join(
    base64.urlsafe_b64encode(part).decode() for part in (b"{}", json.dumps({"exp": END}).encode(), b"sign")
)
SESSION = json.dumps({"keyring": "a-keyring-that-is-secret", "expiration": "2096-10-02T07:06:40Z"})


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AgentNode]:
    made = AgentNode(tmp_path / "node")
    yield made
    made.end()
    for secret in (TOKEN, "a-keyring-that-is-secret"):
        assert secret not in made.said()
    assert "Traceback" not in made.said()


def test_the_configuration_follows_the_configmap(node: AgentNode) -> None:
    node.config_map.put(GOOD)
    node.start()
    node.wait_ready()
    assert "default,team-a" in node.config.read_text()
    before = node.config.stat()
    node.config_map.put(WRONG)
    reason = node.wait_not_ready()
    assert "line 5: expiring-threshold: is not a duration" in reason
    assert node.metric("configuration_in_step") == 0
    assert node.config.stat().st_ctime_ns == before.st_ctime_ns
    node.config_map.put({**GOOD, "watch-namespace": "team-b"})
    node.wait_ready()
    assert "team-b" in node.config.read_text()
    assert node.metric("configuration_in_step") == 1
    node.config_map.put({})
    wait_for(lambda: not node.config.exists(), SECONDS, "config.yaml to go")
    assert node.get("/readyz")[0] == 200


def test_identities_follow_what_is_mounted(node: AgentNode) -> None:
    node.managed_role(SESSION)
    node.start()
    node.wait_ready()
    assert (node.identities / "managed-role.json").read_text() == SESSION
    assert node.metric('identity_end_timestamp_seconds{identity="managed-role"}') == END
    node.rrsa_token(TOKEN)
    target = node.identities / "rrsa-token"
    wait_for(target.exists, SECONDS, "the token")
    assert target.read_text() == TOKEN
    name = 'identity_end_timestamp_seconds{identity="rrsa"}'
    wait_for(lambda: node.metric(name) == END, SECONDS, "the token's end")
    node.managed_role(None)
    wait_for(lambda: os.listdir(node.identities) == ["rrsa-token"], SECONDS, "the session to go")
    assert node.get("/readyz")[0] == 200


def test_what_cannot_be_brought_in_step_is_said_and_the_rest_goes_on(node: AgentNode) -> None:
    node.rrsa_token(TOKEN)
    (node.identities / "rrsa-token").mkdir(parents=True)
    node.config_map.put(GOOD)
    node.start()
    wait_for(lambda: "rrsa-token" in node.get("/readyz")[1], SECONDS, "the reason")
    assert node.config.exists()
    assert node.get("/healthz")[0] == 200
    (node.identities / "rrsa-token").rmdir()
    node.wait_ready()


def refusal(moment: str) -> dict[str, str]:
    return {"host": "a.io", "time": moment, "cause": "unreachable", "message": "no", "code": "", "requestId": ""}


def test_the_nodes_report_is_told(node: AgentNode) -> None:
    node.report()
    node.start()
    node.wait_ready()
    assert node.metric("restart_pending") == 0
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    node.report(restartPending=True, refusals=[refusal(moment)])
    wait_for(lambda: node.metric("restart_pending") == 1, SECONDS, "the report")
    assert node.metric('refusals{cause="unreachable"}') == 1
    assert "node ready\n" in node.said()


def test_what_the_agent_wrote_is_taken_away_when_it_is_removed(node: AgentNode) -> None:
    node.config.parent.mkdir()
    node.config.write_text("watch-namespace: team-p\n")
    node.config.chmod(0o600)
    node.config_map.put(GOOD)
    node.managed_role(SESSION)
    node.start()
    node.wait_ready()
    node.end()
    assert "team-a" in node.config.read_text()
    node.errors.unlink()
    node.start("--removed")
    node.wait_ready()
    assert os.listdir(node.config.parent) == ["config.yaml"]
    assert node.config.read_text() == "watch-namespace: team-p\n"
    assert os.listdir(node.identities) == []
    assert "node removed\n" in node.said()


def test_nothing_is_made_where_it_is_removed_and_nothing_is_there(node: AgentNode) -> None:
    node.config_map.put(GOOD)
    node.start("--removed")
    node.wait_ready()
    assert not node.config.parent.exists()
    assert not node.identities.parent.exists()


def wait_for_end(process: "subprocess.Popen[bytes]", number: int) -> float:
    began = time.monotonic()
    process.send_signal(number)
    assert process.wait(30) == 0
    return time.monotonic() - began


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once(node: AgentNode, number: int) -> None:
    process = node.start()
    node.wait_ready()
    assert wait_for_end(process, number) < ENDS_SECONDS


def test_it_ends_at_once_while_the_api_server_is_silent(node: AgentNode) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kubeconfig(node.kubeconfig, f"https://127.0.0.1:{silent.getsockname()[1]}")
        node.config_map.put(GOOD)
        process = node.start()
        asked, _ = silent.accept()
        with asked:
            node.config_map.put({**GOOD, "watch-namespace": "team-c"})
            wait_for(lambda: node.config.exists() and "team-c" in node.config.read_text(), SECONDS, "the configuration")
            node.wait_ready()
            assert wait_for_end(process, signal.SIGTERM) < ENDS_SECONDS


def test_it_ends_at_once_while_a_read_hangs(node: AgentNode) -> None:
    process = node.start()
    node.wait_ready()
    current = node.config_map.folder / os.readlink(node.config_map.folder / "..data")
    os.mkfifo(current / "held")
    writers: list[int] = []

    def is_being_read() -> bool:
        try:
            writers.append(os.open(current / "held", os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return False
        return True

    wait_for(is_being_read, SECONDS, "the agent to read what nobody writes")
    try:
        assert end_by_signal(process, signal.SIGTERM, ENDS_SECONDS) == 0
    finally:
        os.close(writers[0])


def test_an_api_server_that_is_away_is_said_once_and_holds_up_nothing(node: AgentNode) -> None:
    node.config_map.put(GOOD)
    node.start()
    node.wait_ready()
    wait_for(lambda: "cannot be reached: Connection refused" in node.said(), SECONDS, "the reason")
    name = 'api_requests_total{method="GET",status="0"}'
    wait_for(lambda: (node.metric(name) or 0) >= 4, 30, "a second try of both")
    said = [line.split(": ")[1] for line in node.said().splitlines() if "Connection refused" in line]
    assert sorted(said) == ["cannot read namespace kube-system", "cannot read the Lease of this node"]
    assert "a-token-of-the-pod" not in node.said()


def test_it_stays_small(node: AgentNode) -> None:
    node.config_map.put(GOOD)
    node.managed_role(SESSION)
    node.report()
    node.start()
    node.wait_ready()
    wait_for(lambda: "cannot be reached" in node.said(), SECONDS, "the first try")
    for _ in range(20):
        assert node.get("/metrics")[0] == 200
    assert node.resident() < 45 * 1024


@pytest.mark.parametrize("folder", ["run/identities", "data/cluster"])
def test_a_folder_that_was_taken_away_under_the_mount_makes_it_begin_anew(node: AgentNode, folder: str) -> None:
    if os.geteuid():
        pytest.skip("only root can mount")
    real = node.directory / "real"
    real.mkdir()
    (node.directory / folder).mkdir(parents=True)
    mounted = f'mount --bind "{real}" "{node.directory / folder}" && exec "$@"'
    node.rrsa_token(TOKEN)
    process = node.start(before=["unshare", "--mount", "--propagation", "private", "sh", "-c", mounted, "sh"])
    node.wait_ready()
    shutil.rmtree(real)
    assert process.wait(SECONDS) == 1
    assert f"{folder} was taken away on the node" in node.said()


def test_outside_of_a_pod_it_says_what_is_missing() -> None:
    environment = {key: value for key, value in os.environ.items() if key != "KUBERNETES_SERVICE_HOST"}
    done = subprocess.run(
        [sys.executable, "-m", "provider", "agent", "node", "--node=n", "--listen=127.0.0.1:0"],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        f"{PROGRAM}: this is no pod of a cluster (no KUBERNETES_SERVICE_HOST): give --kubeconfig=FILE\n"
    )
