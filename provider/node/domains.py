"""Which host names the kubelet must ask us for beside ACR's own, and which patterns match a host, by its rules."""

import fnmatch
import re
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from provider.config.values import Configuration, Instance
from provider.deadline import Deadline
from provider.discovery import DOMAINS
from provider.environment import Environment
from provider.errors import ProviderError, Unreachable
from provider.node.provider_file.entry import PATTERNS
from provider.places import Places
from provider.settings import Settings, load_settings
from provider.store import Store

if TYPE_CHECKING:
    from provider.tokens import Fetch

SECONDS = 20.0
"""How long the cloud is asked for the domains of all instances together."""

HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")

Warn = Callable[[str], None]


def domains_for(
    places: Places, surroundings: Environment, warn: Warn, *, ask: bool = True, seconds: float = SECONDS
) -> tuple[str, ...]:
    """Return the custom domains of the configured instances, for matchImages: lower case, each once.

    Those written under `domains`, and for instances without any those that ListInstanceEndpoint tells, within about
    `seconds` in all. Where the cloud does not answer, what it told in the last day counts, and `warn` gets a line.
    `ask` False (an image's tree, whose node is not here): nobody is asked. Raises ConfigurationError.
    """
    now = time.time()
    settings = load_settings(places, Store(""), now, warn)
    found = list(written_domains(settings.configuration))
    silent = instances_to_ask(settings.configuration)
    if ask and silent:
        found += _told(silent, settings, places, surroundings, warn, seconds)
    return needed(found)


def known_domains(configuration: Configuration, store: Store, now: float) -> tuple[str, ...]:
    """Return the same as far as it is known without asking: what is written, and what the cloud told in a day."""
    found = list(written_domains(configuration))
    for instance in instances_to_ask(configuration):
        found += _remembered(instance, store, now)
    return needed(found)


def written_domains(configuration: Configuration) -> Iterable[str]:
    """Yield the domains that the configuration names."""
    for instance in configuration.instances:
        yield from instance.domains


def instances_to_ask(configuration: Configuration) -> list[Instance]:
    """Return the Enterprise instances whose domains only the cloud knows."""
    return [instance for instance in configuration.instances if instance.instance_id and not instance.domains]


def needed(domains: Iterable[str]) -> tuple[str, ...]:
    """Return the domains, each once, without those that ACR's own patterns match."""
    return tuple(dict.fromkeys(domain for domain in domains if not matching(PATTERNS, domain)))


def matching(patterns: Iterable[str], host: str, repository: str = "") -> tuple[str, ...]:
    """Return the patterns of matchImages that match an image, as the kubelet compares them.

    The same port or none on both sides, the same number of labels, each by its own glob, letter case counts; a path is
    a plain prefix. `host` may have a port.
    """
    return tuple(pattern for pattern in patterns if _matches(pattern, host, repository))


def _matches(pattern: str, host: str, repository: str) -> bool:
    pattern = pattern.removeprefix("https://").removeprefix("http://")
    place, slash, path = pattern.partition("/")
    (place, _, place_port), (name, _, port) = place.partition(":"), host.partition(":")
    globs, labels = place.split("."), name.split(".")
    return (
        place_port == port
        and len(globs) == len(labels)
        and all(fnmatch.fnmatchcase(label, glob) for glob, label in zip(globs, labels, strict=True))
        and f"/{repository}".startswith(slash + path)
    )


def _told(
    instances: list[Instance], settings: Settings, places: Places, surroundings: Environment, warn: Warn, seconds: float
) -> list[str]:
    """Ask for the instances' domains, in a thread that is left behind if DNS never answers."""
    found: dict[Instance, tuple[str, ...]] = {}
    failures: dict[Instance, str] = {}

    def ask() -> None:
        from provider.tokens import Fetch

        deadline = Deadline(seconds)
        fetch = Fetch(settings, places, Store(""), surroundings, deadline, warn)
        for instance in instances:
            try:
                found[instance] = domains_of(fetch, instance)
            except ProviderError as error:
                failures[instance] = str(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds + 1)
    told: list[str] = []
    for instance in instances:
        domains = found.get(instance)
        if domains is None:
            domains = _remembered(instance, Store(places.answers), time.time())
            why = failures.get(instance) or str(Unreachable(f"no answer within {seconds:g} s"))
            known = f"those of the last day count ({', '.join(domains)})" if domains else "none is known"
            warn(
                f"the domains of {instance.instance_id} could not be asked for, {known}; name them under domains, or "
                f"install again when the cloud answers: {why}"
            )
        told += domains
    strange = [domain for domain in told if not HOST.fullmatch(domain)]
    for domain in strange:
        warn(f"the cloud tells a domain that is no host name, which is left out: {domain!r}")
    return [domain for domain in told if domain not in strange]


def domains_of(fetch: "Fetch", instance: Instance) -> tuple[str, ...]:
    """Return the host names of a configured instance. Raises ProviderError."""
    return fetch.discovery.domains_of(instance, instance.region or fetch.cloud.metadata.region())


def _remembered(instance: Instance, store: Store, now: float) -> tuple[str, ...]:
    value = store.recall(instance.instance_id, DOMAINS, now)
    match value:
        case {"domains": list(domains)} if all(isinstance(domain, str) for domain in domains):
            return tuple(domains)
    return ()
