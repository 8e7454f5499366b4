"""AdmissionReview in, AdmissionReview out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.config.values import Webhook
from provider.errors import RequestError
from provider.secrets.admission import Rules, allowed, needs_entry, patched, read_review, seconds_of
from tests.unit.admission_reviews import OURS, SECRET, UID, applied, review, rules, text


def served(sent: dict[str, Any], by: Rules | None = None) -> bool:
    return needs_entry(read_review(text(sent)), by or rules())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, [{"name": SECRET}]),
        ({"imagePullSecrets": None}, [{"name": SECRET}]),
        ({"imagePullSecrets": []}, [{"name": SECRET}]),
        ({"imagePullSecrets": [{"name": "own"}, {}]}, [{"name": "own"}, {}, {"name": SECRET}]),
    ],
)
def test_our_entry_is_appended(before: dict[str, Any], after: list[dict[str, str]]) -> None:
    sent = review(account=before)
    assert served(sent)
    answer = patched(read_review(text(sent)))
    assert applied(answer, sent["request"]["object"])["imagePullSecrets"] == after


def test_an_answer_is_a_review_of_the_question_and_allows_it() -> None:
    asked = read_review(text(review()))
    for answer in (allowed(asked), patched(asked), allowed(asked, warning="w")):
        found = json.loads(answer)
        assert (found["apiVersion"], found["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
        assert (found["response"]["uid"], found["response"]["allowed"]) == (UID, True)
    assert json.loads(allowed(asked))["response"].keys() == {"uid", "allowed"}


def test_a_warning_is_one_line_of_a_length_that_kubernetes_shows() -> None:
    answer = json.loads(allowed(read_review(text(review())), warning="one\ntwo " + "x" * 500))
    [warning] = answer["response"]["warnings"]
    assert warning.startswith("one two x") and len(warning) == 250


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(review(account={"imagePullSecrets": [{"name": SECRET}]}), id="it has the entry"),
        pytest.param(review(name="other"), id="another ServiceAccount"),
        pytest.param(review(namespace="elsewhere"), id="another namespace"),
        pytest.param(review(namespace="kube-system"), id="kube-system, even if watched"),
        pytest.param(review(namespace=OURS), id="our own namespace, even if watched"),
        pytest.param(review(request={"operation": "UPDATE"}), id="an update"),
        pytest.param(review(request={"object": None}), id="no object"),
        pytest.param(review(request={"subResource": "token"}), id="a token"),
        pytest.param(
            review(request={"resource": {"group": "", "version": "v1", "resource": "pods"}}), id="another kind"
        ),
    ],
)
def test_what_is_not_ours_stays_as_it_is(sent: dict[str, Any]) -> None:
    assert not served(sent, rules(accounts=("default",)))


@pytest.mark.parametrize(
    "by",
    [
        pytest.param(rules(webhook=Webhook(enable=False)), id="the webhook is off"),
        pytest.param(rules(enabled=False), id="compatibility Secrets are off"),
    ],
)
def test_nothing_needs_entry_where_it_is_off(by: Rules) -> None:
    assert served(review())
    assert not served(review(), by)


def test_all_and_every_mean_it() -> None:
    by = rules(("all",), ("*",))
    assert served(review("any", "wherever"), by)
    assert not served(review("any", "kube-system"), by)
    assert not served(review("any", OURS), by)
    assert not served(review("any", ""), by)


def test_a_generated_name_that_is_not_there_yet_is_selected_by_every_alone() -> None:
    sent = review(account={"metadata": {"generateName": "build-"}})
    del sent["request"]["name"]
    assert served(sent, rules(accounts=("*",)))
    assert not served(sent)


@pytest.mark.parametrize(("written", "expected"), [(True, True), (False, False), (None, False)])
def test_a_dry_run_is_known_as_one(written: object, expected: bool) -> None:
    assert read_review(text(review(request={"dryRun": written}))).dry_run is expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        b"{}",
        text({**review(), "apiVersion": "admission.k8s.io/v1beta1"}),
        text({**review(), "kind": "Pod"}),
        text({**review(), "request": None}),
        text(review(request={"uid": ""})),
        text(review(request={"uid": 5})),
        text(review(account={"imagePullSecrets": "text"})),
    ],
)
def test_what_is_no_review_is_refused(body: bytes) -> None:
    with pytest.raises(RequestError, match="the request is no AdmissionReview"):
        read_review(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_an_object_is_it_is_read_or_refused(value: object) -> None:
    for sent in (value, review(request={"object": value}), review(account={"imagePullSecrets": value})):
        try:
            found = read_review(text(sent))
        except RequestError:
            continue
        assert found.uid == UID


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [
        ("10s", 9),
        ("30s", 29),
        ("1s", 0.5),
        ("2s", 1),
        ("", 9),
        ("10", 9),
        ("1m0s", 9),
        ("-5s", 9),
        ("99999s", 29),
        ("0s", 0),
    ],
)
def test_an_answer_takes_a_second_less_than_the_api_server_waits(timeout: str, seconds: float) -> None:
    assert seconds_of(timeout) == seconds
