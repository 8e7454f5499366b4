"""The kubelet's config.json: ours in it, everybody else's as it was."""

import json
from typing import Any

import pytest

from provider.node.docker_config import (
    Chosen,
    NotADockerConfig,
    own_entries,
    parse_chosen,
    taken,
    with_entries,
    without_entries,
)
from provider.node.files import NodeError

A, B = "a-registry.cn-hangzhou.cr.aliyuncs.com", "registry.example.com"
ENTRY = {A: ("cr_temp_user", "token-1")}
TABBED = b"""{
\t"credsStore": "",
\t"auths": {
\t\t"quay.io": {
\t\t\t"auth": "dGVhbTpz"
\t\t}
\t},
\t"HttpHeaders": {
\t\t"User-Agent": "Docker-Client/19.03"
\t}
}
"""
FILES = {
    "as docker writes it": TABBED,
    "two blanks, without a last newline": TABBED.replace(b"\t", b"  ").rstrip(),
    "on one line": b'{"auths": {"quay.io": {"auth": "dGVhbTpz"}}, "x": [1, 2]}',
    "without blanks": b'{"auths":{"quay.io":{"auth":"dGVhbTpz"}},"x":[1,2]}\n',
    "no auths": b'{"credHelpers": {"gcr.io": "gcloud"}}',
    "auths that are empty": b'{\n  "auths": {},\n  "x": 1\n}\n',
    "letters beyond ASCII": '{"auths": {}, "名": "值"}'.encode(),
    "an escape that is no letter": b'{"auths": {}, "x": "\\ud800"}',
    "Auths, as nobody writes it and the kubelet reads it": b'{"Auths": {"quay.io": {"auth": "dGVhbTpz"}}}',
}


