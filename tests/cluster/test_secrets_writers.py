"""Other writers of the same Secret: nobody is overwritten, and nobody fights."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from provider.kubernetes.names import FIELD_MANAGER, SECRET
from provider.secrets import reconcile, serve
from tests.cluster.secrets_writer import INCUMBENT, NOTHING, Cluster, Writer, content, desired


def test_another_writers_secret_is_left_alone_and_people_are_told(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    cluster.namespace("theirs", default=None, app=[SECRET])
    cluster.incumbent_writes("theirs")
    with Writer(cluster.kubeconfig, desired("theirs", accounts=("*",))) as writer:
        writer.settles()
        cluster.until(lambda: writer.events, "an Event")
        event = writer.events[0]
        assert (event.reason, event.type) == ("AnotherWriter", "Warning")
        assert (event.involvedObject.kind, event.involvedObject.name) == ("Secret", SECRET)
        assert event.metadata is not None and event.metadata.namespace == "theirs"
        assert event.message is not None and INCUMBENT in event.message
        assert cluster.password("theirs") == "theirs" and cluster.pulls("theirs", "default") is None
        assert not writer.writes and writer.progress().left_alone == 1
        writer.want(NOTHING)
        writer.settles()
        assert cluster.password("theirs") == "theirs" and cluster.pulls("theirs", "app") == [SECRET]


def test_one_that_comes_between_is_not_overwritten(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    cluster.namespace("between", default=None)
    with Writer(cluster.kubeconfig, desired("between")) as writer:
        writer.settles()
        cluster.incumbent_writes("between")
        cluster.until(lambda: writer.reasons() == ["AnotherWriter"], "an Event")
        writer.want(desired("between", holds=content("second", key="second")))
        writer.settles()
        assert cluster.password("between") == "theirs"
        # It was served before: what is there works, whoever wrote it.
        assert cluster.pulls("between", "default") == [SECRET]


def test_takeover_takes_over_once(secrets_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = secrets_cluster
    cluster.namespace("over", default=[SECRET])
    cluster.incumbent_writes("over")
    with Writer(cluster.kubeconfig, desired("over")) as writer:
        writer.settles()
        writer.want(writer.wanted, takeover=True)
        cluster.until(lambda: cluster.password("over") == "first", "the takeover")
        writer.settles()
        assert writer.writes == {"written": 1} and writer.reasons() == ["AnotherWriter"]
        writer.events.clear()
        cluster.incumbent_writes("over", "again")
        time.sleep(1.5)
        assert cluster.password("over") == "again" and writer.writes == {"written": 1}
        assert writer.progress().left_alone == 1
        monkeypatch.setattr(serve, "FORCE_SECONDS", 1.0)
        writer.want(writer.wanted, content=content("third"))
        cluster.until(lambda: cluster.password("over") == "third", "the next takeover")


def test_a_takeover_that_is_refused_is_tried_again_and_nobody_is_told_otherwise(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    cluster.namespace("kept", default=None)
    cluster.incumbent_writes("kept")
    cluster.refuse("secrets", "object.metadata.namespace != 'kept'")
    changed = {"metadata": {"labels": {"n": "1"}}}
    cluster.until(lambda: not cluster.attempt_to_patch_secret("kept", changed), "the policy")
    with Writer(cluster.kubeconfig, desired("kept")) as writer:
        writer.settles().want(writer.wanted, takeover=True)
        cluster.until(lambda: writer.writes["refused"] >= 2, "two attempts")
        cluster.allow("secrets")
        cluster.until(lambda: cluster.password("kept") == "first", "the takeover")
        assert set(writer.reasons()) == {"AnotherWriter", "SecretRefused"} and writer.progress().left_alone == 0


def test_what_could_not_be_said_is_said_later(secrets_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "SWEEP_SECONDS", 0.5)
    cluster = secrets_cluster
    names = [f"quiet-{number}" for number in range(6)]
    for name in names:
        cluster.namespace(name)
        cluster.incumbent_writes(name)
    writer = Writer(cluster.kubeconfig, desired(*names))
    writer.takes_events = 2
    with writer:
        cluster.until(lambda: len(writer.events) == 2, "the first Events")
        # Beginning to lead has all of it said again, too.
        time.sleep(2 * reconcile.TICK_SECONDS)
        writer.takes_events = 100
        cluster.until(lambda: len(writer.events) == len(names), "the others")
        assert {event.metadata.namespace for event in writer.events if event.metadata} == set(names)


def test_two_that_write_all_the_time_do_not_fight(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    cluster.namespace("both", default=None)
    with incumbent(cluster, "both"), Writer(cluster.kubeconfig, desired("both")) as writer:
        writer.want(writer.wanted, takeover=True)
        cluster.until(lambda: writer.writes["written"], "the takeover")
        cluster.until(lambda: writer.reasons(), "an Event")
        time.sleep(3)
        assert writer.writes["written"] == 1
        assert writer.writes["conflict"] <= 3
        assert set(writer.reasons()) == {"AnotherWriter"}


@contextmanager
def incumbent(cluster: Cluster, namespace: str) -> Iterator[None]:
    """Another program that writes its Secret five times a second."""
    stop = Event()

    def write() -> None:
        times = 0
        while not stop.wait(0.2):
            times += 1
            cluster.incumbent_writes(namespace, f"theirs-{times}")

    cluster.incumbent_writes(namespace)
    thread = Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("takeover", [False, True], ids=["left", "takeover"])
def test_another_type_cannot_be_changed(secrets_cluster: Cluster, takeover: bool) -> None:
    cluster = secrets_cluster
    namespace = f"type-{takeover}".lower()
    cluster.namespace(namespace, default=None)
    cluster.incumbent_writes(namespace, type="Opaque")
    with Writer(cluster.kubeconfig, desired(namespace)) as writer:
        writer.settles()
        writer.want(writer.wanted, takeover=takeover)
        cluster.until(lambda: writer.events, "an Event")
        assert writer.reasons() == ["ImmutableSecret"] and not writer.writes
        assert writer.events[0].message is not None and "type" in writer.events[0].message


def test_one_that_somebody_made_immutable_is_told_when_it_is_due_and_can_be_removed(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    cluster.namespace("fixed", default=None)
    with Writer(cluster.kubeconfig, desired("fixed")) as writer:
        writer.settles()
        cluster.patch_secret("fixed", {"immutable": True})
        writer.want(writer.wanted, content=content("second", key="second"))
        cluster.until(lambda: writer.reasons() == ["ImmutableSecret"], "an Event")
        assert cluster.password("fixed") == "first" and writer.writes == {"written": 1}
        writer.want(NOTHING)
        writer.settles()
        assert cluster.secret("fixed") is None and cluster.pulls("fixed", "default") is None


def test_a_label_that_somebody_changes_does_not_stop_renewal(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    cluster.namespace("label", default=None)
    with Writer(cluster.kubeconfig, desired("label")) as writer:
        writer.settles()
        cluster.patch_secret("label", {"metadata": {"labels": {"app.kubernetes.io/managed-by": "me", "team": "x"}}})
        writer.want(writer.wanted, content=content("second", key="second"))
        cluster.until(lambda: cluster.password("label") == "second", "the renewal")
        secret = cluster.secret("label")
        assert secret is not None and secret.metadata is not None
        assert (secret.metadata.labels or {}) == {"app.kubernetes.io/managed-by": FIELD_MANAGER, "team": "x"}
        assert writer.writes["written"] == 2 and not writer.events
