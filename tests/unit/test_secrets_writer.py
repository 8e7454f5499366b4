"""What the writer makes of configuration and tokens: what is wanted, whether it is ready, its figures."""

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest
from lightkube import AsyncClient
from lightkube.resources.core_v1 import Event

from provider.agent.configuration import Outcome
from provider.config.values import Configuration, Instance
from provider.kubernetes.probes import Health
from provider.secrets.configuration import InForce
from provider.secrets.desired import EMPTY, Content, Desired
from provider.secrets.metrics import Metrics
from provider.secrets.reconcile import Progress, Reconciler
from provider.secrets.run_events import Events
from provider.secrets.run_writer import Telling, Writer
from provider.secrets.token_report import Failure, Report

NOW = 1_800_000_000
FIRST, SECOND = (Content(f"{{{name}}}".encode(), name, NOW, NOW + 900) for name in ("first", "second"))
GOOD = Configuration(watch_namespaces=("team-a",))
DOWN = Failure("instance cri-y", "", "unreachable", "no answer")
REFUSED = Failure("instance cri-x", "workerRole", "refused", "no", code="NoPermission")


class Site:
    """A writer, and what it wants of the reconciler."""

    def __init__(self, *, remove: bool = False) -> None:
        self.wanted: list[Desired] = []
        self.state = Progress(is_synced=True, total=1, pending=0, left_alone=0, end=0)
        self.metrics, self.health = Metrics(), Health()
        self.events: list[Event] = []
        self.asked_for = 0
        events = Events(cast(AsyncClient, self), lambda: float(NOW), self.metrics.asked, lambda line: None)
        telling = Telling(events, self.metrics, self.health, lambda line: None)
        reconciler = cast(Reconciler, self)
        self.writer = Writer(reconciler, telling, lambda: True, namespace="ours", takeover=False, remove=remove)
        self.writer.changed = self._changed

    def want(self, desired: Desired) -> None:
        self.wanted.append(desired)

    def progress(self) -> Progress:
        return self.state

    def _changed(self) -> None:
        self.asked_for += 1

    def configure(self, configuration: Configuration | None) -> None:
        outcome = Outcome("in step") if configuration else Outcome("wrong", "expiring-threshold: soon", "configuration")
        asyncio.run(self.writer.configured(InForce(configuration, outcome)))

    def report(self, *failures: Failure, **fields: Any) -> None:
        asyncio.run(self.writer.asked(Report(failures=failures, **fields)))

    def why_not_ready(self) -> str:
        """Let it look once."""

        async def look() -> None:
            task = asyncio.ensure_future(self.writer.watch())
            await asyncio.sleep(0.05)
            task.cancel()

        asyncio.run(look())
        return self.health.reason

    def figure(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"acr_credential_provider_{name}", labels)


def test_it_is_ready_without_any_token_once_it_is_known_that_there_is_none() -> None:
    site = Site()
    assert site.why_not_ready() == "the ConfigMap has not been read yet"
    site.configure(GOOD)
    assert site.why_not_ready() == "no token has been asked for yet"
    site.report(REFUSED)
    assert site.why_not_ready() == ""


def test_the_webhook_has_no_rules_before_a_configuration_was_good() -> None:
    site = Site()
    assert site.writer.rules() is None
    site.configure(None)
    assert site.writer.rules() is None
    site.configure(GOOD)
    rules = site.writer.rules()
    assert rules is not None and "team-a" in rules.wanted.namespaces


def test_where_everything_is_taken_away_no_configuration_is_wrong() -> None:
    assert Site(remove=True).figure("configuration_in_step") == 1


def test_another_selection_counts_at_once_with_the_tokens_that_there_are() -> None:
    site = Site()
    site.configure(GOOD)
    site.writer.supplied(FIRST)
    site.configure(replace(GOOD, watch_namespaces=("team-b",), service_accounts=("*",)))
    assert (site.wanted[-1].namespaces, site.wanted[-1].content) == (("team-b",), FIRST)
    assert site.asked_for == 0


OTHERS = {
    "instances": {"instances": (Instance("cri-x"),)},
    "token-mode": {"token_mode": "managedRole"},
    "threshold": {"expiring_threshold": 60},
    "secrets": {"compat_secrets": False},
    "selection too": {"instances": (Instance("cri-x"),), "watch_namespaces": ("team-b",)},
}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_what_changes_tokens_counts_with_its_own_tokens(change: dict[str, Any]) -> None:
    site = Site()
    site.configure(GOOD)
    site.writer.supplied(FIRST)
    other = replace(GOOD, **change)
    site.configure(other)
    assert site.asked_for == 1
    # And what else changes meanwhile waits, too.
    last = replace(other, service_accounts=("builder",))
    site.configure(last)
    assert all(each.content in (None, FIRST) and each.service_accounts == ("default",) for each in site.wanted)
    assert site.wanted[-1].namespaces == ("team-a",) and site.wanted[-1].enabled
    site.writer.supplied(SECOND)
    wanted = site.wanted[-1]
    assert (wanted.content, wanted.service_accounts, wanted.namespaces) == (
        SECOND, ("builder",), last.watch_namespaces
    )  # fmt: skip
    assert wanted.enabled is last.compat_secrets


