"""Which names are served, of namespaces and of ServiceAccounts. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from provider.secrets.desired import ALL_NAMESPACES, ALL_SERVICE_ACCOUNTS, Content, Desired


@dataclass(frozen=True, slots=True)
class Selection:
    """A set of names, or every name there is."""

    names: frozenset[str]
    every: bool = False

    def __contains__(self, name: str) -> bool:
        return self.every or name in self.names

    def __or__(self, other: "Selection") -> "Selection":
        """Return what either selects."""
        every = self.every or other.every
        return Selection(frozenset() if every else self.names | other.names, every)

    def __str__(self) -> str:
        """Return what `read` reads: the same text for the same names, whatever their order."""
        return ALL_SERVICE_ACCOUNTS if self.every else ",".join(sorted(self.names))


NONE = Selection(frozenset())


def select(names: Iterable[str], every: str) -> Selection:
    """Return what `names` selects, where the word `every` stands for all there are."""
    found = frozenset(names)
    return Selection(frozenset(), every=True) if every in found else Selection(found)


def read(text: str) -> Selection:
    """Return the selection that was written down so; an empty text selects nothing."""
    return select(filter(None, text.split(",")), ALL_SERVICE_ACCOUNTS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A Desired in the form that is asked many times."""

    namespaces: Selection
    service_accounts: Selection
    takeover: bool
    content: Content | None
    replaces: bool = True
    is_in_time: bool = True
    is_refused: bool = False


def wanted_of(desired: Desired) -> Wanted:
    """Return what follows from `desired`; where there are to be no Secrets, no namespace is selected."""
    namespaces = select(desired.namespaces, ALL_NAMESPACES) if desired.enabled else NONE
    service_accounts = select(desired.service_accounts, ALL_SERVICE_ACCOUNTS)
    return Wanted(
        namespaces,
        service_accounts,
        desired.takeover,
        desired.content,
        desired.replaces,
        desired.is_in_time,
        desired.is_refused,
    )
