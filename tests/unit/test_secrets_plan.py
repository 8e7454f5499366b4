"""What is done in one namespace: a table of what is there, what is wanted and what follows."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from provider.kubernetes.names import SECRET
from provider.secrets.cache import AccountView, NamespaceView, SecretView
from provider.secrets.desired import Content, mark_of
from provider.secrets.plan import (
    AddEntry,
    DeleteSecret,
    Place,
    RemoveEntry,
    Step,
    WriteSecret,
    is_due,
    plan,
)
from provider.secrets.selection import NONE, Wanted, select

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
    service_accounts="app,default",
)
THEIRS = replace(OURS, is_ours=False, other="incumbent", key="", mark="", renew=0, service_accounts="")


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
        steps(None), (WriteSecret("team"), AddEntry(DEFAULT))),
    "new ServiceAccount": (steps(OURS), (AddEntry(DEFAULT),)),
    "all is well": (steps(OURS, accounts=(DONE,)), ()),
    "an empty list is a list": (
        steps(OURS, accounts=(account("default"),)), (AddEntry(account("default")),)),
    "who waits longest comes last": (
        steps(OURS, accounts=(account("app", version=3), account("default", version=9))),
        (AddEntry(account("default", version=9)), AddEntry(account("app", version=3)))),
    "due": (steps(replace(OURS, renew=NOW, mark="old"), accounts=(DONE,)),
            (WriteSecret("team", replace(OURS, renew=NOW, mark="old")),)),
    "due, and no newer token": (steps(replace(OURS, renew=NOW), accounts=(DONE,)), ()),
    "newer tokens, and not due": (steps(replace(OURS, mark="old"), accounts=(DONE,)), ()),
    "other configuration": (
        steps(replace(OURS, key="old"), accounts=(DONE,)), (WriteSecret("team", replace(OURS, key="old")),)),
    "no annotations: written by an older version of ours": (
        steps(replace(OURS, key="", mark="", renew=0, service_accounts=""), accounts=(DONE,)),
        (WriteSecret("team", replace(OURS, key="", mark="", renew=0, service_accounts="")),)),
    "ServiceAccount no longer selected: entry out, Secret says so, others in": (
        steps(replace(OURS, service_accounts="app,old"), accounts=(DEFAULT, DONE, account("old", SECRET))),
        (RemoveEntry(account("old", SECRET)), WriteSecret("team", replace(OURS, service_accounts="app,old")),
         AddEntry(DEFAULT))),
    "all were selected, some are": (
        steps(replace(OURS, service_accounts="*"), accounts=(DONE, USERS)),
        (RemoveEntry(USERS), WriteSecret("team", replace(OURS, service_accounts="*")))),
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
        steps(THEIRS, replace(WANTED, takeover=True)), (WriteSecret("team", THEIRS), AddEntry(DEFAULT))),
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


@pytest.mark.parametrize("jump", [-3600, 0, 99])
def test_nothing_is_due_before_its_time_whatever_the_clock_did(jump: int) -> None:
    assert not is_due(replace(OURS, mark="old"), WANTED, NOW + jump)


def test_a_clock_that_jumps_ahead_makes_it_due() -> None:
    assert is_due(replace(OURS, mark="old"), WANTED, NOW + 100)


def test_while_a_registry_is_down_from_the_start_what_the_writer_before_got_stays() -> None:
    other = replace(OURS, key="both registries", mark="both")
    careful = replace(WANTED, replaces=False)
    assert is_due(other, WANTED, NOW)
    assert not is_due(other, careful, NOW)
    assert is_due(other, careful, other.renew)
    assert steps(None, careful)[0] == WriteSecret("team")