YES, NO = True, False
REPORTS = {
    "all had": ((), YES, YES, YES),
    "one refused for good": ((REFUSED,), YES, YES, YES),
    "one down": ((REFUSED, DOWN), NO, YES, NO),
    "one down that stays for now": ((replace(DOWN, kept_until=NOW),), YES, YES, YES),
    "no identity": ((replace(REFUSED, code=""),), NO, NO, YES),
    "no identity, and the old token stays": ((replace(REFUSED, code="", kept_until=NOW),), YES, YES, YES),
    "the clock": ((replace(REFUSED, code="InvalidTimeStamp.Expired"),), NO, NO, YES),
    "a session that has ended": ((replace(REFUSED, code="InvalidSecurityToken.Expired"),), NO, NO, YES),
    "another word": ((replace(REFUSED, code="SignatureDoesNotMatch"),), NO, YES, YES),
    "a wrong configuration": ((replace(REFUSED, cause="configuration"),), NO, YES, NO),
}


@pytest.mark.parametrize(("failures", "replaces", "in_time", "refused"), REPORTS.values(), ids=REPORTS)
def test_what_the_writer_before_got_goes_only_where_the_cloud_said_no_for_good(
    failures: tuple[Failure, ...], replaces: bool, in_time: bool, refused: bool
) -> None:
    site = Site()
    site.configure(GOOD)
    # As long as nobody was asked nothing is known.
    wanted = site.wanted[-1]
    assert not (wanted.replaces or wanted.is_in_time or wanted.is_refused)
    site.report(*failures)
    site.writer.supplied(None)
    wanted = site.wanted[-1]
    assert (wanted.replaces, wanted.is_in_time, wanted.is_refused) == (replaces, in_time, refused)
    site.report()
    site.report(DOWN)
    site.writer.supplied(None)
    wanted = site.wanted[-1]
    assert (wanted.replaces, wanted.is_in_time, wanted.is_refused) == (YES, YES, NO)


def test_why_none_was_had_is_nothing_new_where_there_is_one() -> None:
    site = Site()
    site.configure(GOOD)
    for failures in ((), (REFUSED,), (replace(REFUSED, code=""),), (DOWN,)):
        site.report(*failures)
        site.writer.supplied(FIRST)
        assert site.wanted[-1] == site.wanted[1]


def test_other_logins_that_are_configured_count_also_while_a_registry_is_down_from_the_start() -> None:
    site = Site()
    site.configure(GOOD)
    site.report(DOWN)
    for other in (replace(GOOD, expiring_threshold=60), replace(GOOD, watch_namespaces=("team-b",))):
        site.configure(other)
        site.writer.supplied(FIRST)
        assert not site.wanted[-1].replaces
    site.configure(replace(GOOD, instances=(Instance("cri-x"),)))
    site.report(DOWN)
    site.writer.supplied(SECOND)
    assert site.wanted[-1].replaces and site.wanted[-1].content == SECOND


def test_that_there_is_no_token_is_wanted_so() -> None:
    site = Site()
    site.configure(GOOD)
    site.writer.supplied(EMPTY)
    assert site.wanted[-1].content is EMPTY


def test_the_end_of_a_targets_token_stays_when_it_is_past_and_goes_with_the_target() -> None:
    site = Site()
    site.report(ends=(("x", NOW), ("y", NOW + 9), ("z", 0)))
    site.report(REFUSED, ends=(("x", 0), ("z", 0)))
    ends = {name: site.figure("token_end_timestamp_seconds", target=name) for name in "xyz"}
    assert ends == {"x": NOW, "y": None, "z": 0}


def test_a_run_that_came_to_nothing_takes_no_target_away() -> None:
    site = Site()
    site.report(ends=(("x", NOW),))
    site.report(ends=(("all registries", NOW + 9),), is_whole=False)
    assert site.figure("token_end_timestamp_seconds", target="x") == NOW
    assert site.figure("token_end_timestamp_seconds", target="all registries") == NOW + 9
    site.report(ends=(("x", NOW + 99),))
    assert site.figure("token_end_timestamp_seconds", target="all registries") is None


def test_the_end_in_the_secrets_and_the_threshold_are_told() -> None:
    site = Site()
    site.configure(replace(GOOD, expiring_threshold=77))
    site.state = replace(site.state, end=NOW)
    site.why_not_ready()
    assert site.figure("secret_end_timestamp_seconds") == NOW
    assert site.figure("token_expiring_threshold_seconds") == 77
