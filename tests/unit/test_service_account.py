"""What a ServiceAccount's token says, and what is no such token."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.errors import NotServed
from provider.service_account import AUDIENCE, Claims, check_claims, parse_claims

FIELDS: dict[str, Any] = {
    "iss": "https://issuer.example.com",
    "sub": "system:serviceaccount:team-a:app",
    "aud": [AUDIENCE],
    "exp": 2000,
    "kubernetes.io": {"namespace": "team-a", "serviceaccount": {"name": "app", "uid": "u-1"}, "pod": {"name": "p"}},
}


def token(fields: object, header: str = "e30") -> str:
    payload = base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")
    return f"{header}.{payload}.c2ln"


def test_a_bound_token() -> None:
    claims = parse_claims(token(FIELDS))
    assert claims == Claims("team-a", "app", "u-1", "https://issuer.example.com", (AUDIENCE,), 2000.0)
    assert claims.subject == FIELDS["sub"]
    assert str(claims) == "ServiceAccount team-a/app"


def test_a_token_that_says_less() -> None:
    fields = {**FIELDS, "aud": AUDIENCE}
    del fields["kubernetes.io"]
    assert parse_claims(token(fields))[:3] == ("team-a", "app", "")


MALFORMED: dict[str, dict[str, object]] = {
    "no subject": {"sub": None},
    "a user": {"sub": "system:node:node-1"},
    "four names": {"sub": "system:serviceaccount:team-a:app:more"},
    "no name": {"sub": "system:serviceaccount:team-a:"},
    "a name that is none": {"sub": "system:serviceaccount:team-a:app/../b", "kubernetes.io": None},
    "another namespace": {"sub": "system:serviceaccount:team-b:app"},
    "another name": {"sub": "system:serviceaccount:team-a:other"},
    "an audience that is none": {"aud": [AUDIENCE, 1]},
    "no end": {"exp": None},
    "an end that is true": {"exp": True},
    "an end without end": {"exp": 10**400},
    "an issuer that is none": {"iss": 1},
    "a uid that is none": {"kubernetes.io": {"serviceaccount": {"uid": 1}}},
    "a claim that is none": {"kubernetes.io": "x"},
}


@pytest.mark.parametrize("changes", MALFORMED.values(), ids=MALFORMED)
def test_no_token_of_a_service_account(changes: dict[str, object]) -> None:
    with pytest.raises(NotServed, match="is no token of a ServiceAccount"):
        parse_claims(token({**FIELDS, **changes}))


@pytest.mark.parametrize("text", ["", "a.b", "e30.e30.c2ln.x", "e30.!.c2ln", f"e30.{'A' * 20_000}.c2ln", "e30..c2ln"])
def test_no_token_at_all(text: str) -> None:
    with pytest.raises(NotServed, match="is no token of a ServiceAccount"):
        parse_claims(text)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(list(FIELDS)), inner)))  # fmt: skip
def test_any_payload_is_claims_or_a_refusal(payload: object) -> None:
    with pytest.raises(NotServed, match="is no token of a ServiceAccount"):
        parse_claims(token(payload))


def test_a_token_for_others_is_refused() -> None:
    with pytest.raises(NotServed, match=r"the token of ServiceAccount team-a/app is not for sts.aliyuncs.com"):
        check_claims(parse_claims(token({**FIELDS, "aud": ["https://kubernetes.default.svc"]})), 0)


def test_a_token_that_has_ended_is_refused() -> None:
    claims = parse_claims(token(FIELDS))
    check_claims(claims, 2059)
    with pytest.raises(NotServed, match="has ended by this node's clock"):
        check_claims(claims, 2060)
