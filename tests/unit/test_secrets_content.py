"""What the Secrets hold, from the tokens that there are."""

import base64
import json
from dataclasses import replace

import pytest

from provider.secrets.content import Token, content_of, dump, parse

NOW = 1_800_000_000


def token(host: str = "a.example.com", **fields: object) -> Token:
    made = Token("key", "target", (host,), "user", "pass", "source", 900, NOW - 60, NOW + 2700, NOW + 3600)
    return replace(made, **fields)  # type: ignore[arg-type]


def auths(*tokens: Token, now: float = NOW) -> dict[str, dict[str, str]]:
    content = content_of(tokens, now)
    found = json.loads(content.docker_config)
    assert found.keys() == {"auths"}
    return dict(found["auths"])


def test_every_host_has_its_login_in_all_three_forms() -> None:
    found = auths(token("b.example.com"), token("a.example.com", username="other", password="p:w"))
    assert list(found) == ["a.example.com", "b.example.com"]
    pair = base64.b64encode(b"other:p:w").decode()
    assert found["a.example.com"] == {"username": "other", "password": "p:w", "auth": pair}


def test_a_host_that_two_tokens_are_for_has_the_first() -> None:
    found = auths(token(username="first"), token(username="second"))
    assert found["a.example.com"]["username"] == "first"


def test_a_token_that_has_ended_is_not_held() -> None:
    assert set(auths(token("a.example.com", end=NOW), token("b.example.com"))) == {"b.example.com"}


def test_without_any_valid_token_the_content_is_known_to_be_empty() -> None:
    for content in (content_of([token(end=NOW)], NOW), content_of([], NOW)):
        assert content.is_empty
        assert json.loads(content.docker_config) == {"auths": {}}
        assert (content.renew, content.end) == (0, 0)
        assert content.key == content_of([], NOW).key != content_of([token()], NOW).key


def test_the_first_renewal_and_the_first_end_count() -> None:
    content = content_of([token("a", renew=NOW + 10, end=NOW + 100), token("b", renew=NOW + 20, end=NOW + 90)], NOW)
    assert (content.renew, content.end) == (NOW + 10, NOW + 90)


def test_the_key_changes_with_hosts_and_identities_and_not_with_a_renewal() -> None:
    first = content_of([token()], NOW)
    renewed = content_of([token(password="new", renew=NOW + 9, end=NOW + 99, written=NOW)], NOW)
    another_host = content_of([token("b.example.com")], NOW)
    another_identity = content_of([token(key="another")], NOW)
    assert first.key == renewed.key
    assert len({first.key, another_host.key, another_identity.key}) == 3


def test_a_file_says_what_was_written() -> None:
    tokens = (token(), token("b.example.com", hosts=("b.example.com", "c.example.com")))
    assert parse(dump(tokens)) == tokens


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b"{",
        b"[]",
        b'{"version":2,"tokens":[]}',
        b'{"version":1}',
        b'{"version":1,"tokens":[{}]}',
        dump([token()]).replace(b'"hosts": ["a.example.com"]', b'"hosts": "a"'),
        dump([token()]).replace(b'"end": 1800003600', b'"end": "soon"'),
        dump([token()]).replace(b'"password"', b'"passwort"'),
        dump([token()])[:-9],
    ],
)
def test_a_damaged_file_says_nothing(data: bytes | None) -> None:
    assert parse(data) == ()


def test_no_text_of_a_token_or_content_shows_the_password() -> None:
    made = token(password="hunter2")
    assert "hunter2" not in repr(made) + repr(content_of([made], NOW))


@pytest.mark.parametrize(("age", "fresh"), [(-1, False), (0, True), (2759, True), (2760, False)])
def test_a_token_is_fresh_from_when_it_was_written_to_its_renewal(age: int, fresh: bool) -> None:
    made = token()
    assert made.is_fresh(made.written + age) is fresh
