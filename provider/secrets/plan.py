"""What is to be done in one namespace, from what is there and what is wanted. Pure.

A Secret comes before the entries that name it, and goes after them.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from provider.kubernetes.names import SECRET
from provider.places import PROGRAM
from provider.secrets.cache import SECRET_TYPE, AccountView, NamespaceView, SecretView
from provider.secrets.desired import EMPTY, Content, mark_of
from provider.secrets.selection import NONE, Selection, Wanted, read

LAST_SECONDS = 300
"""Before the end of its first login a Secret loses those that nobody has anew: the others' must be there in time, in
every namespace, also while another pod begins to write."""


@dataclass(frozen=True, slots=True)
class AddEntry:
    """Append the Secret to a ServiceAccount's imagePullSecrets."""

    account: AccountView


@dataclass(frozen=True, slots=True)
class RemoveEntry:
    """Take it out of them."""

    account: AccountView


@dataclass(frozen=True, slots=True)
class WriteSecret:
    """Write the Secret: over the one that is there, as it was seen, or, with None, where none is."""

    namespace: str
    content: Content
    service_accounts: Selection
    """What the Secret says for whom it was written."""
    over: SecretView | None = None


@dataclass(frozen=True, slots=True)
class DeleteSecret:
    """Delete it, as it was seen."""

    secret: SecretView


Step = AddEntry | RemoveEntry | WriteSecret | DeleteSecret


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a namespace's Secret is left alone; for an Event."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps, in order; none where all is well or nothing may be done."""

    steps: tuple[Step, ...] = ()
    problem: Problem | None = None
    is_partial: bool = False
    """Whether something is left out for now."""


NOTHING = Plan()


@dataclass(frozen=True, slots=True)
class Place:
    """A namespace and what is in it; None for what is not there."""

    namespace: NamespaceView | None
    secret: SecretView | None
    accounts: Mapping[str, AccountView]


def is_served(place: Place, wanted: Wanted) -> bool:
    """Tell whether there is to be a Secret in a namespace."""
    space = place.namespace
    return space is not None and not space.terminating and space.name in wanted.namespaces


def plan(
    place: Place, wanted: Wanted, now: float, *, may_take_over: bool, left_out: Collection[str] = frozenset()
) -> Plan:
    """Return what is to be done.

    `now`: seconds since the epoch. `may_take_over`: not if that was tried just before. `left_out`: ServiceAccounts that
    cannot be changed now; a Secret that says that such a one has an entry stays, and goes on saying so.
    """
    found = _whole(place, wanted, now, may_take_over=may_take_over, left_out=left_out)
    steps = tuple(step for step in found.steps if not _is_of(step, left_out))
    return Plan(steps, found.problem, is_partial=found.is_partial or len(steps) < len(found.steps))


def _whole(place: Place, wanted: Wanted, now: float, *, may_take_over: bool, left_out: Collection[str]) -> Plan:
    space, secret = place.namespace, place.secret
    if space is None or space.terminating or (secret is not None and secret.deleting):
        return NOTHING
    served = is_served(place, wanted)
    if secret is None:
        return _first(place, space.name, wanted) if served else NOTHING
    if not served:
        return _removal(place, secret, now, left_out) if secret.is_ours else NOTHING
    if not secret.is_ours:
        return _of_another(place, wanted, secret, may_take_over=may_take_over)
    return _kept(place, wanted, secret, now, left_out)


def _first(place: Place, space: str, wanted: Wanted, over: SecretView | None = None) -> Plan:
    content, selected = wanted.content, wanted.service_accounts
    if content is None or content.is_empty:
        return NOTHING
    return Plan((WriteSecret(space, content, selected, over), *_additions(place, selected, selected)))


def _kept(place: Place, wanted: Wanted, secret: SecretView, now: float, left_out: Collection[str]) -> Plan:
    recorded, selected = read(secret.service_accounts), wanted.service_accounts
    removals = tuple(_removals(place, recorded, selected))
    record = recorded | selected if any(_is_of(step, left_out) for step in removals) else selected
    due = is_due(secret, wanted, now, record)
    if due and secret.immutable:
        return Plan(problem=_immutable())
    write = WriteSecret(secret.namespace, wanted.content or EMPTY, record, secret)
    additions = _additions(place, record if due else recorded, selected)
    return Plan((*removals, *((write,) if due else ()), *additions))


