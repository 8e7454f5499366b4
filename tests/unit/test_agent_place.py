"""`agent place` apart from roll-out and host: its options, what it writes down, how it ends."""

import argparse
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from provider.agent.host_process import Company, Finished
from provider.agent.place import add_options, job_for, run
from provider.agent.place_cluster import PATH, content_of, write
from provider.agent.place_furnish import Site
from provider.agent.place_job import Task, do
from provider.agent.place_telling import Attempts, Cluster
from provider.agent.slots import Clocks
from provider.cluster import cluster_id, created_on
from provider.errors import ConfigurationError
from provider.kubernetes.client import ApiFailure, open_client
from provider.node.files import NodeError, Tree
from tests.unit.silent_cluster import KUBECONFIG

CREATED = datetime(2023, 4, 3, 1, 2, 3, tzinfo=UTC)


def parse(*options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(["--node=node", *options])


class Host:
    """A host whose program says what it is to say."""

    def __init__(self, *answers: Finished | Exception, prepared: Exception | None = None) -> None:
        self.answers = list(answers)
        self.ran: list[Sequence[str]] = []
        self.prepared = prepared
        self.is_clean = False

    def prepare(self) -> None:
        if self.prepared is not None:
            raise self.prepared

    def run(self, arguments: Sequence[str], seconds: float, company: Company) -> Finished:
        self.ran.append(arguments)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def clean(self) -> None:
        self.is_clean = True


def foreseen(changes: int = 0, *, restart: bool = False, pending: bool = False) -> Finished:
    return Finished(
        0, json.dumps({"changes": changes, "program": False, "restart": restart, "pending": pending, "change": "c"})
    )


def placed(folder: Path, host: Host, *options: str, ended: bool = False) -> tuple[int, list[str]]:
    """Run it with an API server that is not there; returns exit status and log."""
    (folder / "kubeconfig").write_text(KUBECONFIG)
    (folder / "root/var/lib").mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    with open_client(str(folder / "kubeconfig"), seconds=1) as client:
        clocks = Clocks(lambda: 1_800_000_000.0, lambda: 1.0, lambda seconds: ended)
        cluster = Cluster(client, "ours", clocks, Attempts(clocks.monotonic, lines.append))
        site = Site(host, Tree(f"{folder}/root"), f"{folder}/mnt", gpu=False)
        status = do(job_for(parse(*options), cluster, site, lines.append))
    assert host.is_clean
    return status, lines


def test_nothing_to_restart_needs_nobody(tmp_path: Path) -> None:
    host = Host(foreseen(3), Finished(0))
    status, lines = placed(tmp_path, host, "--delivery=docker-config")
    assert status == 0
    assert host.ran == [
        ["install", "--delivery=docker-config", "--restart=now", "--dry-run", "--json"],
        ["install", "--delivery=docker-config", "--restart=never"],
    ]
    assert lines == [
        "warning: cannot read namespace kube-system: the API server cannot be reached: Connection refused"
    ], "said once, and not asked again"


@pytest.mark.parametrize(
    ("host", "said"),
    [
        (Host(prepared=NodeError("no way in")), "no way in"),
        (Host(Finished(1, "", ["a", "aliyun-acr-credential-provider: no kubelet on this node"])), "no kubelet on this"),
        (Host(Finished(0, "{")), "install --dry-run --json of this version tells nothing that is known"),
        (Host(foreseen(), Finished(1)), "exit status 1"),
        (Host(foreseen(), Finished(-9)), "killed by signal 9"),
        (Host(foreseen(), NodeError("cannot be started")), "cannot be started"),
    ],
)
def test_a_node_that_fails_says_why_and_is_tried_again(tmp_path: Path, host: Host, said: str) -> None:
    status, lines = placed(tmp_path, host)
    assert status == 1 and any(f"failed: {said}" in line for line in lines), lines


@pytest.mark.parametrize(
    "host",
    [Host(Finished(3, "", ["kubelet 1.22.3 is too old"])), Host(foreseen(), Finished(3, "", ["it is too old"]))],
)
def test_a_node_that_can_never_have_it_is_let_be(tmp_path: Path, host: Host) -> None:
    status, lines = placed(tmp_path, host)
    assert status == 0 and "too old" in lines[-1] and "cannot be on this node" in lines[-1], lines


def test_who_is_ended_did_not_fail(tmp_path: Path) -> None:
    status, lines = placed(tmp_path, Host(foreseen(), Finished(1, "", ["ended by SIGTERM"])), ended=True)
    assert status == 1 and not any("failed" in line for line in lines) and "ended before it was done" in lines[-1]


def test_a_removal_takes_the_configuration_of_the_agent_with_it(tmp_path: Path) -> None:
    mounted = tmp_path / "mnt/acr-configuration"
    mounted.mkdir(parents=True)
    (mounted / "watch-namespace").write_text("all")
    config = tmp_path / "root/etc/aliyun-acr-credential-provider/config.yaml"
    config.parent.mkdir(parents=True)
    assert placed(tmp_path, Host(foreseen(), Finished(0)))[0] == 0
    assert "watch-namespace: all" in config.read_text()
    assert placed(tmp_path, Host(foreseen(), Finished(0)), "--remove")[0] == 0
    assert not config.parent.exists()


def test_a_configuration_that_is_wrong_does_not_get_there(tmp_path: Path) -> None:
    mounted = tmp_path / "mnt/acr-configuration"
    mounted.mkdir(parents=True)
    (mounted / "watch-namespaces").write_text("all")
    (tmp_path / "root/etc").mkdir(parents=True)
    status, lines = placed(tmp_path, Host(foreseen(), Finished(0)))
    assert status == 0 and not (tmp_path / "root/etc/aliyun-acr-credential-provider/config.yaml").exists()
    said = next((line for line in lines if "is wrong" in line), str(lines))
    assert "watch-namespaces" in said and str(tmp_path) not in said, "paths are the node's"


def test_a_removal_leaves_a_persons_configuration(tmp_path: Path) -> None:
    config = tmp_path / "root/etc/aliyun-acr-credential-provider/config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("watch-namespace: all")
    assert placed(tmp_path, Host(foreseen(), Finished(0)), "--remove")[0] == 0
    assert config.read_text() == "watch-namespace: all"


def test_identities_that_are_mounted_are_there_before_install_needs_them(tmp_path: Path) -> None:
    (tmp_path / "mnt/rrsa").mkdir(parents=True)
    (tmp_path / "mnt/rrsa/token").write_text("a.b.c")
    (tmp_path / "root/run").mkdir(parents=True)
    assert placed(tmp_path, Host(foreseen(), Finished(0)))[0] == 0
    found = tmp_path / "root/run/aliyun-acr-credential-provider/identities/rrsa-token"
    assert found.read_text() == "a.b.c" and found.stat().st_mode & 0o777 == 0o600
    assert found.parents[1].stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (Task("install", ["--delivery=flags"]), ["install", "--delivery=flags", "--restart=now"]),
        (Task("uninstall"), ["uninstall", "--restart=now"]),
    ],
)
def test_what_the_hosts_program_is_asked(command: Task, arguments: list[str]) -> None:
    assert command.arguments(restart=True) == arguments


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--slots=0"], "--slots 0: must be 1 at least"),
        (["--cluster-id=C/../x"], "--cluster-id C/../x: is no id"),
    ],
)
def test_wrong_use_is_said_before_anything_is_done(options: list[str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as raised:
        run(parse(*options), io.StringIO(), io.StringIO())
    assert raised.value.exit_status == 2


def test_the_clusters_date_is_as_the_plugin_reads_it(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    (tmp_path / "var/lib").mkdir(parents=True)
    moment = CREATED.astimezone(timezone(timedelta(hours=8)))
    assert write(tree, content_of(moment, "c0123456789abcdef"))
    path = f"{tmp_path}{PATH}"
    assert Path(path).read_text() == '{"created": "2023-04-03T01:02:03Z", "clusterId": "c0123456789abcdef"}\n'
    assert created_on(path) == CREATED.date() and cluster_id(path) == "c0123456789abcdef"
    before = os.stat(path)
    assert not write(tree, content_of(CREATED, "c0123456789abcdef"))
    assert os.stat(path).st_ino == before.st_ino, "ready answers are thrown away where it changes"
    assert write(tree, content_of(CREATED, "")) and cluster_id(path) == ""


def test_an_api_server_that_does_not_answer_is_asked_again_after_a_while() -> None:
    now = [0.0]
    said: list[str] = []
    asked: list[str] = []
    attempt = Attempts(lambda: now[0], said.append)

    def fail() -> str:
        asked.append("x")
        raise ApiFailure("cannot read: the API server did not answer in time")

    assert attempt(fail) is None and attempt(fail) is None and len(asked) == 1
    now[0] = 31
    assert attempt(fail) is None and len(asked) == 2 and len(said) == 1
    now[0] = 62
    assert attempt(lambda: "answer") == "answer"


def test_one_that_refuses_is_asked_for_other_things_at_once() -> None:
    said: list[str] = []
    attempt = Attempts(lambda: 0.0, said.append)

    def refuse() -> None:
        raise ApiFailure("cannot write: forbidden", 403, "Forbidden")

    attempt(refuse)
    assert attempt(lambda: 1) == 1 and said == ["warning: cannot write: forbidden"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_waiting_at_once_and_stays(number: signal.Signals) -> None:
    program = (
        "import os, time; from provider.agent.place_ending import Ending\n"
        "ending = Ending(); ending.listen(); assert not ending.wait(0.01)\n"
        "print('ready', flush=True); began = time.monotonic(); assert ending.wait(60)\n"
        "assert ending.wait(0) and ending.wait(60) and time.monotonic() - began < 30; print('ended')"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.read() == "ended\n"
    assert process.returncode == 0
