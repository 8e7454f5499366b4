"""What the webhook asks for, on replicas that do not lead."""

import time

import pytest

from provider.errors import ProviderError
from provider.kubernetes.names import SECRET
from provider.secrets import ensure
from provider.secrets.desired import NO_LOGINS, Content
from tests.cluster.api import OwnApi
from tests.cluster.secrets_writer import Cluster, Writer, content, desired


@pytest.fixture
def follower(secrets_cluster: Cluster) -> Writer:
    return Writer(secrets_cluster.kubeconfig, desired("all"), leads=False)


def test_a_missing_secret_is_written_once_for_all_who_ask(secrets_cluster: Cluster, follower: Writer) -> None:
    with follower:
        secrets_cluster.until(lambda: follower.progress().is_synced, "the caches")
        secrets_cluster.namespace("asked", default=None)
        assert follower.ensure(*["asked"] * 50) == [True] * 50
        assert secrets_cluster.password("asked") == "first"
        assert follower.requests["PATCH 200"] == 1
        assert follower.ensure("asked") == [True] and follower.requests["PATCH 200"] == 1
        assert follower.writes == {"written": 1}
        # Entries are the webhook's, or the leader's.
        assert secrets_cluster.pulls("asked", "default") is None


def test_one_that_is_there_is_not_written(secrets_cluster: Cluster, follower: Writer) -> None:
    secrets_cluster.namespace("there", default=None)
    with Writer(secrets_cluster.kubeconfig, desired("there")) as leader:
        leader.settles()
    with follower:
        follower.want(desired("all", holds=content("second", key="second")))
        assert follower.ensure("there") == [True]
        assert secrets_cluster.password("there") == "first"


def test_what_is_not_ours_or_not_possible(secrets_cluster: Cluster, follower: Writer) -> None:
    cluster = secrets_cluster
    cluster.namespace("not-ours", default=None)
    cluster.namespace("not-served", default=None)
    cluster.incumbent_writes("not-ours")
    with follower:
        assert follower.ensure("not-ours") == [False]
        with pytest.raises(ProviderError, match="not found"):
            follower.ensure("no-such-namespace")
        follower.want(desired("not-ours"))
        assert follower.ensure("not-served") == [False]
        follower.want(desired("all"), content=None)
        with pytest.raises(ProviderError, match="no token"):
            follower.ensure("not-served")
        follower.want(desired("all"), content=None, is_refused=True)
        assert follower.ensure("not-served") == [False]
        follower.want(desired("all"), content=Content(NO_LOGINS, "none", 0, 0))
        assert follower.ensure("not-served") == [False]
        assert cluster.secret("not-served") is None and cluster.password("not-ours") == "theirs"


def test_a_secret_that_another_writer_made_a_moment_ago_is_not_overwritten(
    secrets_cluster: Cluster, follower: Writer
) -> None:
    with follower:
        secrets_cluster.until(lambda: follower.progress().is_synced, "the caches")
        for number in range(5):
            namespace = f"race-{number}"
            secrets_cluster.namespace(namespace)
            secrets_cluster.incumbent_writes(namespace)
            assert follower.ensure(namespace) == [False]
            assert secrets_cluster.password(namespace) == "theirs"


def test_nobody_waits_long_for_an_api_server_that_does_not_answer(own_api: OwnApi) -> None:
    own_api.kubectl("create", "namespace", "team")
    with Writer(own_api.kubeconfig, desired("all"), leads=False) as follower:
        assert follower.ensure("team") == [True]
        own_api.kubectl("delete", "secret", SECRET, "--namespace=team")
        time.sleep(1)
        own_api.stop_answering()
        begun = time.monotonic()
        with pytest.raises(ProviderError, match="did not let it be written"):
            follower.ensure("team")
        assert time.monotonic() - begun < ensure.SECONDS + 8
        own_api.answer()