def is_due(secret: SecretView, wanted: Wanted, now: float, record: Selection) -> bool:
    """Tell whether a Secret of ours has to be written anew, and can be. `record`: for whom it is to say it was written.

    One whose time to renew has come is not, as long as there are no other tokens: it would hold the same again. Dates
    alone would not do: of two registries one may be down, and then the other's new token counts. While there is no
    token at all it is emptied at its end.
    """
    content = wanted.content
    if content is None:
        return wanted.is_in_time and _has_ended(secret, now)
    if secret.service_accounts != str(record):
        return True
    if secret.key == content.key:
        return _renewal(secret, content) <= now and secret.mark != mark_of(content)
    return wanted.replaces or max(secret.renew, secret.end - LAST_SECONDS) <= now


def _has_ended(secret: SecretView, now: float) -> bool:
    return 0 < secret.end <= now


def _renewal(secret: SecretView, content: Content) -> int:
    """Return when a Secret is to be renewed: as it says, or sooner where `expiring-threshold` is longer since."""
    if not secret.end or not content.end:
        return secret.renew
    return min(secret.renew, secret.end - (content.end - content.renew))


def _removal(place: Place, secret: SecretView, now: float, left_out: Collection[str]) -> Plan:
    recorded = read(secret.service_accounts)
    removals = tuple(_removals(place, recorded, NONE))
    if not any(_is_of(step, left_out) for step in removals):
        return Plan((*removals, DeleteSecret(secret)))
    emptied = WriteSecret(secret.namespace, EMPTY, recorded, secret)
    return Plan((*removals, *((emptied,) if _has_ended(secret, now) and not secret.immutable else ())))


def _is_of(step: Step, names: Collection[str]) -> bool:
    return isinstance(step, AddEntry | RemoveEntry) and step.account.name in names


def _of_another(place: Place, wanted: Wanted, secret: SecretView, *, may_take_over: bool) -> Plan:
    if not secret.has_type:
        return Plan(problem=_other_type())
    if not wanted.takeover:
        return Plan(problem=_another(secret))
    if secret.immutable:
        return Plan(problem=_immutable())
    if not may_take_over:
        return Plan(problem=_takes_back(secret))
    return _first(place, secret.namespace, wanted, secret)


def _additions(place: Place, recorded: Selection, selected: Selection) -> Iterator[AddEntry]:
    for account in _among(place, selected):
        # What is not on record in the Secret could not be found again to be removed.
        if account.name in recorded and not has_entry(account):
            yield AddEntry(account)


def _removals(place: Place, recorded: Selection, selected: Selection) -> Iterator[RemoveEntry]:
    if recorded == selected:
        return
    for account in _among(place, recorded):
        if account.name not in selected and has_entry(account):
            yield RemoveEntry(account)


def _among(place: Place, selection: Selection) -> list[AccountView]:
    # The newest first: somebody may be waiting for it.
    found = (
        place.accounts.values()
        if selection.every
        else (account for name in selection.names if (account := place.accounts.get(name)))
    )
    return sorted(found, key=lambda account: -account.version)


def has_entry(account: AccountView) -> bool:
    """Tell whether a ServiceAccount names our Secret."""
    return SECRET in (account.pulls or ())


def _another(secret: SecretView) -> Problem:
    return Problem(
        "AnotherWriter",
        f"Secret {SECRET} is written by {secret.other or 'another program'}, so {PROGRAM} leaves it alone, and this "
        f"namespace's ServiceAccounts too. Stop the other one; to have {PROGRAM} take its Secrets over, set "
        f"secrets.takeover to true in the chart. If nobody writes it any more, delete it: {PROGRAM} writes it anew.",
    )


def _takes_back(secret: SecretView) -> Problem:
    return Problem(
        "AnotherWriter",
        f"Secret {SECRET} was taken over by {PROGRAM}, and is written by {secret.other or 'another program'} again. "
        f"Stop the other one; {PROGRAM} tries again every 10 minutes.",
    )


def _immutable() -> Problem:
    return Problem(
        "ImmutableSecret",
        f"Secret {SECRET} is immutable, so it cannot be renewed. Delete it: {PROGRAM} then writes it anew.",
    )


def _other_type() -> Problem:
    return Problem(
        "ImmutableSecret",
        f"Secret {SECRET} is not of type {SECRET_TYPE}, and a Secret's type cannot be changed. Delete it: {PROGRAM} "
        "then writes it anew.",
    )
