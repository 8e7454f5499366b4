"""Delivery by the kubelet's `config.json`: the timer's part, which keeps the entries there short-lived and good.

The kubelet keeps what it has read for five minutes, and the timer comes every five: so an entry is renewed while it is
good for twice as long and more, and one that cannot be renewed is out before it has ended, since with a wrong
credential the kubelet no longer tries an anonymous pull.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from provider.answers import Answer
from provider.deadline import Deadline
from provider.environment import Environment
from provider.errors import ProviderError
from provider.journal import Journal
from provider.kubelet import API_VERSIONS, Request
from provider.locks import Busy, Lock
from provider.lookup import Lookup, Outcome
from provider.node.docker_config import (
    CHOSEN,
    Entries,
    NotADockerConfig,
    own_entries,
    parse_chosen,
    taken,
    with_entries,
    without_entries,
)
from provider.node.files import File, NodeError, Tree
from provider.node.hosts import Hosts, hosts_to_deliver
from provider.places import Places
from provider.store import Store

RUN_SECONDS = 420
"""The longest time between two runs of the timer: five minutes, its inaccuracy, and its random delay."""

GOOD_SECONDS = 1200
"""How long what is written must be good for: until the next run, and ten minutes more at the least."""

HOST_SECONDS = 45.0
SECONDS = 120.0
"""How long all hosts together are asked for."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a run did, a line each, without secrets."""

    lines: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


def is_chosen(places: Places, tree: Tree) -> bool:
    """Tell whether tokens are to be delivered so on this node."""
    return tree.state(f"{places.data}/{CHOSEN}") is not None


def deliver_if_chosen(
    places: Places,
    surroundings: Environment,
    journal: Journal,
    *,
    tree: Tree | None = None,
    clock: Callable[[], float] = time.time,
) -> Delivered:
    """Bring the entries up to date where tokens are delivered so; do nothing where they are not, or somebody else is.

    Files that cannot be read or written are among the failures. Raises ConfigurationError.
    """
    tree = tree or Tree()
    if not is_chosen(places, tree):
        return Delivered()
    Store(places.answers).prepare()
    try:
        with Lock(f"{places.state}/docker-config.lock", wait=False):
            return Delivery(places, surroundings, journal, tree, clock).run()
    except Busy:
        return Delivered()
    except NodeError as error:
        return Delivered(failures=(str(error),))


class Delivery:
    """One run."""

    def __init__(
        self, places: Places, surroundings: Environment, journal: Journal, tree: Tree, clock: Callable[[], float]
    ) -> None:
        self._places = places
        self._surroundings = surroundings
        self._journal = journal
        self._tree = tree
        self._clock = clock
        self._path = f"{places.data}/{CHOSEN}"
        self._chosen = parse_chosen((tree.text(self._path) or "").encode(), self._path)
        self._deadline = Deadline(SECONDS)
        self._failures: list[str] = []

    def run(self) -> Delivered:
        """Take out what has ended, before anybody is asked; then renew what must be, and add what is missing."""
        try:
            return self._run()
        except NotADockerConfig as error:
            raise NodeError(f"{self._chosen.path}: {error.message}") from None

    def _run(self) -> Delivered:
        before = own_entries(self._content(), self._chosen.hosts)
        kept = {host: end for host, end in self._chosen.hosts.items() if is_good(end, self._clock())}
        self._write(own_entries(self._content(), kept), kept)
        hosts = hosts_to_deliver(self._places, self._surroundings, self._journal, self._clock())
        self._failures += hosts.failures
        foreign = taken(self._content(), hosts.names, self._chosen.hosts)
        entries, ends = self._entries(hosts, foreign)
        self._write(entries, ends)
        others = [f"{host}: left alone, {self._chosen.path} has it from somebody else" for host in foreign]
        return Delivered((*others, *_changes(before, entries)), tuple(self._failures))

    def _entries(self, hosts: Hosts, foreign: tuple[str, ...]) -> tuple[dict[str, tuple[str, str]], dict[str, int]]:
        """Return credentials and ends of all hosts that can be had or are still good."""
        old = own_entries(self._content(), self._chosen.hosts)
        wanted = [host for host in hosts.names if host not in foreign]
        if not hosts.is_complete:
            wanted += [host for host in old if host not in wanted]
        entries, ends = {}, {}
        for host in wanted:
            outcome = self._ask(host)
            if isinstance(outcome, Answer) and is_good(outcome.end, self._clock()):
                entries[host], ends[host] = (outcome.username, outcome.password), outcome.end
            elif isinstance(outcome, Answer):
                left = max(0.0, outcome.end - self._clock())
                self._failures.append(f"{host}: its token is good for {left:.0f} s more, too short to be delivered so")
            elif outcome is None and host in old:
                entries[host], ends[host] = old[host], self._chosen.hosts[host]
        return entries, ends

    def _ask(self, host: str) -> Outcome | None:
        """Return the best that can be had for a host now; None where nothing can."""
        lookup = None
        try:
            request = Request(API_VERSIONS[0], f"{host}/any")
            lookup = Lookup(request, self._places, self._journal, environment=self._surroundings, clock=self._clock)
            ready = lookup.ready()
            if ready is not None and ready.end - self._clock() >= GOOD_SECONDS:
                return ready
            return lookup.run(min(HOST_SECONDS, max(1.0, self._deadline.remaining())), renew=True)
        except ProviderError as error:
            self._failures.append(f"{host}: {error}")
            return lookup.old if lookup is not None else None

    def _write(self, entries: Entries, ends: Mapping[str, int]) -> None:
        """Write both files where they change; at no time is a host in the one that the other does not call ours."""
        chosen = self._chosen
        path = self._tree.resolve(chosen.path)
        state = self._tree.state(path)
        present = state if isinstance(state, File) else None
        content = present.content if present is not None else None
        if entries or chosen.mode is not None:
            wanted: bytes | None = with_entries(content, entries, chosen.hosts)
        else:
            wanted = without_entries(content, chosen.hosts)
        if wanted != content or (entries and present is not None and present.mode != 0o600):
            both = {host: min(ends.get(host, end), end) for host, end in {**ends, **chosen.hosts}.items()}
            self._remember(both)
            owner = present or File(b"")
            self._tree.put(path, None if wanted is None else File(wanted, 0o600, owner.uid, owner.gid))
        self._remember(dict(ends))

    def _remember(self, ends: Mapping[str, int]) -> None:
        if ends != self._chosen.hosts:
            self._chosen = replace(self._chosen, hosts=ends)
            self._tree.put(self._path, File(self._chosen.dump(), 0o600))

    def _content(self) -> bytes | None:
        state = self._tree.state(self._tree.resolve(self._chosen.path))
        return state.content if isinstance(state, File) else None


def is_good(end: float, now: float) -> bool:
    """Tell whether a token may stay in the file: it lasts until the next run."""
    return end - now >= RUN_SECONDS


def _changes(before: Entries, after: Entries) -> list[str]:
    """Return a line for each entry that was put in, renewed or taken out."""
    lines = []
    for host in sorted({**before, **after}):
        if host not in after:
            lines.append(f"{host}: taken out of the kubelet's config.json")
        elif before.get(host) != after[host]:
            lines.append(f"{host}: {'renewed' if host in before else 'put'} in the kubelet's config.json")
    return lines
