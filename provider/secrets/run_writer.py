"""What the writer wants, from what its parts tell it: configuration, tokens, leadership. And whether it is ready."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from provider.config.values import Configuration, Webhook
from provider.kubernetes.probes import Health
from provider.secrets.admission import Rules
from provider.secrets.configuration import InForce
from provider.secrets.desired import ALL_NAMESPACES, Content, Desired
from provider.secrets.metrics import Metrics
from provider.secrets.reconcile import Progress, Reconciler
from provider.secrets.run_events import Events
from provider.secrets.selection import wanted_of
from provider.secrets.token_report import Report

PROGRESS_SECONDS = 10.0
NOTHING = Desired(enabled=False, namespaces=(), service_accounts=(), takeover=False, content=None)


@dataclass(frozen=True, slots=True)
class Telling:
    """Whom the writer tells what it finds."""

    events: Events
    metrics: Metrics
    health: Health
    log: Callable[[str], None]


class Writer:
    """The state of one writer."""

    def __init__(
        self,
        reconciler: Reconciler,
        telling: Telling,
        may_write: Callable[[], bool],
        *,
        namespace: str,
        takeover: bool,
        remove: bool,
    ) -> None:
        self._reconciler = reconciler
        self._telling = telling
        self._may_write = may_write
        self._namespace = namespace
        self._takeover = takeover
        self._remove = remove
        self._in_force: InForce | None = None
        self._content: Content | None = None
        self._report: Report | None = None
        self._desired: Desired | None = None
        self._waits = False
        """Whether what is in force now waits for its own tokens; what was before stays whole for so long."""
        self._replaces = False
        """See Desired; true for good once all was had that there is, or the configuration wants other logins."""
        self.known = asyncio.Event()
        """Set when there is a configuration."""
        self.changed: Callable[[], None] = lambda: None
        """Called when other tokens may be wanted than before."""
        if remove:
            # No configuration counts.
            telling.metrics.in_step(in_step=True)
            self._want(NOTHING)

    @property
    def _configuration(self) -> Configuration | None:
        return self._in_force.configuration if self._in_force is not None else None

    async def configured(self, now: InForce) -> None:
        """Take what is in force of the ConfigMap."""
        before, self._in_force = self._configuration, now
        wrong = now.outcome.state == "wrong"
        self._telling.metrics.in_step(in_step=not wrong)
        self._telling.log(f"configuration {now.outcome.state}: {now.outcome.detail}".removesuffix(": "))
        await self._complain()
        if now.configuration is None or now.configuration == before:
            return
        self._telling.metrics.threshold(now.configuration.expiring_threshold)
        other = before is not None and _of_tokens(now.configuration) != _of_tokens(before)
        self._waits = self._waits or other
        self._replaces = self._replaces or (before is not None and _of_logins(now.configuration) != _of_logins(before))
        if not self._waits:
            self._decide()
        self.known.set()
        if other:
            self.changed()

    def supplied(self, content: Content | None) -> None:
        """Take the tokens that there are for what is in force now."""
        self._content, self._waits = content, False
        self._decide()

    async def asked(self, report: Report) -> None:
        """Take what asking for tokens came to."""
        self._report = report
        self._replaces = self._replaces or report.says_all
        self._telling.metrics.renewed(report)
        if report.renewed:
            self._telling.log(f"{report.renewed} new tokens, for {', '.join(report.hosts)}")
        for failure in report.failures:
            self._telling.log(f"no token for {failure.target}: {failure.line}")
        if self._may_write():
            configuration = self._configuration or Configuration()
            named = configuration.watch_namespaces
            await self._telling.events.tokens_failed(report.failed, () if ALL_NAMESPACES in named else named)

    def rules(self) -> Rules | None:
        """Return what the webhook goes by now; None while no configuration was ever good."""
        configuration = self._configuration
        if configuration is None or self._desired is None:
            return None
        return Rules(configuration.webhook, wanted_of(self._desired), self._namespace)

    async def watch(self) -> None:
        """Say every second that the loop goes on, and how things are, until cancelled."""
        looked = float("-inf")
        reason = ""
        while True:
            self._telling.health.beat()
            if time.monotonic() - looked >= (PROGRESS_SECONDS if not reason else 1):
                looked = time.monotonic()
                await self._complain()
                progress = self._reconciler.progress()
                self._measure(progress)
                reason = self._why_not_ready(progress)
                if reason:
                    self._telling.health.not_ready(reason)
                else:
                    self._telling.health.ready()
            await asyncio.sleep(1)

    async def _complain(self) -> None:
        """Say that the ConfigMap is wrong, as long as it is; the same is said once in a time."""
        outcome = self._in_force.outcome if self._in_force is not None else None
        if outcome is not None and outcome.fault == "configuration":
            await self._telling.events.configuration_wrong(outcome.detail)

    def _decide(self) -> None:
        configuration = self._configuration
        # Why none was had matters only where there is none.
        has_none, report = self._content is None, self._report
        if configuration is not None and not self._remove:
            self._want(
                Desired(
                    configuration.compat_secrets,
                    configuration.watch_namespaces,
                    configuration.service_accounts,
                    self._takeover,
                    self._content,
                    self._replaces,
                    is_in_time=not has_none or (report is not None and report.is_in_time),
                    is_refused=has_none and report is not None and report.is_refused,
                )
            )

    def _want(self, desired: Desired) -> None:
        self._desired = desired
        self._reconciler.want(desired)

    def _measure(self, progress: Progress) -> None:
        done = max(0, progress.total - progress.left_alone - progress.pending)
        counts = {"done": done, "pending": progress.pending, "left_alone": progress.left_alone}
        self._telling.metrics.namespaces(counts)
        self._telling.metrics.secrets_end(progress.end)

    def _why_not_ready(self, progress: Progress) -> str:
        """Return what is not as it should be; empty where all is."""
        if self._remove:
            if not progress.is_synced:
                return "the cluster has not been read yet"
            return f"Secrets are to be taken away in {progress.pending} namespaces" if progress.pending else ""
        if self._in_force is None:
            return "the ConfigMap has not been read yet"
        if self._configuration is None:
            # Once one was good, Events and metrics tell of a wrong one: the webhook goes on with what was good.
            return self._in_force.outcome.detail
        if not progress.is_synced:
            return "the cluster has not been read yet"
        # That there are none is told by Events and metrics: the webhook has to answer all the same.
        return "no token has been asked for yet" if self._report is None else ""


def _of_tokens(configuration: Configuration) -> Configuration:
    """Return what is wanted of tokens: of all that a configuration says what may change them."""
    return replace(configuration, watch_namespaces=(), service_accounts=(), webhook=Webhook(), log_level="info")


def _of_logins(configuration: Configuration) -> Configuration:
    """Return of that what may change for which hosts there are logins, and as whom."""
    return replace(_of_tokens(configuration), expiring_threshold=0)
