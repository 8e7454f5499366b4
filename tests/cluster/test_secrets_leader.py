"""Who writes the Secrets, with real processes and a real API server: killed, cut off, stopped, released."""

import signal
from collections.abc import Iterator

import pytest

from provider.secrets.leader import DURATION_SECONDS, GIVE_UP_SECONDS, STAND_SECONDS
from tests.cluster.api import OwnApi
from tests.cluster.secrets_process import Process, holder, running, seconds_until
from tests.cluster.secrets_writer import Cluster
from tests.integration.node import Node

TAKEN_SECONDS = DURATION_SECONDS + 2 * STAND_SECONDS
"""In which somebody else leads when the leader has gone without a word."""
LEEWAY_SECONDS = 5.0


@pytest.fixture
def pair(secrets_cluster: Cluster, node: Node) -> Iterator[tuple[Process, Process]]:
    """Two writers that take Secrets away: they need no tokens. The first one leads."""
    one = running(secrets_cluster.client, secrets_cluster.kubeconfig, node, "one", "--remove")
    two = running(secrets_cluster.client, secrets_cluster.kubeconfig, node, "two", "--remove")
    with one as first:
        seconds_until(first.leads, "the first to lead", TAKEN_SECONDS + 20)
        with two as second:
            second.until_ready()
            yield first, second


def test_one_leads_and_the_lease_says_which(secrets_cluster: Cluster, pair: tuple[Process, Process]) -> None:
    first, second = pair
    assert holder(secrets_cluster.client) == "one"
    assert (first.leads(), second.leads()) == (True, False)
    assert first.metric('nodes{state="ready"}') == 0 or first.metric('nodes{state="ready"}') is None
    assert second.metric('nodes{state="ready"}') is None


def test_the_other_one_leads_when_the_leader_is_killed(secrets_cluster: Cluster, pair: tuple[Process, Process]) -> None:
    first, second = pair
    first.process.kill()
    waited = seconds_until(second.leads, "the second to lead", TAKEN_SECONDS + LEEWAY_SECONDS)
    assert waited >= DURATION_SECONDS - 2 * STAND_SECONDS
    assert holder(secrets_cluster.client) == "two"


def test_leadership_is_given_up_at_once_on_sigterm(secrets_cluster: Cluster, pair: tuple[Process, Process]) -> None:
    first, second = pair
    assert first.end() == 0
    assert holder(secrets_cluster.client) in ("", "two")
    waited = seconds_until(second.leads, "the second to lead", 2 * STAND_SECONDS + LEEWAY_SECONDS)
    assert waited < DURATION_SECONDS


def test_a_leader_that_stood_still_does_not_write_when_it_goes_on(pair: tuple[Process, Process]) -> None:
    first, second = pair
    first.stop()
    seconds_until(second.leads, "the second to lead", TAKEN_SECONDS + LEEWAY_SECONDS)
    first.go_on()
    seconds_until(lambda: first.metric("leader") == 0, "the first to see it", LEEWAY_SECONDS)
    assert second.leads()
    assert "writes no Secrets any more" in first.log


def test_a_leader_that_is_cut_off_stops_before_its_lease_ends(own_api: OwnApi, node: Node) -> None:
    with (
        own_api.client() as client,
        running(client, own_api.kubeconfig, node, "one", "--remove") as first,
    ):
        seconds_until(first.leads, "it to lead")
        own_api.stop_answering()
        try:
            waited = seconds_until(lambda: first.metric("leader") == 0, "it to stop", DURATION_SECONDS)
        finally:
            own_api.answer()
        assert GIVE_UP_SECONDS - LEEWAY_SECONDS <= waited < DURATION_SECONDS
        seconds_until(first.leads, "it to lead again")
        first.process.send_signal(signal.SIGINT)
        assert first.process.wait(20) == 0
        assert holder(client) == ""
