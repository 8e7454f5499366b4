"""`status --cluster` with a real API server: what the agents and the writer left there is read and judged."""

import io
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lightkube.models.coordination_v1 import LeaseSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.coordination_v1 import Lease

from provider.agent.rollout import Record, Stop, record_lease
from provider.commands import status
from provider.kubernetes.leases import micro_time
from provider.kubernetes.names import FIELD_MANAGER, NAMESPACE
from provider.kubernetes.node_lease import SECONDS, NodeState, lease_of
from provider.secrets.cache import END
from provider.secrets.leader import NAME as LEADER
from tests.cluster.api import OwnApi
from tests.cluster.cluster_objects import machine, namespace, pull_secret, reader

SECRET = "acr-credential-secret-aggregation"


def run(kubeconfig: Path, *options: str) -> tuple[int, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    arguments = ["--cluster", f"--kubeconfig={kubeconfig}", *options]
    exit_status = status.run(arguments, io.StringIO(), stdout, stderr)
    assert stderr.getvalue() == ""
    return exit_status, stdout.getvalue()


def told(kubeconfig: Path) -> tuple[int, dict[str, Any], set[tuple[str, str]]]:
    exit_status, text = run(kubeconfig, "--json")
    answer = json.loads(text)
    assert answer["ok"] == (exit_status == 0)
    return exit_status, answer, {(line["subject"], line["state"]) for line in answer["lines"]}


Write = Callable[[Lease], None]


@pytest.fixture
def cluster(own_api: OwnApi) -> OwnApi:
    own_api.apply(namespace(NAMESPACE), namespace("team"), machine("node-1", "v1.30.1"), machine("node-2", "v1.30.1"))
    return own_api


@pytest.fixture
def write(cluster: OwnApi) -> Write:
    def put(lease: Lease) -> None:
        with cluster.client() as client:
            client.apply(lease, force=True)

    return put


def well(name: str) -> NodeState:
    return NodeState(name, "ready", "1.0", renewed=time.time())


def our_secret(cluster: OwnApi, end: float) -> None:
    manifest = pull_secret("team", SECRET)
    manifest["metadata"]["annotations"] = {END: str(int(end))}
    manifest["data"] = {".dockerconfigjson": "e30="}
    del manifest["stringData"]
    cluster.kubectl(
        "apply", "--server-side", f"--field-manager={FIELD_MANAGER}", "--filename=-", stdin=json.dumps(manifest)
    )


def writer(now: float) -> Lease:
    spec = LeaseSpec(holderIdentity="writer-pod", leaseDurationSeconds=15, renewTime=micro_time(now))
    return Lease(metadata=ObjectMeta(name=LEADER, namespace=NAMESPACE), spec=spec)


def test_before_anything_is_installed_it_says_so(cluster: OwnApi) -> None:
    exit_status, answer, lines = told(cluster.kubeconfig)
    assert exit_status == 1 and ("nodes", "wrong") in lines
    assert answer["withoutAgent"] == ["node-1", "node-2"]


def test_all_well_and_the_secrets_can_go(cluster: OwnApi, write: Write) -> None:
    for name in ("node-1", "node-2"):
        write(lease_of(well(name), NAMESPACE))
    write(record_lease(Record("1.0", "node-1"), NAMESPACE, time.time(), None))
    write(writer(time.time()))
    our_secret(cluster, time.time() + 3000)
    exit_status, answer, lines = told(cluster.kubeconfig)
    assert (exit_status, {state for _, state in lines}) == (0, {"ok", "note"})
    assert (answer["writer"], answer["secrets"]["ours"], answer["secrets"]["others"]) == ("writer-pod", 1, [])
    assert answer["rollout"] == {"canaryNode": "node-1", "canaryVersion": "1.0", "stopped": []}
    exit_status, text = run(cluster.kubeconfig)
    assert exit_status == 0 and text.endswith("\nall well\n")
    assert "every node answers by itself" in text
    cluster.apply(machine("virtual-1", "v1.30.1", type="virtual-kubelet"))
    exit_status, text = run(cluster.kubeconfig)
    assert exit_status == 0 and "virtual-1 cannot run the plugin" in text


def test_what_is_wrong_is_named_with_its_node(cluster: OwnApi, write: Write) -> None:
    now = time.time()
    cluster.apply(*(machine(f"node-{number}", "v1.30.1") for number in range(3, 7)))
    write(lease_of(replace(well("node-1"), state="failed", detail="the kubelet is not well"), NAMESPACE))
    write(lease_of(replace(well("node-2"), renewed=now - SECONDS - 60), NAMESPACE))
    write(lease_of(replace(well("node-3"), configuration="expiring-threshold is wrong", version="0.9"), NAMESPACE))
    write(lease_of(replace(well("node-4"), state="waiting"), NAMESPACE))
    write(lease_of(replace(well("node-5"), state="pending", restart_pending=True, refusals=2), NAMESPACE))
    write(lease_of(well("was-here"), NAMESPACE))
    write(record_lease(Record("1.0", "node-3", {"node-1": Stop("not well", now + 900, "1.0")}), NAMESPACE, now, None))
    our_secret(cluster, now - 10)
    cluster.apply(pull_secret("default", SECRET))
    exit_status, answer, lines = told(cluster.kubeconfig)
    assert exit_status == 1
    assert lines == {
        ("nodes", "ok"), ("failed", "wrong"), ("silent", "wrong"), ("without agent", "wrong"), ("gone", "note"),
        ("configuration", "wrong"), ("refusals", "note"), ("versions", "note"), ("roll-out", "wrong"), ("canary", "ok"),
        ("restart", "pending"), ("Secrets", "note"), ("Secrets", "wrong"), ("writer", "wrong"),
        ("compat-secrets", "note"),
    }  # fmt: skip
    assert (answer["silent"], answer["withoutAgent"]) == (["node-2"], ["node-6"])
    assert [stop["node"] for stop in answer["rollout"]["stopped"]] == ["node-1"]
    _, text = run(cluster.kubeconfig)
    assert "version 1.0 is held up by node-1 until " in text and text.endswith("7 to mend, not done yet\n")


def test_a_removal_names_the_nodes_that_are_left(cluster: OwnApi, write: Write) -> None:
    write(lease_of(replace(well("node-1"), state="removed"), NAMESPACE))
    write(lease_of(replace(well("node-2"), state="removing"), NAMESPACE))
    exit_status, text = run(cluster.kubeconfig)
    assert exit_status == 1 and "not removed yet: node-2" in text
    write(lease_of(replace(well("node-2"), state="removed"), NAMESPACE))
    exit_status, text = run(cluster.kubeconfig)
    assert exit_status == 0 and "`helm uninstall` takes the rest" in text


def test_who_may_read_leases_alone_is_told_what_was_not_looked_at(cluster: OwnApi, write: Write) -> None:
    write(lease_of(well("node-1"), NAMESPACE))
    kubeconfig = cluster.service_account("team", "looker")
    cluster.apply(*reader("team", "looker", "leases"))
    exit_status, answer, _ = told(kubeconfig)
    assert exit_status == 0 and answer["secrets"] is None
    missing = [line["detail"] for line in answer["lines"] if line["subject"] == "not looked at"]
    assert [line.partition(": the API server says 403: ")[0] for line in missing] == [
        "cannot read the nodes", f"cannot read the Secrets {SECRET}",
    ]  # fmt: skip
