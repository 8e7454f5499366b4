"""The writer from one end to the other: ConfigMap, simulated cloud, tokens, Secrets, Events, probes."""

import base64
import json
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from lightkube.models.coordination_v1 import LeaseSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.coordination_v1 import Lease
from lightkube.resources.core_v1 import ConfigMap

from provider.kubernetes.leases import micro_time
from provider.kubernetes.names import CONFIG_MAP, SECRET, SYSTEM_NAMESPACE
from provider.kubernetes.node_lease import NodeState, lease_of
from tests.cluster.secrets_process import (
    NAMESPACE,
    Process,
    configure,
    edit,
    free_port,
    holder,
    make_namespace,
    remove_configuration,
)
from tests.cluster.secrets_site import ITEMS, Site, site_of
from tests.cluster.secrets_writer import Cluster
from tests.integration.node import ALPHA, PERSONAL, Node
from tests.unit.webhook_authorities import rsa_key, write_authority

HOOK = "webhook.kube-system.svc"


@pytest.fixture
def site(secrets_cluster: Cluster, node: Node) -> Iterator[Site]:
    with site_of(secrets_cluster, node) as made:
        yield made


def test_both_editions_in_one_secret_that_pulls(site: Site) -> None:
    with site.writer() as writer:
        site.until(lambda: site.pulls("team-a", ALPHA, "team/app"), "the Secret", writer)
        assert site.pulls("team-a", PERSONAL, "mine/app")
        site.until(lambda: site.has_entry("team-a"), "the entry", writer)
        writer.until_ready()
        assert not site.has_entry("team-a", "builder")
        assert site.logins("team-b") == {}
        site.until(lambda: writer.metric('secret_writes_total{result="written"}') == 1, "the count", writer)
        for target in ("instance cri-alphaalphaalpha1", "Personal Edition in cn-hangzhou"):
            assert (writer.metric(f'token_end_timestamp_seconds{{target="{target}"}}') or 0) > time.time()
        site.until(lambda: (writer.metric("secret_end_timestamp_seconds") or 0) > time.time(), "its end", writer)
        assert writer.metric('token_renewals_total{cause="",result="renewed"}') == 2
        assert "pydantic" not in writer.maps()
        assert writer.end() == 0
        assert holder(site.client) == ""
        assert site.pulls("team-a", ALPHA, "team/app")


def test_a_change_of_the_config_map_changes_secrets_at_once(site: Site) -> None:
    with site.writer() as writer:
        site.until(lambda: site.has_entry("team-a"), "the entry", writer)
        edit(site.client, {"watch-namespace": "team-b", "service-account": "*"})
        site.until(lambda: site.has_entry("team-b") and site.has_entry("team-b", "builder"), "the others", writer)
        site.until(lambda: site.logins("team-a") == {} and not site.has_entry("team-a"), "the first to go", writer)
        edit(site.client, {"acr-registry-info": ITEMS.partition("- instanceId: ''")[0]})
        site.until(lambda: PERSONAL not in site.logins("team-b"), "Personal Edition to go", writer)
        assert site.pulls("team-b", ALPHA, "team/app")
        edit(site.client, {"compat-secrets": "off"})
        site.until(lambda: site.logins("team-b") == {} and not site.has_entry("team-b"), "all to go", writer)
        writer.until_ready()


def test_a_wrong_config_map_leaves_everything_as_it_is_and_is_told(site: Site) -> None:
    with site.writer() as writer:
        site.until(lambda: site.has_entry("team-a"), "the entry", writer)
        writer.until_ready()
        before = site.logins("team-a")
        edit(site.client, {"watch-namespace": "team-b", "expiring-threshold": "soon"})
        site.until(lambda: bool(site.events("ConfigMap", CONFIG_MAP, "ConfigurationWrong")), "the Event", writer)
        (event,) = site.events("ConfigMap", CONFIG_MAP, "ConfigurationWrong")
        assert "expiring-threshold" in (event.message or "")
        assert str(writer.state) not in (event.message or "")
        site.until(lambda: writer.metric("configuration_in_step") == 0, "the metric", writer)
        # The webhook goes on with what was good.
        assert writer.page("/readyz") == (200, "ok\n")
        assert writer.page("/healthz")[0] == 200
        assert site.logins("team-a") == before
        assert site.logins("team-b") == {}
        edit(site.client, {"expiring-threshold": "15m"})
        site.until(lambda: site.has_entry("team-b"), "what is right again", writer)
        writer.until_ready()
        assert writer.metric("configuration_in_step") == 1


def test_a_config_map_that_is_wrong_from_the_beginning_keeps_the_writer_from_being_ready(site: Site) -> None:
    edit(site.client, {"expiring-threshold": "soon"})
    with site.writer() as writer:
        site.until(lambda: "expiring-threshold" in writer.page("/readyz")[1], "the pod to say why", writer)
        assert writer.page("/readyz")[0] == 503
        assert site.logins("team-a") == {}
        edit(site.client, {"expiring-threshold": "15m"})
        site.until(lambda: site.has_entry("team-a"), "what is right", writer)
        writer.until_ready()


