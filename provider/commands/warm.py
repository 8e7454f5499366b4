"""`warm`: renew the ready answers that are due soon, so that no pull waits for the network."""

import argparse
import math
import os
import random
import time
from collections.abc import Sequence
from typing import TextIO

from provider import environment
from provider.answers import Answer
from provider.commands.common import StreamJournal, limit_time, parser, places_of
from provider.commands.get import moment
from provider.environment import Environment
from provider.errors import ProviderError, RequestError
from provider.journal import Journal
from provider.kubelet import API_VERSIONS, Request
from provider.lookup import Lookup
from provider.miss import DEADLINE_SECONDS
from provider.node.delivery import SECONDS as DELIVERY_SECONDS
from provider.node.delivery import deliver_if_chosen, is_chosen
from provider.node.files import Tree
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
    made.add_argument(
        "--delay-up-to",
        metavar="SECONDS",
        type=seconds,
        default=0.0,
        help="where something is due, wait for a random time first: the nodes of a cluster are not to ask together",
    )
    parsed = made.parse_args(list(arguments))
    places = places_of(parsed)
    surroundings = environment.take(os.environ)
    store = Store(places.answers)
    sweep(store, time.time())
    hosts = hosts_to_warm(places, store, StreamJournal(stderr))
    due = [host for host in hosts if parsed.all or is_due(host, places)]
    delivers = is_chosen(places, Tree())
    if due or delivers:
        time.sleep(random.uniform(0, parsed.delay_up_to))  # noqa: S311 - nothing secret
    most = DEADLINE_SECONDS * max(1, len(due)) + (DELIVERY_SECONDS if delivers else 0)
    limit_time(most, stderr, "renewing the ready answers")
    # First what a kubelet without us reads: at a boot there is not the time for all.
    delivered = deliver_if_chosen(places, surroundings, StreamJournal(stderr))
    for line in (*delivered.lines, *delivered.failures):
        stderr.write(f"{PROGRAM}: {line}\n")
    failed = len(delivered.failures)
    for host in due:
        if delivers and not parsed.all and not is_due(host, places):
            continue
        try:
            line = renew(host, places, surroundings, StreamJournal(stderr))
        except ProviderError as error:
            failed += 1
            line = f"{host}: {error}"
        stderr.write(f"{PROGRAM}: {line}\n")
    return 1 if failed else 0


def hosts_to_warm(places: Places, store: Store, journal: Journal) -> list[str]:
    """Return the configured domains and the hosts asked for before, sorted."""
    settings = load_settings(places, store, time.time(), journal)
    if settings.configuration.service_account_roles == "required":
        # Every pod has a token of its own, and nobody gets the node's.
        return []
    domains = {domain for instance in settings.configuration.instances for domain in instance.domains}
    return sorted(domains | set(store.hosts()))


def is_due(host: str, places: Places) -> bool:
    """Tell whether a host has no answer, or one that is to be renewed within ten minutes."""
    try:
        lookup = Lookup(any_image(host), places, Journal(), prepares=True)
    except RequestError:  # a stray file among the answers: renewing it says so
        return True
    return lookup.old is None or lookup.clock() >= lookup.old.renew - AHEAD_SECONDS


def any_image(host: str) -> Request:
    """Return the request that stands for all images of a host. Raises RequestError."""
    return Request(API_VERSIONS[0], f"{host}/any")


def renew(host: str, places: Places, surroundings: Environment, journal: Journal) -> str:
    """Renew one host's answer; return the line that says so. Raises ProviderError."""
    lookup = Lookup(any_image(host), places, journal, environment=surroundings, prepares=True)
    outcome = lookup.run(DEADLINE_SECONDS, renew=True)
    if not isinstance(outcome, Answer):
        return f"{host}: not ours to answer"
    if outcome is lookup.old:
        return f"{host}: not renewed, good until {moment(outcome.end)}"
    return f"{host}: renewed, good until {moment(outcome.end)} ({outcome.source})"


def seconds(text: str) -> float:
    """Return the seconds that an argument says. Raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 0 to 3600")
    return value
