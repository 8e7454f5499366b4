"""Which namespaces and ServiceAccounts get the Secret, and what goes again."""

import base64
import time
from dataclasses import replace

from lightkube.models.core_v1 import ResourceQuotaSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Namespace, ResourceQuota, Secret, ServiceAccount
from lightkube.types import PatchType

from provider.kubernetes.names import SECRET
from provider.secrets import reconcile, serve
from tests.cluster.secrets_writer import NOTHING, Cluster, Writer, content, desired

CONTESTED_SECONDS = 6.0
"""Less than what has been undone three times and more has to wait."""


def test_the_selected_get_it_and_nobody_else(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    cluster.namespace("first-a", default=None, app=["mine"], other=["mine"])
    cluster.namespace("first-b", default=[])
    cluster.namespace("first-c", default=None)
    wanted = desired("first-a", "first-b", "first-missing", accounts=("default", "app", "missing"))
    with Writer(cluster.kubeconfig, wanted) as writer:
        writer.settles()
        assert cluster.pulls("first-a", "default") == cluster.pulls("first-b", "default") == [SECRET]
        assert cluster.pulls("first-a", "app") == ["mine", SECRET]
        assert cluster.pulls("first-a", "other") == ["mine"]
        assert cluster.pulls("first-c", "default") is None and cluster.secret("first-c") is None
        secret = cluster.secret("first-a")
        assert secret is not None and secret.metadata is not None and secret.data is not None
        assert secret.type == "kubernetes.io/dockerconfigjson"
        assert (secret.metadata.labels or {})["app.kubernetes.io/managed-by"] == "aliyun-acr-credential-provider"
        assert base64.b64decode(secret.data[".dockerconfigjson"]) == content().docker_config
        assert writer.writes == {"written": 2}
        assert writer.requests == {"GET 200": 3, "WATCH 200": 3, "PATCH 200": 5}
        assert not writer.events and not writer.lines
        progress = writer.progress()
        assert (progress.total, progress.left_alone) == (2, 0)


def test_all_of_all_and_what_is_new_at_once(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    cluster.namespace("every-a", default=None, app=["x", "y"])
    with Writer(cluster.kubeconfig, desired("all", accounts=("*",))) as writer:
        writer.settles()
        assert cluster.pulls("every-a", "app") == ["x", "y", SECRET]
        assert cluster.secret("kube-system") is not None
        # No sweep is near.
        time.sleep(2 * reconcile.TICK_SECONDS)
        begun = time.monotonic()
        cluster.account("every-a", "new")
        cluster.until(lambda: cluster.pulls("every-a", "new"), "the new ServiceAccount's entry")
        cluster.namespace("every-new", default=None)
        cluster.until(lambda: cluster.pulls("every-new", "default"), "the new namespace's entry")
        cluster.namespace("every-empty")
        cluster.until(lambda: cluster.secret("every-empty"), "the Secret that the first ServiceAccount will want")
        assert time.monotonic() - begun < reconcile.SWEEP_SECONDS / 2
        assert cluster.password("every-new") == "first"
        writer.settles().want(NOTHING)
        writer.settles()
        assert cluster.pulls("every-a", "app") == ["x", "y"]
        assert cluster.pulls("every-new", "default") is None
        everywhere = cluster.client.list(Secret, namespace="*", fields={"metadata.name": SECRET})
        assert not list(everywhere)


def test_who_is_no_longer_selected_loses_it_and_users_own_entries_stay(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    cluster.namespace("less-a", default=["x"], app=None, users=[SECRET])
    cluster.namespace("less-b", default=["x"], users=["x", SECRET])
    wanted = desired("less-a", "less-b", accounts=("default", "app"))
    with Writer(cluster.kubeconfig, wanted) as writer:
        writer.settles()
        writer.want(desired("less-a", accounts=("default",)))
        writer.settles()
        assert cluster.pulls("less-a", "app") is None
        assert cluster.pulls("less-a", "default") == ["x", SECRET] and cluster.pulls("less-b", "default") == ["x"]
        assert cluster.secret("less-b") is None and cluster.secret("less-a") is not None
        writer.want(NOTHING)
        writer.settles()
        assert cluster.secret("less-a") is None
        assert cluster.pulls("less-a", "default") == ["x"]
        assert cluster.pulls("less-a", "users") == [SECRET] and cluster.pulls("less-b", "users") == ["x", SECRET]


def test_what_was_deselected_while_nobody_led_goes_too(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    cluster.namespace("away-a", default=None, app=None)
    cluster.namespace("away-b", default=None)
    with Writer(cluster.kubeconfig, desired("away-a", "away-b", accounts=("*",))) as writer:
        writer.settles()
    with Writer(cluster.kubeconfig, desired("away-a", accounts=("app",))) as writer:
        writer.settles()
        assert cluster.pulls("away-a", "default") is None and cluster.pulls("away-a", "app") == [SECRET]
        assert cluster.pulls("away-b", "default") is None and cluster.secret("away-b") is None


def test_what_somebody_takes_away_comes_back(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    cluster.namespace("back", default=None)
    with Writer(cluster.kubeconfig, desired("back")) as writer:
        writer.settles()
        cluster.client.delete(Secret, SECRET, namespace="back")
        cluster.until(lambda: cluster.secret("back"), "the Secret to come back")
        cluster.client.patch(
            ServiceAccount, "default", {"imagePullSecrets": None}, namespace="back", patch_type=PatchType.MERGE
        )
        cluster.until(lambda: cluster.pulls("back", "default"), "the entry to come back")


def test_where_somebody_takes_it_away_again_and_again_nobody_fights(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    cluster.namespace("fight", default=None)
    with Writer(cluster.kubeconfig, desired("fight", accounts=("*",))) as writer:
        writer.settles()
        before, end = writer.requests["PATCH 200"], time.monotonic() + 10
        while time.monotonic() < end:
            if cluster.pulls("fight", "default"):
                cluster.client.patch(
                    ServiceAccount, "default", {"imagePullSecrets": None}, namespace="fight", patch_type=PatchType.MERGE
                )
            time.sleep(0.02)
        assert 2 <= writer.requests["PATCH 200"] - before <= 5
        assert writer.reasons() == ["EntryRemoved"]
        removed = writer.events[0].involvedObject
        assert (removed.kind, removed.namespace, removed.name) == ("ServiceAccount", "fight", "default")
        # It waits alone.
        assert cluster.pulls("fight", "default") is None
        cluster.account("fight", "other")
        cluster.until(lambda: cluster.pulls("fight", "other"), "the other's entry")
        assert cluster.pulls("fight", "default") is None
        # Who begins to lead knows nothing of it.
        for writer.leads in (False, True):
            writer.notices()
        cluster.until(lambda: cluster.pulls("fight", "default"), "the entry to come back")
        begun = time.monotonic()
        cluster.client.patch(
            ServiceAccount, "default", {"imagePullSecrets": None}, namespace="fight", patch_type=PatchType.MERGE
        )
        cluster.until(lambda: cluster.pulls("fight", "default"), "the entry to come back")
        assert time.monotonic() - begun < CONTESTED_SECONDS


def test_where_somebody_takes_the_secret_away_again_and_again_people_are_told(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    cluster.namespace("swept", default=None)
    with Writer(cluster.kubeconfig, desired("swept")) as writer:
        writer.settles()
        # It forgets what was undone when it finds that it leads.
        writer.notices()
        for _ in range(serve.TELL_AFTER):
            assert not writer.events
            cluster.until(lambda: cluster.secret("swept"), "the Secret to come back")
            cluster.client.delete(Secret, SECRET, namespace="swept")
        cluster.until(lambda: writer.events, "an Event")
        assert writer.reasons() == ["SecretRemoved"]
        told = writer.events[0].involvedObject
        assert (told.kind, told.name) == ("Namespace", "swept")
        cluster.until(lambda: cluster.secret("swept"), "the Secret to come back")
        # Who begins to lead knows nothing of it.
        for writer.leads in (False, True):
            writer.notices()
        begun = time.monotonic()
        cluster.client.delete(Secret, SECRET, namespace="swept")
        cluster.until(lambda: cluster.secret("swept"), "the Secret to come back")
        assert time.monotonic() - begun < CONTESTED_SECONDS


def test_what_the_leader_or_a_user_takes_away_is_no_fight(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    cluster.namespace("handed", default=None, users=[SECRET])
    with (
        Writer(cluster.kubeconfig, desired("handed")) as leader,
        Writer(cluster.kubeconfig, desired("handed"), leads=False) as follower,
    ):
        for _ in range(5):
            leader.want(desired("handed"))
            cluster.until(lambda: cluster.pulls("handed", "default"), "the entry")
            leader.want(NOTHING)
            cluster.until(lambda: cluster.secret("handed") is None, "the Secret to go")
        leader.want(desired("handed"))
        cluster.until(lambda: cluster.pulls("handed", "default"), "the entry")
        leader.leads = False
        follower.leads = True
        time.sleep(2 * reconcile.TICK_SECONDS)
        for pulls in (["x"], [SECRET], ["x"], [SECRET], ["x"], [SECRET], ["x"]):
            changes = {"imagePullSecrets": [{"name": name} for name in pulls]}
            cluster.client.patch(ServiceAccount, "users", changes, namespace="handed", patch_type=PatchType.MERGE)
        begun = time.monotonic()
        cluster.client.patch(
            ServiceAccount, "default", {"imagePullSecrets": None}, namespace="handed", patch_type=PatchType.MERGE
        )
        cluster.client.delete(Secret, SECRET, namespace="handed")
        cluster.until(lambda: cluster.pulls("handed", "default") and cluster.secret("handed"), "both to come back")
        assert time.monotonic() - begun < CONTESTED_SECONDS
        follower.want(desired("handed", accounts=("default", "users")))
        cluster.until(lambda: cluster.pulls("handed", "users") == ["x", SECRET], "the entry")
        assert not follower.events


def test_namespaces_on_their_way_out_are_left_alone(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    cluster.namespace("goes", default=None)
    # No controller is there that would empty it.
    cluster.client.delete(Namespace, "goes")
    with Writer(cluster.kubeconfig, desired("goes")) as writer:
        writer.settles()
        assert cluster.secret("goes") is None and cluster.pulls("goes", "default") is None
        assert not writer.events and not writer.writes["written"] and not writer.lines
        assert not any(request.endswith(("403", "404", "409")) for request in writer.requests)
        assert writer.progress().total == 0


def test_namespaces_that_go_while_they_are_served_are_nobodys_trouble(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    names = [f"short-{number}" for number in range(30)]
    with Writer(cluster.kubeconfig, desired(*names)) as writer:
        writer.settles()
        for name in names:
            cluster.namespace(name)
            cluster.client.delete(Namespace, name)
        writer.settles()
        assert not writer.events and not writer.lines


def test_a_quota_that_allows_no_secret_is_told_and_tried_again(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    cluster.namespace("full", default=None)
    cluster.namespace("full-not", default=None)
    none = {"count/secrets": "0"}
    quota = ResourceQuota(metadata=ObjectMeta(name="q", namespace="full"), spec=ResourceQuotaSpec(hard=none))
    cluster.client.create(quota)
    # As the controller would, which is not there.
    counted = {"status": {"hard": none, "used": {"count/secrets": "0"}}}
    cluster.client.patch(ResourceQuota.Status, "q", counted, namespace="full")
    with Writer(cluster.kubeconfig, desired("full", "full-not")) as writer:
        cluster.until(lambda: writer.writes["refused"] >= 2, "two attempts")
        assert writer.reasons() == ["SecretRefused"]
        event = writer.events[0]
        assert event.message is not None and "exceeded quota" in event.message
        assert event.involvedObject.kind == "Namespace" and event.involvedObject.name == "full"
        assert cluster.pulls("full", "default") is None
        assert cluster.pulls("full-not", "default") == [SECRET]
        cluster.client.delete(ResourceQuota, "q", namespace="full")
        writer.want(replace(writer.wanted, content=content("second", key="second")))
        cluster.until(lambda: cluster.pulls("full", "default"), "it to be served")
