"""One namespace at a time: what is to be done there is planned, done, and, where it fails, put off."""

from collections.abc import Callable, Sequence

from provider.errors import place_of
from provider.kubernetes.client import CONFLICT, NOT_FOUND, ApiFailure
from provider.kubernetes.events import Limiter
from provider.kubernetes.names import SECRET
from provider.secrets.api import Withheld
from provider.secrets.apply import Apply
from provider.secrets.cache import Cache
from provider.secrets.patience import Patience
from provider.secrets.plan import AddEntry, DeleteSecret, Place, Plan, RemoveEntry, Step, WriteSecret, plan
from provider.secrets.rate import BACK_OFF_LIMIT, back_off
from provider.secrets.selection import Wanted
from provider.secrets.telling import Telling
from provider.secrets.work import Work

FORCE_SECONDS = 600.0
"""A Secret that another writer took back is taken over again no sooner."""
TAKEOVER_TRIES = 3
"""So often in a row another writer may come between before that counts as taken back."""
REFUSED_LIMIT = 300.0
"""Seconds between attempts at what quota, policy or rights refuse; nobody tells when they change."""
STEPS = 50
"""Steps of one namespace before others of the queue get their turn, and it is looked at anew."""
TELL_AFTER = 3
"""Times that a Secret or an entry was taken away, or refused, before people are told: once is an accident."""
OUTAGE_SECONDS = 60.0
"""The same line is logged no sooner again."""
SERVER_ERROR = 500
"""As long as a webhook of somebody's fails, too; 503 and 504 say that the API server is in trouble itself."""


