"""`agent tokens`: gets the tokens for the compatibility Secrets once, leaves them in a file, and ends.

A process of its own, so that what it loads goes with it, and what hangs in it (an SDK, DNS) ends with it. The file is
in the state directory, which is in memory, and is this user's alone; stdout holds no secret. What one target refuses
keeps no other waiting, and nothing that was got is lost when this is killed.
"""

import argparse
import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from provider import environment
from provider.cluster import created_on
from provider.config.values import Instance
from provider.deadline import Deadline
from provider.discovery import Target
from provider.environment import Environment
from provider.errors import ConfigurationError, ProviderError, Unreachable, place_of
from provider.journal import Journal
from provider.node.domains import HOST
from provider.node.hosts import personal_hosts
from provider.places import DEFAULTS, Places
from provider.registries import PasswordOnlyHost, classify
from provider.secrets.content import Token, content_of
from provider.secrets.run_lines import Lines
from provider.secrets.token_file import read_tokens, write_tokens
from provider.secrets.token_report import Failure, Report, failure_of
from provider.secrets.token_wishes import Wish, due, kept_for, wishes_of
from provider.settings import Settings, load_settings
from provider.store import Store
from provider.tokens import Fetch

SECONDS = 20.0
"""For one token; a throttled cloud is asked again within it."""
BEGIN_SECONDS = 240.0
"""After so long no target is asked any more, so that what was had is told before this is killed."""
GRACE_SECONDS = 1.0
"""How much longer than its deadline a call is waited for that nothing interrupts."""
HELP = {
    "--config": "the configuration",
    "--local": "endpoints and ca-file",
    "--state-dir": "where the tokens and the identities are",
    "--data-dir": "where the cluster's date is",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where things are, and what is to be asked for."""
    for name, default in DEFAULTS.items():
        parser.add_argument(name, metavar="PATH", default=default, help=f"{HELP[name]} (default: %(default)s)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--all", action="store_true", help="ask for new tokens whether they are due or not")
    what.add_argument(
        "--no-tokens", action="store_true", help="only read the configuration, so that it is read fast afterwards"
    )


def run(parsed: argparse.Namespace, stdout: TextIO, stderr: TextIO) -> int:
    """Ask for what is due; 1 where something could not be had. Raises ConfigurationError."""
    places = Places({name: getattr(parsed, name[2:].replace("-", "_")) for name in DEFAULTS})
    surroundings = environment.take(os.environ)
    journal = Lines(stderr)
    store = Store(places.answers)
    store.prepare()
    settings = load_settings(places, store, time.time(), journal)
    if parsed.no_tokens:
        return 0
    report = Asking(places, settings, store, surroundings, journal).run(every=parsed.all)
    stdout.write(report.dump())
    return 1 if report.failed else 0


@dataclass(frozen=True, slots=True)
class Asking:
    """One run."""

    places: Places
    settings: Settings
    store: Store
    surroundings: Environment
    journal: Journal
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    seconds: float = SECONDS

    def run(self, *, every: bool) -> Report:
        """Get what is due, target by target; after each the file holds all there is."""
        configuration = self.settings.configuration
        wishes = wishes_of(configuration, self.settings.local, self._created()) if configuration.compat_secrets else ()
        known = read_tokens(self.places)
        now = self.clock()
        asked = due(wishes, known, configuration.expiring_threshold, now, every=every)
        held = {wish: kept for wish in wishes if (kept := kept_for(wish, known, now)) is not None}
        self._write(wishes, held)
        failures = []
        began = self.monotonic()
        for wish in self._in_order(asked, held):
            try:
                if self.monotonic() - began >= BEGIN_SECONDS:
                    raise Unreachable("others took so long that it was not asked")
                held[wish] = self._within_time(wish)
                self._write(wishes, held)
            except ProviderError as error:
                failures.append(self._failure(wish, error, held.get(wish)))
        renewed = len(asked) - len(failures)
        content = content_of(held.values(), self.clock())
        hosts = tuple(sorted({host for token in held.values() for host in token.hosts}))
        return Report(hosts, renewed, content.renew, content.end, tuple(failures), _ends(wishes, held, failures))

    def _in_order(self, asked: list[Wish], held: dict[Wish, Token]) -> list[Wish]:
        """Return first whose token ends soonest; who has none comes last, and of those nobody is always the last.

        A target that never answers has none before long, so it keeps nobody waiting that had one.
        """
        mixed = random.sample(asked, len(asked))
        return sorted(mixed, key=lambda wish: held[wish].end if wish in held else float("inf"))

    def _within_time(self, wish: Wish) -> Token:
        """Ask in a thread, which is left behind where nothing ends it: DNS may be silent for ever."""
        found: list[Token | ProviderError] = []

        def ask() -> None:
            try:
                found.append(self._ask(wish))
            except ProviderError as error:
                found.append(error)
            except Exception as error:  # a bug; its text may hold anything, so only its place is told
                found.append(Unreachable(place_of(error)))

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(self.seconds + GRACE_SECONDS)
        outcome = found[0] if found else Unreachable(f"no answer within {self.seconds:g} s")
        if isinstance(outcome, ProviderError):
            raise outcome
        return outcome

    def _ask(self, wish: Wish) -> Token:
        fetch = self._fetch()
        item = wish.instance
        region = wish.region or fetch.cloud.metadata.region()
        hosts = wish.hosts or self._hosts(fetch, item, region)
        if not hosts:
            raise ConfigurationError(
                f"{wish.target} tells no host name: name them under domains, or enable its endpoints in the console"
            )
        answer = fetch.answer_of(hosts[0], Target(item, region, item.instance_id))
        return Token(
            key=wish.key,
            target=wish.target,
            hosts=hosts,
            username=answer.username,
            password=answer.password,
            source=answer.source,
            threshold=self.settings.configuration.expiring_threshold,
            written=answer.written,
            renew=answer.renew,
            end=answer.end,
        )

    def _hosts(self, fetch: Fetch, item: Instance, region: str) -> tuple[str, ...]:
        if not item.instance_id:
            return personal_hosts(region)
        told = fetch.discovery.domains_of(item, region)
        # A name that is none, or that has no such tokens, would only be in the way.
        return tuple(host for host in told if HOST.fullmatch(host) and not isinstance(classify(host), PasswordOnlyHost))

    def _fetch(self) -> Fetch:
        means = (self.settings, self.places, self.store, self.surroundings, Deadline(self.seconds), self.journal)
        return Fetch(*means, self.clock)

    def _failure(self, wish: Wish, error: ProviderError, kept: Token | None) -> Failure:
        try:
            identity: str = self._fetch().chain_of(wish.instance).source
        except ProviderError:
            identity = ""
        kept_until = kept.end if kept is not None else 0
        return failure_of(wish.target, identity, error, is_default=wish.is_default, kept_until=kept_until)

    def _created(self) -> str:
        try:
            return str(created_on(self.places.cluster) or "")
        except ConfigurationError:
            # Whom it matters to says so.
            return ""

    def _write(self, wishes: tuple[Wish, ...], held: dict[Wish, Token]) -> None:
        write_tokens(self.places, [held[wish] for wish in wishes if wish in held])


def _ends(wishes: tuple[Wish, ...], held: dict[Wish, Token], failures: list[Failure]) -> tuple[tuple[str, int], ...]:
    """Return when the token of each target ends that is to have one; of one with several, which ends first."""
    expected = {failure.target for failure in failures if failure.is_expected}
    ends: dict[str, int] = {}
    for wish in wishes:
        if wish.target not in expected:
            end = held[wish].end if wish in held else 0
            ends[wish.target] = min(end, ends.get(wish.target, end))
    return tuple(ends.items())
