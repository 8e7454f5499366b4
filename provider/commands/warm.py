"""`warm`: renew the ready answers that are due soon, so that no pull waits for the network."""

import os
import time
from collections.abc import Callable, Sequence
from typing import TextIO

from provider import environment
from provider.answers import Answer
from provider.commands.common import StreamJournal, limit_time, parser, places_of
from provider.commands.get import moment
from provider.environment import Environment
from provider.errors import ProviderError
from provider.journal import Journal
from provider.kubelet import API_VERSIONS, Request
from provider.lookup import Lookup
from provider.miss import DEADLINE_SECONDS
from provider.places import PROGRAM, Places
from provider.settings import load_settings
from provider.store import Store
from provider.sweep import sweep

AHEAD_SECONDS = 600
"""How long before its time an answer is renewed here, so that the plugin never has to."""


def run(arguments: Sequence[str], stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Renew what is due; 1 if one of the hosts could not be served."""
    made = parser("warm", "Fetch the answers of the configured domains, and renew the ready answers that are due soon.")
    made.add_argument("--all", action="store_true", help="renew every answer, due or not")
    parsed = made.parse_args(list(arguments))
    places = places_of(parsed)
    surroundings = environment.take(os.environ)
    store = Store(places.answers)
    sweep(store, time.time())
    hosts = hosts_to_warm(places, store, StreamJournal(stderr))
    limit_time(DEADLINE_SECONDS * max(1, len(hosts)), stderr, "renewing the ready answers")
    failed = 0
    for host in hosts:
        try:
            line = renew(host, places, surroundings, StreamJournal(stderr), every=parsed.all)
        except ProviderError as error:
            failed += 1
            line = f"{host}: {error}"
        if line:
            stderr.write(f"{PROGRAM}: {line}\n")
    return 1 if failed else 0


def hosts_to_warm(places: Places, store: Store, journal: Journal) -> list[str]:
    """Return the configured domains and the hosts asked for before, sorted."""
    settings = load_settings(places, store, time.time(), journal)
    domains = {domain for instance in settings.configuration.instances for domain in instance.domains}
    return sorted(domains | set(store.hosts()))


def renew(
    host: str,
    places: Places,
    surroundings: Environment,
    journal: Journal,
    *,
    every: bool = False,
    clock: Callable[[], float] = time.time,
) -> str:
    """Renew one host's answer if it is due within ten minutes; return the line that says so, else an empty one."""
    lookup = Lookup(Request(API_VERSIONS[0], f"{host}/any"), places, journal, environment=surroundings, clock=clock)
    if lookup.old is not None and not every and clock() < lookup.old.renew - AHEAD_SECONDS:
        return ""
    outcome = lookup.run(DEADLINE_SECONDS, renew=True)
    if not isinstance(outcome, Answer):
        return f"{host}: not ours to answer"
    if outcome is lookup.old:
        return f"{host}: not renewed, good until {moment(outcome.end)}"
    return f"{host}: renewed, good until {moment(outcome.end)} ({outcome.source})"
