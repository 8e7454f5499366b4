"""When Secrets are written anew, and by whom."""

import base64
import json
import time

import pytest

from provider.kubernetes.names import SECRET
from provider.secrets import reconcile
from provider.secrets.desired import NO_LOGINS, Content
from tests.cluster.secrets_writer import HOUR, NOTHING, Cluster, Writer, content, desired

NAMESPACES = tuple(f"renew-{number}" for number in range(5))


@pytest.fixture(scope="module", autouse=True)
def served(secrets_cluster: Cluster) -> None:
    """Namespaces with two ServiceAccounts each."""
    for name in NAMESPACES:
        secrets_cluster.namespace(name, default=None, app=["x"])


def versions(cluster: Cluster) -> list[str]:
    secrets = [cluster.secret(name) for name in NAMESPACES]
    return [str(secret.metadata.resourceVersion) for secret in secrets if secret and secret.metadata]


def test_a_renewal_is_one_write_a_secret_and_at_rest_nothing_is_asked(secrets_cluster: Cluster) -> None:
    with Writer(secrets_cluster.kubeconfig, desired(*NAMESPACES, accounts=("*",))) as writer:
        writer.settles()
        assert not writer.requests_in(5)
        before = dict(writer.requests)
        # Not due yet: the tokens in them are good.
        writer.want(writer.wanted, content=content("second", lives=2 * HOUR))
        assert not writer.requests_in(1)
        writer.clock_is_ahead = HOUR - 600
        writer.want(writer.wanted, content=content("third", lives=2 * HOUR))
        writer.settles()
        assert {secrets_cluster.password(name) for name in NAMESPACES} == {"third"}
        assert writer.requests["PATCH 200"] - before["PATCH 200"] == len(NAMESPACES)
        assert not writer.requests_in(2)


def test_a_clock_that_jumps_is_noticed_without_anybody_saying_so(
    secrets_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "SWEEP_SECONDS", 1.0)
    with Writer(secrets_cluster.kubeconfig, desired(*NAMESPACES, holds=content("before", key="jump"))) as writer:
        writer.settles().want(writer.wanted, content=content("after", key="jump", lives=3 * HOUR))
        writer.settles()
        assert not writer.requests_in(2)
        assert secrets_cluster.password(NAMESPACES[0]) == "before"
        writer.clock_is_ahead = HOUR - 900 + 5
        secrets_cluster.until(lambda: secrets_cluster.password(NAMESPACES[0]) == "after", "the renewal")
        # Back again, and nothing to do.
        writer.settles().clock_is_ahead = -10 * HOUR
        assert not writer.requests_in(2.5)


def test_who_begins_to_lead_writes_only_what_is_due(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    with Writer(cluster.kubeconfig, desired(*NAMESPACES, holds=content("one", key="lead"))) as writer:
        writer.settles()
    before = versions(cluster)
    with Writer(cluster.kubeconfig, desired(*NAMESPACES, holds=content("two", key="lead"))) as writer:
        writer.settles()
        assert not writer.writes and versions(cluster) == before
        writer.want(writer.wanted, content=content("three", key="other"))
        writer.settles()
        assert writer.writes == {"written": len(NAMESPACES)}
    with Writer(cluster.kubeconfig, desired(*NAMESPACES, holds=content("four", key="other", lives=2 * HOUR))) as writer:
        writer.settles().clock_is_ahead = HOUR
        # As after a long stop.
        writer.want(writer.wanted, takeover=True)
        writer.settles()
        assert writer.writes == {"written": len(NAMESPACES)}


def test_without_tokens_nothing_is_written_and_nothing_wanted_removed(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    some, rest = NAMESPACES[:2], NAMESPACES[2:]
    with Writer(cluster.kubeconfig, desired(*NAMESPACES, holds=content("kept", key="kept"))) as writer:
        writer.settles()
    cluster.namespace("renew-late", default=None)
    with Writer(cluster.kubeconfig, desired(*some, "renew-late")) as writer:
        writer.leads = False
        writer.want(writer.wanted, content=None)
        writer.leads = True
        writer.settles()
        cluster.until(lambda: not any(map(cluster.secret, rest)), "what is not wanted to go")
        assert [cluster.password(name) for name in some] == ["kept", "kept"]
        assert cluster.secret("renew-late") is None and cluster.pulls("renew-late", "default") is None


def test_logins_that_have_ended_go_and_so_do_those_that_nobody_has_any_more(
    secrets_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "SWEEP_SECONDS", 0.5)
    name = NAMESPACES[0]
    with Writer(secrets_cluster.kubeconfig, desired(name, holds=content("ends", key="ends"))) as writer:
        writer.settles().want(writer.wanted, content=None)
        writer.settles().clock_is_ahead = HOUR - 10
        assert not writer.requests_in(1.5) and secrets_cluster.password(name) == "ends"
        writer.clock_is_ahead = HOUR
        secrets_cluster.until(lambda: logins(secrets_cluster, name) == {}, "the logins to go")
        assert not writer.settles().requests_in(1.5)
        writer.clock_is_ahead = 0
        writer.want(writer.wanted, content=content("again", key="ends"))
        secrets_cluster.until(lambda: secrets_cluster.password(name) == "again", "the new ones")
        writer.settles().want(writer.wanted, content=Content(NO_LOGINS, "none", 0, 0))
        secrets_cluster.until(lambda: logins(secrets_cluster, name) == {}, "the logins to go")
        assert not writer.settles().requests_in(1.5)
        assert secrets_cluster.pulls(name, "default") == [SECRET]


def logins(cluster: Cluster, namespace: str) -> object:
    secret = cluster.secret(namespace)
    assert secret is not None and secret.data is not None
    return json.loads(base64.b64decode(secret.data[".dockerconfigjson"]))["auths"]


def test_who_does_not_lead_writes_nothing_until_it_leads(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    with Writer(cluster.kubeconfig, desired(*NAMESPACES, holds=content("next", key="next")), leads=False) as writer:
        cluster.until(lambda: writer.progress().is_synced, "the caches")
        cluster.account(NAMESPACES[0], "young")
        time.sleep(2)
        assert not writer.writes and not writer.requests["PATCH 200"]
        assert writer.progress().pending == len(NAMESPACES)
        writer.leads = True
        cluster.until(lambda: not writer.progress().pending, "it to be done")
        assert cluster.password(NAMESPACES[4]) == "next"
        writer.leads = False
        time.sleep(reconcile.TICK_SECONDS)
        writer.want(NOTHING)
        time.sleep(1)
        assert cluster.password(NAMESPACES[4]) == "next" and writer.writes == {"written": len(NAMESPACES)}


def test_leadership_that_ends_in_the_middle_ends_the_writes(secrets_cluster: Cluster) -> None:
    """Asked before every write, and not only where a namespace begins."""
    cluster = secrets_cluster
    cluster.namespace("middle", **{f"app-{number}": None for number in range(30)})
    with Writer(cluster.kubeconfig, desired("middle", accounts=("*",)), leads=False) as writer:
        cluster.until(lambda: writer.progress().is_synced, "the caches")
        allowed = iter((True,) * 10)
        writer.may_write = lambda: next(allowed, False)
        time.sleep(3)
        done = [number for number in range(30) if cluster.pulls("middle", f"app-{number}") == [SECRET]]
        assert 1 <= writer.requests["PATCH 200"] <= 10
        assert len(done) < 10