def auths(content: bytes) -> dict[str, Any]:
    document = json.loads(content)
    [found] = [value for key, value in document.items() if key.lower() == "auths"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("content", FILES.values(), ids=FILES.keys())
def test_ours_is_added_at_the_end_and_everything_else_stays(content: bytes) -> None:
    merged = with_entries(content, ENTRY, ())
    before, after = json.loads(content), json.loads(merged)
    assert list(auths(merged).items())[-1] == (A, {"username": "cr_temp_user", "password": "token-1"})
    del auths_of(after)[A]
    assert {key: value for key, value in after.items() if value or key in before} == before
    assert [key for key in after if key in before] == list(before)
    assert merged.endswith(b"\n") == content.endswith(b"\n")
    assert (b"\n" in merged.strip()) == (b"\n" in content.strip())


def auths_of(document: dict[str, Any]) -> dict[str, Any]:
    found = next(value for key, value in document.items() if key.lower() == "auths")
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("content", FILES.values(), ids=FILES.keys())
def test_what_was_there_comes_back_byte_for_byte(content: bytes) -> None:
    assert without_entries(with_entries(content, ENTRY, ()), [A], content) == content


@pytest.mark.parametrize(
    "name", ["as docker writes it", "two blanks, without a last newline", "on one line", "without blanks"]
)
def test_what_was_there_comes_back_without_a_copy_of_it(name: str) -> None:
    assert without_entries(with_entries(FILES[name], ENTRY, ()), [A]) == FILES[name]


def test_what_others_added_since_stays_when_ours_is_taken_out() -> None:
    since = json.loads(with_entries(TABBED, ENTRY, ()))
    since["auths"][B] = {"auth": "eDp5"}
    left = without_entries(json.dumps(since).encode(), [A], TABBED)
    assert left is not None
    assert list(auths(left)) == ["quay.io", B]


def test_without_a_file_one_is_made_that_is_gone_with_the_last_entry() -> None:
    made = with_entries(None, ENTRY, ())
    assert auths(made) == {A: {"username": "cr_temp_user", "password": "token-1"}}
    assert without_entries(made, [A]) is None
    assert without_entries(None, [A]) is None


def test_what_need_not_change_is_not_touched() -> None:
    strange = (
        b'{ "auths" :{"quay.io": {"auth": "dGVhbTpz"}, "%b": {"password": "token-1", "username": "cr_temp_user"}}}'
    )
    strange = strange.replace(b"%b", A.encode())
    assert with_entries(strange, {A: ("cr_temp_user", "token-2")}, [A]) != strange
    own = with_entries(TABBED, ENTRY, ())
    assert with_entries(own, ENTRY, [A]) == own
    assert with_entries(TABBED, {}, [A]) == TABBED
    assert without_entries(TABBED, [A]) == TABBED


def test_ours_is_brought_up_to_date_where_it_stands_and_goes_when_it_is_not_wanted() -> None:
    both = with_entries(TABBED, {**ENTRY, B: ("u", "p")}, ())
    renewed = with_entries(both, {A: ("cr_temp_user", "token-2")}, [A, B])
    assert list(auths(renewed)) == ["quay.io", A]
    assert auths(renewed)[A]["password"] == "token-2"
    assert own_entries(both, [A, B, "quay.io"]) == {**ENTRY, B: ("u", "p")}


THEIRS = {
    "a login": {"auths": {A: {"auth": "eDp5"}}},
    "a login with a scheme": {"auths": {f"https://{A}": {"auth": "eDp5"}}},
    "a login with the old path": {"auths": {f"https://{A}/v1/": {"auth": "eDp5"}}},
    "a login in capitals": {"auths": {A.upper(): {"auth": "eDp5"}}},
    "a credential helper": {"credHelpers": {A: "aliyun-acr"}},
}


@pytest.mark.parametrize("document", THEIRS.values(), ids=THEIRS.keys())
def test_a_host_that_somebody_else_has_is_left_alone_and_named(document: dict[str, Any]) -> None:
    content = json.dumps(document).encode()
    assert taken(content, [A, B], ()) == (A,)
    merged = with_entries(content, {**ENTRY, B: ("u", "p")}, ())
    assert B in auths(merged)
    assert json.loads(without_entries(merged, [A, B]) or b"") in (document, {**document, "auths": {}})


def test_a_login_that_took_the_place_of_ours_is_theirs() -> None:
    content = json.dumps({"auths": {A: {"auth": "eDp5"}}}).encode()
    assert taken(content, [A], [A]) == (A,)
    assert with_entries(content, ENTRY, [A]) == content
    assert without_entries(content, [A]) == content


def test_a_login_for_a_part_of_the_host_is_no_reason_to_stand_back() -> None:
    content = json.dumps({"auths": {f"{A}/team": {"auth": "eDp5"}}}).encode()
    assert taken(content, [A], ()) == ()
    assert own_entries(with_entries(content, ENTRY, ()), [A]).keys() == {A}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"auths": []}', b'{"credHelpers": "x"}', b"[" * 9999])
def test_a_file_that_the_kubelet_cannot_read_is_left_alone(content: bytes) -> None:
    for use in (
        lambda: with_entries(content, ENTRY, ()),
        lambda: without_entries(content, [A]),
        lambda: taken(content, [A], ()),
    ):
        with pytest.raises(NotADockerConfig, match="repair it, or take it away"):
            use()


def test_what_is_remembered_has_no_secret_and_is_read_again() -> None:
    chosen = Chosen("/var/lib/kubelet/config.json", 0o600, {A: 1700003600})
    assert parse_chosen(chosen.dump(), "x.json") == chosen
    assert "token" not in chosen.dump().decode()


@pytest.mark.parametrize(
    "changed", [{"version": 2}, {"path": 1}, {"mode": True}, {"hosts": {A: "soon"}}, {"hosts": [A]}]
)
def test_what_is_remembered_wrongly_is_refused(changed: dict[str, Any]) -> None:
    fields = json.loads(Chosen("/x/config.json", None, {}).dump()) | changed
    with pytest.raises(NodeError, match=r"^x\.json: is damaged"):
        parse_chosen(json.dumps(fields).encode(), "x.json")