def test_without_a_config_map_the_defaults_count(site: Site) -> None:
    remove_configuration(site.client)
    make_namespace(site.client, "default")
    with site.writer() as writer:
        site.until(lambda: site.pulls("default", PERSONAL, "mine/app"), "the Secret", writer)
        assert len(site.logins("default")) == 6
        writer.until_ready()
        configure(site.client, watch_namespace="team-a", acr_registry_info=ITEMS)
        site.until(lambda: site.pulls("team-a", ALPHA, "team/app"), "the new ConfigMap", writer)
        site.until(lambda: site.logins("default") == {}, "the defaults to go", writer)


def test_a_second_writer_takes_over_without_writing_what_is_good(site: Site) -> None:
    with site.writer("first") as first:
        site.until(lambda: site.has_entry("team-a"), "the entry", first)
        before = site.cluster.secret("team-a")
        with site.writer("second") as second:
            second.until_ready()
            first.process.send_signal(signal.SIGTERM)
            site.until(second.leads, "the second to lead", second)
            make_namespace(site.client, "team-b")
            edit(site.client, {"watch-namespace": "team-a,team-b"})
            site.until(lambda: site.has_entry("team-b"), "the second to write", second)
            after = site.cluster.secret("team-a")
            assert before is not None and after is not None
            assert before.data == after.data


def test_the_leader_counts_nodes_and_forgets_those_that_are_gone(site: Site) -> None:
    now = time.time()
    make_namespace(site.client, NAMESPACE)
    for name, state, age in (("here", "ready", 10), ("quiet", "ready", 3600), ("gone", "failed", 25 * 3600)):
        lease = lease_of(NodeState(name, state, renewed=now - age), NAMESPACE)  # type: ignore[arg-type]
        site.client.create(lease)
    slot = Lease(
        metadata=ObjectMeta(name="rollout.slot-0", namespace=NAMESPACE),
        spec=LeaseSpec(renewTime=micro_time(now - 90 * 3600)),
    )
    site.client.create(slot)
    with site.writer() as writer:
        site.until(lambda: writer.metric('nodes{state="silent"}') == 1, "the count", writer)
        assert writer.metric('nodes{state="ready"}') == 1
        assert writer.metric('nodes{state="failed"}') == 0
        left = {lease.metadata.name for lease in site.client.list(Lease, namespace=NAMESPACE) if lease.metadata}
        assert {"here", "quiet", "rollout.slot-0"} < left
        assert "gone" not in left
    for name in ("here", "quiet", "rollout.slot-0"):
        site.client.delete(Lease, name, namespace=NAMESPACE)


def test_a_config_map_that_another_program_wrote_is_only_read(site: Site) -> None:
    before = site.client.get(ConfigMap, CONFIG_MAP, namespace=SYSTEM_NAMESPACE)
    with site.writer() as writer:
        site.until(lambda: site.has_entry("team-a"), "the entry", writer)
    after = site.client.get(ConfigMap, CONFIG_MAP, namespace=SYSTEM_NAMESPACE)
    assert before.metadata is not None and after.metadata is not None
    assert before.metadata.resourceVersion == after.metadata.resourceVersion


def test_the_webhook_is_answered_by_who_leads_and_by_who_does_not(site: Site, tmp_path: Path) -> None:
    trusted = write_authority(tmp_path, rsa_key())
    edit(site.client, {"webhook-configuration": "enable: true\n", "service-account": "*"})
    ports = iter((free_port(), free_port()))

    def writer(name: str) -> AbstractContextManager[Process]:
        options = (f"--webhook-listen=127.0.0.1:{next(ports)}", f"--webhook-authority={tmp_path}")
        return site.writer(name, *options, f"--webhook-service={HOOK}")

    with writer("first") as first, writer("second") as second:
        for each in (first, second):
            site.until(each.is_ready, "it to be ready", each)
        site.until(lambda: site.has_entry("team-a"), "the entry", first)
        for port in (first.webhook_port, second.webhook_port):
            answer = ask_webhook(port, trusted, "team-a", "app")
            assert answer["allowed"] is True
            assert json.loads(base64.b64decode(answer["patch"]))[0]["value"] == [{"name": SECRET}]
            assert "patch" not in ask_webhook(port, trusted, "team-b", "app")


def ask_webhook(port: int, trusted: Path, namespace: str, name: str) -> dict[str, Any]:
    """Ask as an API server does about a new ServiceAccount; returns the response."""
    request = {
        "uid": "u",
        "operation": "CREATE",
        "resource": {"group": "", "version": "v1", "resource": "serviceaccounts"},
        "namespace": namespace,
        "name": name,
        "object": {"metadata": {"name": name}},
    }
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    context = ssl.create_default_context(cafile=trusted)
    plain = socket.create_connection(("127.0.0.1", port), timeout=20)
    with context.wrap_socket(plain, server_hostname=HOOK) as secure:
        connection = HTTPConnection(HOOK)
        connection.sock = secure
        connection.request("POST", "/mutate?timeout=10s", json.dumps(review), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 200
        return dict(json.loads(answer.read())["response"])
