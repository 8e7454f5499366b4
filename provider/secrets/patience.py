"""What somebody undoes again and again, or what is refused: how long it has to wait before it is done once more.

Each ServiceAccount waits for itself, so that no other one and no Secret waits with it; for a Secret, its namespace.
"""

from collections.abc import Callable, Collection

from provider.secrets.cache import AccountView
from provider.secrets.rate import Contest, back_off

REFUSED_SECONDS = 2.0
"""Seconds, at least, to the next attempt: by then all others of its namespace have been served."""


class Patience:
    """Knows who has to wait, for how long, and how often that was so."""

    def __init__(self, monotonic: Callable[[], float], again: Callable[[str, float], None]) -> None:
        """`again` is told in which namespace, and after how many seconds, something can be done again."""
        self._monotonic = monotonic
        self._again = again
        self._until: dict[str, dict[str, float]] = {}
        self._failures: dict[str, dict[str, int]] = {}
        self._contests: dict[str, Contest] = {}
        """All by namespace and name."""
        self._secrets = Contest()
        """By namespace."""

    def waiting(self, namespace: str) -> Collection[str]:
        """Return the ServiceAccounts of a namespace that have to wait."""
        if namespace not in self._until:
            return ()
        now = self._monotonic()
        left = {name: until for name, until in self._until.pop(namespace).items() if until > now}
        if left:
            self._until[namespace] = left
        return left.keys()

    def undone(self, account: AccountView) -> None:
        """Take it that somebody took an entry away that is to be there."""
        contest = self._contests.setdefault(account.namespace, Contest())
        wait = contest.undone(account.name, self._monotonic())
        if wait:
            self._wait(account, wait)

    def times_undone(self, account: AccountView) -> int:
        """Return how often that was so lately."""
        contest = self._contests.get(account.namespace)
        return contest.times(account.name, self._monotonic()) if contest is not None else 0

    def secret_undone(self, namespace: str) -> float:
        """Take it that somebody took a Secret away that is to be there; returns the seconds to wait."""
        return self._secrets.undone(namespace, self._monotonic())

    def times_secret_undone(self, namespace: str) -> int:
        """Return how often that was so lately."""
        return self._secrets.times(namespace, self._monotonic())

    def failed(self, account: AccountView, limit: float) -> int:
        """Take it that an entry could not be changed; returns how often now in a row. `limit`: the longest wait."""
        failures = self._failures.setdefault(account.namespace, {})
        times = failures[account.name] = failures.get(account.name, 0) + 1
        self._wait(account, max(REFUSED_SECONDS, back_off(times, limit)))
        return times

    def done(self, account: AccountView) -> None:
        """Take it that an entry could be changed."""
        self._failures.get(account.namespace, {}).pop(account.name, None)

    def release_all(self) -> None:
        """Let nobody wait any more."""
        self._until.clear()

    def forget_contests(self) -> None:
        """Know nothing more of what was undone: another one led meanwhile."""
        self._contests.clear()
        self._secrets.clear()

    def forget(self, namespace: str) -> None:
        """Know nothing more of a namespace."""
        for known in (self._until, self._failures, self._contests):
            known.pop(namespace, None)
        self._secrets.forget(namespace)

    def _wait(self, account: AccountView, seconds: float) -> None:
        self._until.setdefault(account.namespace, {})[account.name] = self._monotonic() + seconds
        # A little later, since two clocks that are the same may be read in either order.
        self._again(account.namespace, seconds + 0.01)
