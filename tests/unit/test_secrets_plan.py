"""What is done in one namespace: a table of what is there, what is wanted and what follows."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from provider.kubernetes.names import SECRET
from provider.secrets.cache import AccountView, NamespaceView, SecretView
from provider.secrets.desired import EMPTY, NO_LOGINS, Content, mark_of
from provider.secrets.plan import (
    LAST_SECONDS,
    AddEntry,
    DeleteSecret,
    Place,
    Plan,
    RemoveEntry,
    Step,
    WriteSecret,
    is_due,
    plan,
)
from provider.secrets.selection import NONE, Selection, Wanted, select

NOW = 1_000_000
CONTENT = Content(b"{}", key="key", renew=NOW + 2700, end=NOW + 3600)
WANTED = Wanted(select(("team",), "all"), select(("default", "app"), "*"), takeover=False, content=CONTENT)
UNWANTED = replace(WANTED, namespaces=NONE)
EVERY = select(("*",), "*")
SPACE = NamespaceView("team", "team", 1, terminating=False)
OURS = SecretView(
    namespace="team",
    name=SECRET,
    version=7,
    is_ours=True,
    other="",
    has_type=True,
    immutable=False,
    deleting=False,
    key="key",
    mark=mark_of(CONTENT),
    renew=NOW + 100,
    end=NOW + 1000,
    service_accounts="app,default",
)
THEIRS = replace(OURS, is_ours=False, other="incumbent", key="", mark="", renew=0, end=0, service_accounts="")


FIRST = WriteSecret("team", CONTENT, WANTED.service_accounts)


def written(over: SecretView, content: Content = CONTENT, accounts: Selection = WANTED.service_accounts) -> WriteSecret:
    return WriteSecret("team", content, accounts, over)


def account(name: str, *pulls: str, version: int = 1, absent: bool = False) -> AccountView:
    return AccountView("team", name, version, None if absent else pulls)


DEFAULT, DONE = account("default", absent=True), account("app", "other", SECRET)
USERS = account("builder", SECRET)
"""One that is not selected, whose entry a user wrote."""


def steps(secret: SecretView | None, wanted: Wanted = WANTED, *, now: float = NOW, accounts: Iterable[AccountView] = (
    DEFAULT, DONE, USERS
), space: NamespaceView | None = SPACE, may_take_over: bool = True) -> tuple[Step, ...]:  # fmt: skip
    place = Place(space, secret, {each.name: each for each in accounts})
    return plan(place, wanted, now, may_take_over=may_take_over).steps


CASES: dict[str, tuple[tuple[Step, ...], tuple[Step, ...]]] = {
    "new namespace: the Secret, then the entries": (
        steps(None), (FIRST, AddEntry(DEFAULT))),
    "new ServiceAccount": (steps(OURS), (AddEntry(DEFAULT),)),
    "all is well": (steps(OURS, accounts=(DONE,)), ()),
    "an empty list is a list": (
        steps(OURS, accounts=(account("default"),)), (AddEntry(account("default")),)),
    "who waits longest comes last": (
        steps(OURS, accounts=(account("app", version=3), account("default", version=9))),
        (AddEntry(account("default", version=9)), AddEntry(account("app", version=3)))),
    "due": (steps(replace(OURS, renew=NOW, mark="old"), accounts=(DONE,)),
            (written(replace(OURS, renew=NOW, mark="old")),)),
    "due, and no newer token": (steps(replace(OURS, renew=NOW), accounts=(DONE,)), ()),
    "newer tokens, and not due": (steps(replace(OURS, mark="old"), accounts=(DONE,)), ()),
    "other configuration": (
        steps(replace(OURS, key="old"), accounts=(DONE,)), (written(replace(OURS, key="old")),)),
    "no annotations: written by an older version of ours": (
        steps(replace(OURS, key="", mark="", renew=0, end=0, service_accounts=""), accounts=(DONE,)),
        (written(replace(OURS, key="", mark="", renew=0, end=0, service_accounts="")),)),
    "ServiceAccount no longer selected: entry out, Secret says so, others in": (
        steps(replace(OURS, service_accounts="app,old"), accounts=(DEFAULT, DONE, account("old", SECRET))),
        (RemoveEntry(account("old", SECRET)), written(replace(OURS, service_accounts="app,old")),
         AddEntry(DEFAULT))),
    "all were selected, some are": (
        steps(replace(OURS, service_accounts="*"), accounts=(DONE, USERS)),
        (RemoveEntry(USERS), written(replace(OURS, service_accounts="*")))),
    "no token yet: nothing is written": (steps(None, replace(WANTED, content=None)), ()),
    "no token yet: entries of a Secret that is there": (
        steps(OURS, replace(WANTED, content=None)), (AddEntry(DEFAULT),)),
    "no token yet: no entry that the Secret could not tell of": (
        steps(replace(OURS, service_accounts="app"), replace(WANTED, content=None)), ()),
    "namespace no longer selected: entries, then the Secret; users' own entries stay": (
        steps(OURS, UNWANTED), (RemoveEntry(DONE), DeleteSecret(OURS))),
    "no token, and no longer selected": (
        steps(OURS, replace(UNWANTED, content=None)), (RemoveEntry(DONE), DeleteSecret(OURS))),
    "nothing of ours, not selected": (steps(None, UNWANTED), ()),
    "another writer's": (steps(THEIRS), ()),
    "another writer's, not selected": (steps(THEIRS, UNWANTED), ()),
    "another writer's, not selected, takeover": (steps(THEIRS, replace(UNWANTED, takeover=True)), ()),
    "takeover": (
        steps(THEIRS, replace(WANTED, takeover=True)), (written(THEIRS), AddEntry(DEFAULT))),
    "takeover, no token yet": (steps(THEIRS, replace(WANTED, takeover=True, content=None)), ()),
    "taken back": (steps(THEIRS, replace(WANTED, takeover=True), may_take_over=False), ()),
    "takeover of one that cannot be changed": (
        steps(replace(THEIRS, immutable=True), replace(WANTED, takeover=True)), ()),
    "another type": (steps(replace(THEIRS, has_type=False), replace(WANTED, takeover=True)), ()),
    "immutable and due": (steps(replace(OURS, immutable=True, key="old")), ()),
    "immutable, not selected: it can be deleted": (
        steps(replace(OURS, immutable=True), UNWANTED, accounts=()), (DeleteSecret(replace(OURS, immutable=True)),)),
    "the Secret is on its way out": (steps(replace(OURS, deleting=True)), ()),
    "the namespace is on its way out": (steps(None, space=replace(SPACE, terminating=True)), ()),
    "the namespace is on its way out, with the Secret": (steps(OURS, space=replace(SPACE, terminating=True)), ()),
    "the namespace is not known yet": (steps(None, space=None), ()),
    "all ServiceAccounts": (
        steps(replace(OURS, service_accounts="*"), replace(WANTED, service_accounts=EVERY)), (AddEntry(DEFAULT),)),
}  # fmt: skip


@pytest.mark.parametrize(("found", "expected"), CASES.values(), ids=CASES)
def test_steps(found: tuple[Step, ...], expected: tuple[Step, ...]) -> None:
    assert found == expected


@pytest.mark.parametrize(
    ("secret", "wanted", "may_take_over", "reason", "words"),
    [
        (THEIRS, WANTED, True, "AnotherWriter", ("incumbent", "takeover")),
        (replace(THEIRS, other=""), WANTED, True, "AnotherWriter", ("another program",)),
        (THEIRS, replace(WANTED, takeover=True), False, "AnotherWriter", ("incumbent", "again", "10 minutes")),
        (replace(THEIRS, has_type=False), WANTED, True, "ImmutableSecret", ("type", "Delete it")),
        (replace(THEIRS, immutable=True), replace(WANTED, takeover=True), True, "ImmutableSecret", ("Delete it",)),
        (replace(OURS, immutable=True, key="old"), WANTED, True, "ImmutableSecret", ("immutable", "Delete it")),
    ],
)
def test_who_is_left_alone_is_told_why(
    secret: SecretView, wanted: Wanted, may_take_over: bool, reason: str, words: tuple[str, ...]
) -> None:
    problem = plan(Place(SPACE, secret, {}), wanted, NOW, may_take_over=may_take_over).problem
    assert problem is not None and problem.reason == reason
    assert all(word in problem.message for word in words)


def test_an_immutable_secret_of_ours_that_is_good_is_no_problem_yet() -> None:
    assert plan(Place(SPACE, replace(OURS, immutable=True), {}), WANTED, NOW, may_take_over=True).problem is None


def due(secret: SecretView, wanted: Wanted = WANTED, now: float = NOW) -> bool:
    return is_due(secret, wanted, now, wanted.service_accounts)


@pytest.mark.parametrize("jump", [-3600, 0, 99])
def test_nothing_is_due_before_its_time_whatever_the_clock_did(jump: int) -> None:
    assert not due(replace(OURS, mark="old"), now=NOW + jump)


def test_a_clock_that_jumps_ahead_makes_it_due() -> None:
    assert due(replace(OURS, mark="old"), now=NOW + 100)


def test_a_longer_threshold_makes_it_due_at_once_and_only_where_there_are_other_tokens() -> None:
    longer = replace(WANTED, content=replace(CONTENT, renew=CONTENT.end - 1001))
    assert due(replace(OURS, mark="old"), longer)
    assert not due(OURS, longer)
    assert not due(replace(OURS, mark="old", end=0), longer)


def test_while_a_registry_is_down_from_the_start_what_the_writer_before_got_stays() -> None:
    other = replace(OURS, key="both registries", mark="both")
    careful = replace(WANTED, replaces=False)
    assert due(other)
    assert not due(other, careful, other.end - LAST_SECONDS - 1)
    assert due(other, careful, other.end - LAST_SECONDS)
    short = replace(other, renew=other.end - 9)
    assert not due(short, careful, short.renew - 1) and due(short, careful, short.renew)
    assert steps(None, careful)[0] == FIRST


def test_while_a_registry_is_down_who_is_newly_selected_is_served() -> None:
    other = replace(OURS, key="both registries", mark="both", service_accounts="app")
    assert steps(other, replace(WANTED, replaces=False)) == (written(other), AddEntry(DEFAULT))


NO_TOKENS = Content(NO_LOGINS, key="none", renew=0, end=0)
UNKNOWN, EMPTIED = replace(WANTED, content=None), replace(WANTED, content=NO_TOKENS)


def test_where_it_is_known_that_there_is_no_token_secrets_are_emptied_once_and_none_is_made() -> None:
    assert steps(OURS, EMPTIED, accounts=(DONE,)) == (written(OURS, NO_TOKENS),)
    empty = replace(OURS, key="none", mark=mark_of(NO_TOKENS), renew=0, end=0)
    assert steps(empty, EMPTIED, accounts=(DONE,)) == ()
    assert steps(None, EMPTIED) == ()
    assert steps(THEIRS, replace(EMPTIED, takeover=True)) == ()
    assert not due(OURS, replace(EMPTIED, replaces=False))
    assert due(empty) and due(empty, replace(WANTED, replaces=False))


def test_while_the_clock_may_be_wrong_nothing_has_ended_by_it() -> None:
    assert not due(OURS, replace(UNKNOWN, is_in_time=False), OURS.end + 3600)
    assert due(replace(OURS, mark="old"), replace(WANTED, is_in_time=False), OURS.renew)


def test_logins_that_have_ended_are_taken_out_once_though_no_others_are_known() -> None:
    assert not due(OURS, UNKNOWN, OURS.end - 1)
    assert steps(OURS, UNKNOWN, now=OURS.end, accounts=(DONE,)) == (written(OURS, EMPTY),)
    assert not due(replace(OURS, key="", mark=mark_of(EMPTY), renew=0, end=0), UNKNOWN, OURS.end)
    assert due(replace(OURS, key="", mark=mark_of(EMPTY), renew=0, end=0), replace(WANTED, replaces=False))


OLD = account("old", SECRET)


def plan_without(*names: str, secret: SecretView, wanted: Wanted = WANTED, now: float = NOW) -> Plan:
    accounts = {each.name: each for each in (DEFAULT, DONE, OLD)}
    return plan(Place(SPACE, secret, accounts), wanted, now, may_take_over=True, left_out=names)


def test_an_entry_that_cannot_be_added_now_is_left_out_alone() -> None:
    found = plan_without("default", secret=replace(OURS, mark="old", renew=NOW))
    assert found.steps == (written(replace(OURS, mark="old", renew=NOW)),) and found.is_partial
    assert not plan_without("app", secret=OURS).is_partial


def test_an_entry_that_cannot_be_removed_stays_on_record_and_renewal_goes_on() -> None:
    secret = replace(OURS, service_accounts="app,old")
    every = select(("app", "default", "old"), "*")
    found = plan_without("old", secret=secret)
    assert found.steps == (written(secret, accounts=every), AddEntry(DEFAULT)) and found.is_partial
    recorded = replace(OURS, service_accounts=str(every))
    assert plan_without("old", secret=recorded).steps == (AddEntry(DEFAULT),)
    ends = replace(recorded, mark="old", renew=NOW)
    assert plan_without("old", secret=ends).steps == (written(ends, accounts=every), AddEntry(DEFAULT))


def test_a_secret_whose_entry_cannot_be_removed_is_not_deleted_and_holds_no_login_that_has_ended() -> None:
    secret = replace(OURS, service_accounts="app,old")
    assert plan_without("old", secret=secret, wanted=UNWANTED).steps == (RemoveEntry(DONE),)
    found = plan_without("old", secret=secret, wanted=UNWANTED, now=secret.end)
    assert found.steps == (RemoveEntry(DONE), written(secret, EMPTY, select(("app", "old"), "*")))
