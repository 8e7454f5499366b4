"""The tokens in the Secrets over time: renewed, refused, and after a long stop."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lightkube import ApiError
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.admissionregistration_v1 import MutatingWebhookConfiguration
from lightkube.resources.core_v1 import ServiceAccount
from lightkube.types import PatchType

from provider.kubernetes.names import CONFIG_MAP
from tests.cluster.secrets_process import edit, free_port, seconds_until
from tests.cluster.secrets_site import ITEMS, Site, site_of
from tests.cluster.secrets_writer import Cluster
from tests.integration.node import ALPHA, Node
from tests.systems.system import wait_for
from tests.unit.webhook_authorities import rsa_key, write_authority


@pytest.fixture
def site(secrets_cluster: Cluster, node: Node) -> Iterator[Site]:
    with site_of(secrets_cluster, node) as made:
        yield made


def test_tokens_are_renewed_before_they_end_with_one_write(site: Site) -> None:
    site.node.cloud.world.authorization_token_seconds = 70
    edit(site.client, {"expiring-threshold": "60s"})
    with site.writer() as writer:
        site.until(lambda: bool(site.logins("team-a")), "the Secret", writer)
        first = site.logins("team-a")
        site.node.cloud.world.authorization_token_seconds = None
        waited = seconds_until(lambda: site.logins("team-a") != first, "the renewal", 60)
        assert waited < 45
        site.until(lambda: writer.metric('secret_writes_total{result="written"}') == 2, "the count", writer)
        assert site.pulls("team-a", ALPHA, "team/app")


def test_a_writer_that_stood_still_for_long_renews_at_once(site: Site) -> None:
    site.node.cloud.world.authorization_token_seconds = 45
    edit(site.client, {"expiring-threshold": "5s"})
    with site.writer() as writer:
        site.until(lambda: site.pulls("team-a", ALPHA, "team/app"), "the Secret", writer)
        first = site.logins("team-a")
        writer.stop()
        wait_for(lambda: not site.pulls("team-a", ALPHA, "team/app"), 60, "the token to end", pause=1)
        writer.go_on()
        waited = seconds_until(lambda: site.logins("team-a") != first, "the renewal", 40)
        assert waited < 25
        assert site.pulls("team-a", ALPHA, "team/app")


def test_what_is_refused_is_an_event_at_the_config_map_and_the_namespace(site: Site) -> None:
    edit(site.client, {"acr-registry-info": f"- instanceId: cri-partnerpartner02\n{ITEMS}"})
    with site.writer() as writer:
        site.until(lambda: site.pulls("team-a", ALPHA, "team/app"), "what works", writer)
        site.until(lambda: bool(site.events("ConfigMap", CONFIG_MAP, "TokenRefused")), "the Event", writer)
        (event,) = site.events("ConfigMap", CONFIG_MAP, "TokenRefused")
        for part in ("cri-partnerpartner02", "workerRole", "INSTANCE_NOT_EXIST", "RequestId"):
            assert part in (event.message or "")
        site.until(lambda: bool(site.events("Namespace", "team-a", "TokenRefused")), "the other Event", writer)
        assert writer.metric('token_renewals_total{cause="refused",result="failed"}') == 1
        assert writer.metric('token_end_timestamp_seconds{target="instance cri-partnerpartner02"}') == 0
        writer.until_ready()


def test_who_needs_no_token_is_not_refused_because_there_is_none(site: Site, tmp_path: Path) -> None:
    trusted = write_authority(tmp_path, rsa_key())
    edit(
        site.client,
        {
            "acr-registry-info": "- instanceId: cri-partnerpartner02\n",
            "webhook-configuration": "enable: true\nfailure-policy: Fail\n",
        },
    )
    port = free_port()
    options = (f"--webhook-listen=127.0.0.1:{port}", f"--webhook-authority={tmp_path}", "--webhook-service=localhost")
    with site.writer("writer", *options) as writer:
        # Else the Service leads to nobody.
        site.until(writer.is_ready, "it to be ready", writer)
        assert site.logins("team-a") == {}
        with asked_by_the_api_server(site, f"https://localhost:{port}/mutate", trusted):
            wait_for(lambda: is_made(site, "app"), 30, "the ServiceAccount to be let through")
        assert not site.has_entry("team-a", "app")
        site.until(lambda: bool(site.events("ConfigMap", CONFIG_MAP, "TokenRefused")), "the Event", writer)


def test_the_logins_of_an_instance_that_is_taken_away_go_also_where_nothing_takes_their_place(site: Site) -> None:
    with site.writer() as writer:
        site.until(lambda: site.pulls("team-a", ALPHA, "team/app"), "the Secret", writer)
        edit(site.client, {"acr-registry-info": "- instanceId: cri-partnerpartner02\n"})
        site.until(lambda: site.logins("team-a") == {}, "the logins to go", writer)
        assert site.cluster.secret("team-a") is not None


def test_logins_that_are_good_stay_where_the_next_writer_gets_none_and_go_where_the_cloud_says_no(site: Site) -> None:
    with site.writer() as writer:
        site.until(lambda: site.pulls("team-a", ALPHA, "team/app") and site.has_entry("team-a"), "the Secret", writer)
        assert writer.end() == 0
    first = site.logins("team-a")
    failed = 'token_renewals_total{cause="refused",result="failed"}'
    with site.writer("without-identity", "--token-mode=managedRole") as writer:
        site.until(lambda: writer.leads() and writer.metric(failed) == 2, "it to be refused", writer)
        removal = [{"op": "remove", "path": "/imagePullSecrets"}]
        site.client.patch(ServiceAccount, "default", removal, namespace="team-a", patch_type=PatchType.JSON)
        site.until(lambda: site.has_entry("team-a"), "it to have looked at the namespace", writer)
        assert writer.metric('secret_writes_total{result="written"}') is None
        assert site.logins("team-a") == first and site.pulls("team-a", ALPHA, "team/app")
        assert writer.end() == 0
    site.node.cloud.faults.set("acr", "status", status=403, code="NoPermission")
    with site.writer("without-permission") as writer:
        site.until(lambda: site.logins("team-a") == {}, "the logins to go", writer)


@contextmanager
def asked_by_the_api_server(site: Site, url: str, trusted: Path) -> Iterator[None]:
    """The API server asks there about ServiceAccounts of team-a, and refuses them where nobody answers."""
    hook = {
        "name": "serviceaccounts.webhook.example.com",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": "https://localhost:9/", "caBundle": base64.b64encode(trusted.read_bytes()).decode()},
        "rules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["serviceaccounts"]}
        ],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "team-a"}},
        "failurePolicy": "Fail",
        "sideEffects": "NoneOnDryRun",
    }
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration"}
    site.cluster.api.apply({**kind, "metadata": {"name": "hook"}, "webhooks": [hook]})
    try:
        wait_for(lambda: not is_made(site, "probe", dry_run=True), 30, "the API server to know the webhook")
        change = [{"op": "replace", "path": "/webhooks/0/clientConfig/url", "value": url}]
        site.client.patch(MutatingWebhookConfiguration, "hook", change, patch_type=PatchType.JSON)
        yield
    finally:
        site.client.delete(MutatingWebhookConfiguration, "hook")


def is_made(site: Site, name: str, *, dry_run: bool = False) -> bool:
    try:
        metadata = ObjectMeta(name=name, namespace="team-a")
        site.client.create(ServiceAccount(metadata=metadata), dry_run=dry_run)
    except ApiError as error:
        assert "hook" in (error.status.message or ""), error
        return False
    return True
