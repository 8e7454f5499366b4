"""One host's credentials: ready, fetched, refused or not ours.

One fetch at a time a host, or a ServiceAccount and host; everybody else waits and reads. The plugin, the commands and
the Docker helper all come through here. The lock is taken before anything heavy is imported: a node that starts 50 pods
starts 50 plugins, in the kubelet's own cgroup.
"""

import os
import time

from provider import answers
from provider.errors import ProviderError, Unreachable, place_of
from provider.hand_over import POD, HandOver, subject_of
from provider.journal import Journal
from provider.kubelet import Request
from provider.locks import Busy
from provider.places import Places
from provider.refusals import Remembered, refusal_of
from provider.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from provider.config.values import Configuration
    from provider.environment import Environment
    from provider.identity.pod_role import PodRole

RENEWAL_SECONDS = 5.0
"""For a renewal while the old token is still good: nobody waits longer for a cloud that is down."""

PAUSE_SECONDS = 0.02
"""Until a pod that nothing was handed to looks for the lock again."""

GRACE_SECONDS = 0.5
"""How much earlier than the whole the network calls end, so that they can say what did not answer."""

Outcome = answers.Answer | answers.LeftAlone


class Lookup:
    """The look-up of one request's host."""

    def __init__(
        self,
        request: Request,
        places: Places,
        journal: Journal,
        *,
        environment: "Environment | None" = None,
        clock: "Callable[[], float]" = time.time,
        limit: "Callable[[float], None]" = lambda seconds: None,
        prepares: bool = False,
    ) -> None:
        """`limit` is told when the host is allowed less time (seconds from then on) than `run` was.

        `prepares`: no pod asks, and nobody gets the answer from here: the node makes it ready for those who may.
        Without an `environment` the process's own is taken, and emptied, when the first import needs it.
        """
        self.request = request
        self.places = places
        self.environment = environment
        self.journal = journal
        self.clock = clock
        self.limit = limit
        self.prepares = prepares
        self.subject = subject_of(request)
        """What is locked, and under which name an error is remembered."""
        self._is_pods = self.subject.startswith(POD)
        self._meeting = HandOver(places.answers, self.subject)
        self.store = Store(places.answers)
        self.fingerprint = places.fingerprint()
        self.step = "waiting for another process that asks for the same registry"
        self.holds_lock = False
        self._progress: Callable[[], str] = str
        stored = self.stored()
        self.old = stored if stored is not None and stored.is_valid(clock()) else None
        """An answer that a registry still takes, fresh or due for renewal, and that this request may have."""

    def waiting_for(self) -> str:
        """Return what is being done, and which host is being asked; for the thread that keeps the deadline."""
        progress = self._progress()
        return f"{self.step} (asked last: {progress})" if progress else self.step

    def stored(self, *, is_the_nodes: bool = False) -> answers.Answer | None:
        """Return what is kept for this request, whatever its age; `is_the_nodes`: it may have the node's."""
        if not answers.directory_is_private(self.store.directory):
            return None
        answer = answers.read_answer(self.store.directory, self.request.name, self.fingerprint)
        if answer is None or answer.leaves_alone(self.request):
            return None
        return answer if is_the_nodes or self.prepares or answer.applies_to(self.request) else None

    def ready(self) -> answers.Answer | None:
        """Return the answer that may be given without asking anybody, if there is one."""
        return self.old if self.old is not None and self.old.is_fresh(self.clock()) else None

    def run(self, seconds: float, *, renew: bool = False) -> Outcome:
        """Return credentials or that they are not ours to give, within about `seconds`.

        `renew` asks the cloud although the answer kept is fresh. Raises ProviderError; by then it is remembered.
        """
        if self._is_left_alone():
            return answers.ACK_PUBLIC  # at once: the node's system pods wait for nothing of ours
        if self.old is None and (found := self._ready_for_some()) is not None:
            if found.is_fresh(self.clock()):
                return found
            self.old, seconds = found, min(seconds, RENEWAL_SECONDS)
            self.limit(seconds)
        end = time.monotonic() + seconds
        while True:
            try:
                with self.store.locked(self.subject, wait=self.old is None and not self._is_pods) as self.holds_lock:
                    return self._asked_for_all(end, renew=renew) if self._is_pods else self._asked(end, renew=renew)
            except Busy:
                if self.old is not None:
                    return self.old
                if not self._is_pods:
                    raise
            handed = self._handed_over(end)
            if handed is not None:
                return handed
            time.sleep(PAUSE_SECONDS)

    def _asked(self, end: float, *, renew: bool) -> Outcome:
        try:
            return self._left_by_others(renew=renew) or self._fetch(end - time.monotonic())
        except ProviderError as error:
            return self.fall_back(error)  # while the lock is held, or the next one would ask again

    def _asked_for_all(self, end: float, *, renew: bool) -> Outcome:
        """Ask, and hand what a pod's token bought to the pods of its ServiceAccount that wait for it."""
        data = b""
        if self.holds_lock:
            self._meeting.offer()
        try:
            outcome = self._asked(end, renew=renew)
            if isinstance(outcome, answers.Answer) and outcome.cache_key_type == "Registry":
                data = outcome.encode()
            return outcome
        finally:
            self._meeting.give(data)

    def _handed_over(self, end: float) -> answers.Answer | None:
        """Wait for what another pod of the ServiceAccount gets; None where that one got nothing to hand on."""
        from provider.service_account import check_claims, parse_claims

        # Nobody asks STS about this token.
        check_claims(parse_claims(self.request.service_account_token), self.clock())
        answer = answers.decode(self._meeting.ask(end - time.monotonic()), self.request.name)
        fits = answer is not None and answer.fingerprint == self.fingerprint and answer.is_fresh(self.clock())
        return answer if fits else None

    def fall_back(self, error: ProviderError) -> answers.Answer:
        """Return the old answer where the error is an outage; else remember the error and raise it."""
        now = self.clock()
        if self.holds_lock and error.remember_seconds and not isinstance(error, Remembered):
            self._remember(error, now)
        outage = error.refusal.is_outage if isinstance(error, Remembered) else isinstance(error, Unreachable)
        if outage and self.old is not None and self.old.is_valid(now):
            return self.old
        raise error

    def _remember(self, error: ProviderError, now: float) -> None:
        from provider.sweep import sweep_if_crowded

        sweep_if_crowded(self.store, now)
        self.store.write_refusal(refusal_of(error, self.request.name, self.fingerprint, now, subject=self.subject))

    def _is_left_alone(self) -> bool:
        if not self.request.repository.startswith(answers.ACK_PUBLIC_PREFIX):
            return False
        from provider.registries import is_left_alone

        return is_left_alone(self.request.name, self.request.repository)

    def _left_by_others(self, *, renew: bool) -> answers.Answer | None:
        now = self.clock()
        answer = self.stored()
        if answer is not None and answer.is_fresh(now) and not renew:
            return answer
        refusal = self.store.read_refusal(self.subject)
        if refusal is not None and refusal.fingerprint == self.fingerprint and refusal.holds(now):
            raise Remembered(refusal, now)
        return None

    def _fetch(self, seconds: float) -> Outcome:
        self.step = "reading the configuration"
        try:
            return self._ask(seconds)
        except ProviderError:
            raise
        except Exception as error:  # a bug; its text may hold anything, so only its place is told
            raise Unreachable(place_of(error)) from None

    def _ask(self, seconds: float) -> Outcome:
        from provider.deadline import Deadline

        whole = Deadline(seconds)  # before the imports below, which take time as well
        from provider import discovery, environment, tokens
        from provider.settings import load_settings

        surroundings = self.environment or environment.take(os.environ)
        name = self.request.name
        settings = load_settings(self.places, self.store, self.clock(), self.journal)
        self.journal.log_level = settings.configuration.log_level
        if not discovery.may_be_ours(name, settings.configuration):
            return answers.NOT_OURS
        pod = self._pod_role(settings.configuration)
        if pod is None and self.old is None and self.holds_lock and (ready := self.stored(is_the_nodes=True)):
            # Another pod's plugin got it while this one waited.
            self.old = ready if ready.is_valid(self.clock()) else None
            if ready.is_fresh(self.clock()):
                return ready
        left = whole.remaining()
        allowed = tokens.seconds_allowed(name, settings, left)
        if allowed < left:
            self.limit(allowed)
        self.step = f"asking Alibaba Cloud for a token for {name}"
        deadline = Deadline(allowed - min(GRACE_SECONDS, allowed / 5))
        means = (settings, self.places, self.store, surroundings, deadline, self.journal, self.clock)
        fetch = tokens.Fetch(*means, limit=self.limit, pod=pod)
        self._progress = fetch.cloud.progress
        answer = fetch.answer(name, self.request.repository)
        if answer is None:
            return answers.NOT_OURS
        # What a pod's token bought is that pod's alone.
        if self.holds_lock and pod is None and not self._is_pods:
            self.store.write_answer(answer)
        self.journal(
            f"{name}: a new token, renewed in {answer.cache_seconds(self.clock())} s ({answer.source})", "info"
        )
        return answer

    def _ready_for_some(self) -> answers.Answer | None:
        """Return the node's answer, which is ready for some pods alone, where it is for the one that asks.

        Raises NotServed, before anybody is waited for.
        """
        stored = self.stored(is_the_nodes=True)
        if stored is None or stored.service_account != answers.EVERY_POD or not stored.is_valid(self.clock()):
            return None
        from provider import environment
        from provider.settings import load_settings

        self.environment = self.environment or environment.take(os.environ)
        settings = load_settings(self.places, self.store, self.clock(), self.journal)
        return stored if self._pod_role(settings.configuration) is None else None

    def _pod_role(self, configuration: "Configuration") -> "PodRole | None":
        from provider import pods

        if self.prepares:
            return None
        pods.check_configured(self.request, self.places.config, is_there=os.path.lexists(self.places.config))
        return pods.pod_role(configuration, self.request, self.clock())