class Serve:
    """Does the work of one namespace. What is wanted is set from outside."""

    def __init__(
        self,
        cache: Cache,
        apply: Apply,
        work: Work,
        telling: Telling,
        *,
        may_write: Callable[[], bool],
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        log: Callable[[str], None],
    ) -> None:
        self.wanted: Wanted | None = None
        self.pending: set[str] = set()
        """Namespaces in which something is to be done."""
        self.problems: set[str] = set()
        """Namespaces whose Secret has to be left alone."""
        self.untold: set[str] = set()
        """Those of which that could not be said yet."""
        self.patience = Patience(monotonic, work.later)
        self._cache = cache
        self._apply = apply
        self._work = work
        self._telling = telling
        self._may_write = may_write
        self._clock = clock
        self._monotonic = monotonic
        self._write_line = log
        self._failures: dict[str, int] = {}
        self._forced: dict[str, float] = {}
        self._lines = Limiter(OUTAGE_SECONDS)

    def place(self, namespace: str) -> Place:
        """Return what is known of a namespace."""
        cache = self._cache
        return Place(
            cache.namespaces.of(namespace).get(namespace),
            cache.secrets.of(namespace).get(SECRET),
            cache.accounts.of(namespace),
        )

    def plan(self, namespace: str, wanted: Wanted) -> Plan:
        """Return what is to be done in a namespace now, and note whether that is something."""
        forced = self._forced.get(namespace)
        may_take_over = forced is None or self._monotonic() - forced >= FORCE_SECONDS
        left_out = self.patience.waiting(namespace)
        found = plan(self.place(namespace), wanted, self._clock(), may_take_over=may_take_over, left_out=left_out)
        (self.pending.add if found.steps or found.is_partial else self.pending.discard)(namespace)
        (self.problems.add if found.problem else self.problems.discard)(namespace)
        return found

    def forget(self, namespace: str) -> None:
        """Know nothing more of a namespace that has gone."""
        for known in (self._failures, self._forced):
            known.pop(namespace, None)
        for names in (self.pending, self.problems, self.untold):
            names.discard(namespace)
        self.patience.forget(namespace)

    def log(self, line: str) -> None:
        """Log a line, unless it just was."""
        if self._lines.allow(line, self._monotonic()):
            self._write_line(line)

    async def serve(self, namespace: str) -> None:
        """Do what is to be done in a namespace; where that fails, see to it that it is tried again."""
        try:
            await self._serve(namespace)
            self._failures.pop(namespace, None)
        except Withheld:
            return
        except ApiFailure as failure:
            await self._failed(namespace, failure)
        except Exception as error:
            self.log(f"namespace {namespace}: {place_of(error)}")
            self._hold(namespace, REFUSED_LIMIT)

    async def _serve(self, namespace: str) -> None:
        wanted = self.wanted
        if wanted is None:
            return
        found = self.plan(namespace, wanted)
        if not self._may_write():
            return
        told = found.problem is None or await self._telling.problem(namespace, found.problem)
        (self.untold.discard if told else self.untold.add)(namespace)
        await self._carry_out(namespace, found.steps[:STEPS])
        self.plan(namespace, self.wanted or wanted)
        if len(found.steps) > STEPS:
            self._work.add(namespace)

    async def _carry_out(self, namespace: str, steps: Sequence[Step]) -> None:
        stuck = False
        for step in steps:
            if isinstance(step, AddEntry | RemoveEntry):
                done = await self._entry(step)
                stuck = stuck or (isinstance(step, RemoveEntry) and not done)
            elif stuck:
                # What the Secret says of the entries is another thing now: it is planned anew.
                self._work.add(namespace)
                return
            else:
                await self._secret(namespace, step)

    async def _secret(self, namespace: str, step: WriteSecret | DeleteSecret) -> None:
        takes_over = isinstance(step, WriteSecret) and step.over is not None and not step.over.is_ours
        if isinstance(step, WriteSecret) and self.patience.times_secret_undone(namespace) >= TELL_AFTER:
            await self._telling.secret_removed(namespace)
        try:
            await self._apply.step(step)
        except ApiFailure as failure:
            # Somebody else writes it all the time: as if it had been taken back.
            if takes_over and failure.status == CONFLICT and self._failures.get(namespace, -1) >= TAKEOVER_TRIES - 2:
                self._forced[namespace] = self._monotonic()
            raise
        if takes_over:
            self._forced[namespace] = self._monotonic()

    async def _entry(self, step: AddEntry | RemoveEntry) -> bool:
        """Change an entry; False where it cannot be, which keeps nobody else from getting theirs."""
        account = step.account
        if isinstance(step, AddEntry) and self.patience.times_undone(account) >= TELL_AFTER:
            await self._telling.entry_removed(account)
        try:
            await self._apply.step(step)
        except ApiFailure as failure:
            if _is_ending(failure):
                raise
            refused = _is_refusal(failure)
            times = self.patience.failed(account, REFUSED_LIMIT if refused else BACK_OFF_LIMIT)
            if times >= TELL_AFTER and (refused or failure.status == SERVER_ERROR):
                await self._telling.entry_refused(account, str(failure))
            if not (refused or failure.status in (CONFLICT, SERVER_ERROR)):
                raise
            self.log(str(failure))
            return False
        self.patience.done(account)
        return True

    async def _failed(self, namespace: str, failure: ApiFailure) -> None:
        if _is_ending(failure):
            # The namespace goes, or has gone; the watch tells.
            return
        if failure.status == CONFLICT:
            self._hold(namespace)
            await self._look(namespace)
        elif _is_refusal(failure):
            self._hold(namespace, REFUSED_LIMIT)
            await self._telling.refused(namespace, str(failure))
        else:
            self._hold(namespace)
            self.log(str(failure))

    async def _look(self, namespace: str) -> None:
        try:
            await self._apply.look(namespace)
        except ApiFailure as failure:
            self.log(str(failure))

    def _hold(self, namespace: str, limit: float = BACK_OFF_LIMIT) -> None:
        failures = self._failures[namespace] = self._failures.get(namespace, -1) + 1
        self._work.hold(namespace, back_off(failures, limit))


def _is_refusal(failure: ApiFailure) -> bool:
    return 400 <= failure.status < 500 and failure.status not in (NOT_FOUND, CONFLICT, 429)


def _is_ending(failure: ApiFailure) -> bool:
    return failure.status == NOT_FOUND or "being terminated" in str(failure)
