"""The tokens in the Secrets over time: renewed, refused, and after a long stop."""

from collections.abc import Iterator

import pytest

from provider.kubernetes.names import CONFIG_MAP
from tests.cluster.secrets_process import edit, seconds_until
from tests.cluster.secrets_site import ITEMS, Site, site_of
from tests.cluster.secrets_writer import Cluster
from tests.integration.node import ALPHA, Node
from tests.systems.system import wait_for


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
        writer.until_ready()
