"""What is said of a node: its Lease and its metrics."""

from typing import Any

import pytest
from prometheus_client import generate_latest

from provider.agent.configuration import Outcome
from provider.agent.node_metrics import NodeMetrics
from provider.agent.node_state import RECENT_SECONDS, Complaint, Found, complaints_of, recent_refusals, state_of_node
from provider.kubernetes.node_lease import lease_of, state_of
from provider.node.report import STALE_SECONDS, Refusal, Report

NOW = 1_700_000_000.0
IN_STEP = Outcome("in step")
WRONG = Outcome("wrong", "ConfigMap is wrong:\nline 5: expiring-threshold: is not a duration", "configuration")


def report(**changed: Any) -> Report:
    fields: dict[str, Any] = {
        "written": NOW - 60,
        "version": "1.2.3",
        "restart_pending": False,
        "wrong": (),
        "waiting": (),
        "refusals": (),
    }
    return Report(**fields | changed)


def refusal(ago: float, cause: str = "refused", line: str = "a.io: no permission") -> Refusal:
    return Refusal(NOW - ago, cause, line)


STATES = {
    "well": (Found(IN_STEP, report()), NOW, "ready", ""),
    "waits": (Found(IN_STEP, report(waiting=("in effect: restart pending",))), NOW, "pending", "restart pending"),
    "wrong": (
        Found(IN_STEP, report(wrong=("kubelet: is not well", "flags: gone"), waiting=("x: y",))),
        NOW, "failed", "kubelet: is not well; flags: gone",
    ),
    "nobody has looked for long": (
        Found(IN_STEP, report(written=NOW - STALE_SECONDS - 1)), NOW - 9999, "failed", "since 2023-11-14T21:53:19Z",
    ),
    "no report yet": (Found(IN_STEP), NOW - 60, "pending", "nobody has reported yet"),
    "no report ever": (Found(IN_STEP), NOW - STALE_SECONDS - 1, "failed", "nobody has reported yet"),
    "a report of something else": (Found(IN_STEP, None, "x: is no report"), NOW, "failed", "x: is no report"),
    "taken away": (Found(IN_STEP, report(wrong=("install: nothing is installed",)), removed=True), NOW, "removed", ""),
}  # fmt: skip


@pytest.mark.parametrize(("found", "since", "state", "words"), STATES.values(), ids=STATES.keys())
def test_how_the_node_is(found: Found, since: float, state: str, words: str) -> None:
    said = state_of_node("n", found, since, NOW)
    assert said.state == state
    assert words in said.detail
    assert bool(said.detail) == bool(words)


def test_what_is_said_of_it_comes_through_the_lease() -> None:
    found = Found(WRONG, report(restart_pending=True, waiting=("a: b",), refusals=(refusal(5),)))
    said = state_of_node("n", found, NOW, NOW)
    assert (said.version, said.restart_pending, said.refusals) == ("1.2.3", True, 1)
    read = state_of(lease_of(said, "ours"))
    assert read is not None
    assert read.configuration == "ConfigMap is wrong: line 5: expiring-threshold: is not a duration"


def test_nothing_is_installed_where_it_was_removed() -> None:
    said = state_of_node("n", Found(IN_STEP, report(restart_pending=True), removed=True), NOW, NOW)
    assert (said.version, said.restart_pending) == ("", False)


@pytest.mark.parametrize("outcome", [IN_STEP, Outcome("absent", "there is no ConfigMap: the defaults count")])
def test_a_configuration_that_is_not_wrong_needs_no_word(outcome: Outcome) -> None:
    assert state_of_node("n", Found(outcome, report()), NOW, NOW).configuration == ""


def test_only_what_was_refused_lately_counts() -> None:
    told = (refusal(5), refusal(9), refusal(7, "unreachable"), refusal(RECENT_SECONDS + 1, "configuration"))
    counted = recent_refusals(report(refusals=told), NOW)
    assert counted == {"refused": 2, "unreachable": 1, "configuration": 0}
    assert recent_refusals(None, NOW) == {"refused": 0, "unreachable": 0, "configuration": 0}


def test_what_somebody_has_to_do_something_about_is_said_in_events() -> None:
    told = (refusal(5), refusal(6), refusal(7, "unreachable", "b.io: nobody answers"), refusal(9000, line="c.io: old"))
    found = Found(WRONG, report(refusals=told))
    assert complaints_of(found, NOW) == (
        Complaint("ConfigurationWrong", WRONG.detail),
        Complaint("CredentialsRefused", "a.io: no permission"),
    )
    assert complaints_of(Found(Outcome("wrong", "cannot be written", "node"), report()), NOW) == ()
    assert complaints_of(Found(IN_STEP, report(refusals=told), removed=True), NOW) == ()


def test_one_node_says_no_more_than_a_few_refusals() -> None:
    told = tuple(refusal(5, line=f"{number}.io: no") for number in range(9))
    said = complaints_of(Found(IN_STEP, report(refusals=told)), NOW)
    assert [each.text for each in said] == ["0.io: no", "1.io: no", "2.io: no"]


def test_metrics_say_what_was_found_last() -> None:
    metrics = NodeMetrics()

    def shown() -> set[str]:
        return {line for line in generate_latest(metrics.registry).decode().splitlines() if not line.startswith("#")}

    found = Found(WRONG, report(restart_pending=True))
    metrics.take(state_of_node("n", found, NOW, NOW), {"managed-role": NOW, "rrsa": None}, {"refused": 2})
    metrics.asked("PUT", 409)
    prefix = "acr_credential_provider_"
    assert {
        f"{prefix}configuration_in_step 0.0",
        f"{prefix}restart_pending 1.0",
        f'{prefix}refusals{{cause="refused"}} 2.0',
        f'{prefix}identity_end_timestamp_seconds{{identity="managed-role"}} 1.7e+09',
        f'{prefix}api_requests_total{{method="PUT",status="409"}} 1.0',
    } <= shown()
    assert not any("rrsa" in line for line in shown())
    metrics.take(state_of_node("n", Found(IN_STEP, report()), NOW, NOW), {"managed-role": None, "rrsa": None}, {})
    assert {f"{prefix}configuration_in_step 1.0", f"{prefix}restart_pending 0.0"} <= shown()
    assert not any("identity_end" in line for line in shown())
