"""Whom the configuration wants tokens of, and which are asked for."""

from dataclasses import replace

import pytest

from provider.config.values import AccessKey, Configuration, Endpoints, Instance, Local, Rrsa
from provider.secrets.content import Token
from provider.secrets.token_wishes import AHEAD_SECONDS, Wish, due, kept_for, wishes_of

NOW = 1_800_000_000
ALPHA = Instance(instance_id="cri-alpha")
PERSONAL = Instance(region="cn-hangzhou")
HANGZHOU, SHANGHAI = "registry.cn-hangzhou.aliyuncs.com", "registry-vpc.cn-shanghai.aliyuncs.com"


def wishes(*items: Instance, **fields: object) -> tuple[Wish, ...]:
    return wishes_of(Configuration(instances=items, **fields), Local(), "2024-01-01")  # type: ignore[arg-type]


def token(wish: Wish, **fields: object) -> Token:
    made = Token(wish.key, wish.target, ("h",), "u", "p", "s", 900, NOW - 60, NOW + 2700, NOW + 3600)
    return replace(made, **fields)  # type: ignore[arg-type]


def test_each_item_is_a_wish_of_its_own() -> None:
    found = wishes(ALPHA, PERSONAL)
    assert [wish.target for wish in found] == ["instance cri-alpha", "Personal Edition in cn-hangzhou"]
    assert [(wish.hosts, wish.is_default) for wish in found] == [((), False), ((), False)]


def test_without_items_it_is_personal_edition_of_the_own_region() -> None:
    (wish,) = wishes()
    assert (wish.instance, wish.region, wish.hosts, wish.is_default) == (Instance(), "", (), True)


def test_discovery_off_and_no_items_want_nothing() -> None:
    assert wishes(discovery=False) == ()


def test_the_hosts_of_personal_edition_go_by_region() -> None:
    found = wishes(Instance(domains=(HANGZHOU, SHANGHAI, "my.example.com")))
    assert {wish.region: wish.hosts for wish in found} == {
        "cn-hangzhou": (HANGZHOU,),
        "cn-shanghai": (SHANGHAI,),
        "": ("my.example.com",),
    }


def test_the_hosts_of_an_instance_have_one_region() -> None:
    domains = ("my.example.com", "a-registry.cn-shanghai.cr.aliyuncs.com")
    (wish,) = wishes(replace(ALPHA, domains=domains))
    assert (wish.region, wish.hosts) == ("cn-shanghai", domains)
    (wish,) = wishes(replace(ALPHA, domains=domains, region="cn-beijing"))
    assert wish.region == "cn-beijing"


def test_the_same_item_twice_is_one_wish() -> None:
    assert len(wishes(ALPHA, ALPHA)) == 1


@pytest.mark.parametrize(
    "other",
    [
        wishes(replace(ALPHA, assume_role_arn="acs:ram::1:role/x")),
        wishes(replace(ALPHA, rrsa_role_arn="acs:ram::1:role/x")),
        wishes(replace(ALPHA, external_id="x")),
        wishes(replace(ALPHA, region="cn-beijing")),
        wishes(replace(ALPHA, domains=("my.example.com",))),
        wishes(replace(ALPHA, access_key=AccessKey("id", "secret"))),
        wishes(ALPHA, token_mode="managedRole"),
        wishes(ALPHA, rrsa=Rrsa(enable=True)),
        wishes_of(Configuration(instances=(ALPHA,)), Local(), "2020-01-01"),
        wishes_of(Configuration(instances=(ALPHA,)), Local(endpoints=Endpoints(acr="x")), "2024-01-01"),
    ],
)
def test_another_identity_or_target_is_another_wish(other: tuple[Wish, ...]) -> None:
    (wish,) = wishes(ALPHA)
    assert other[0].key != wish.key


@pytest.mark.parametrize("field", ["watch_namespaces", "service_accounts"])
def test_who_is_served_is_none_of_the_wishs_business(field: str) -> None:
    assert wishes(ALPHA, **{field: ("x",)}) == wishes(ALPHA)


def test_a_key_pairs_secret_is_in_no_hash() -> None:
    pairs = (replace(ALPHA, access_key=AccessKey("id", secret)) for secret in ("a", "b"))
    first, second = (wishes(item)[0].key for item in pairs)
    assert first == second


def test_what_is_not_there_or_not_fresh_is_due() -> None:
    alpha, personal = wishes(ALPHA, PERSONAL)
    fresh = [token(alpha), token(personal)]
    assert due([alpha, personal], fresh, 900, NOW, every=False) == []
    assert due([alpha, personal], fresh[:1], 900, NOW, every=False) == [personal]
    assert due([alpha, personal], [fresh[0], token(personal, renew=NOW)], 900, NOW, every=False) == [personal]
    assert due([alpha, personal], [fresh[0], token(personal, written=NOW + 9)], 900, NOW, every=False) == [personal]
    assert due([alpha, personal], fresh, 900, NOW, every=True) == [alpha, personal]
    assert due([alpha, personal], fresh, 60, NOW, every=False) == [alpha, personal]


def test_what_is_due_soon_is_renewed_together_with_what_is_due_now() -> None:
    alpha, personal = wishes(ALPHA, PERSONAL)
    soon = token(alpha, renew=NOW + AHEAD_SECONDS)
    assert due([alpha, personal], [soon, token(personal, renew=NOW)], 900, NOW, every=False) == [alpha, personal]
    assert due([alpha, personal], [soon, token(personal)], 900, NOW, every=False) == []


def test_the_old_token_of_the_same_target_stays_while_it_is_valid() -> None:
    (now,) = wishes(ALPHA)
    (before,) = wishes(replace(ALPHA, assume_role_arn="acs:ram::1:role/x"))
    (another,) = wishes(PERSONAL)
    old = token(before)
    assert kept_for(now, [token(another), old], NOW) is old
    assert kept_for(now, [old, token(now)], NOW) == token(now)
    assert kept_for(now, [replace(old, end=NOW)], NOW) is None
    assert kept_for(now, [token(another)], NOW) is None
