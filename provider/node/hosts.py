"""The hosts whose tokens are delivered before anybody asks: configured, told by the cloud, and asked for before."""

from dataclasses import dataclass

from provider.config.values import Configuration, Instance
from provider.deadline import Deadline
from provider.environment import Environment
from provider.errors import ProviderError
from provider.journal import Journal
from provider.node.domains import domains_of, instances_to_ask, written_domains
from provider.places import Places
from provider.pods import needed_by
from provider.settings import load_settings
from provider.store import Store

SECONDS = 20.0

PERSONAL = (
    "registry",
    "registry-vpc",
    "registry-internal",
    "registry-intl",
    "registry-intl-vpc",
    "registry-intl-internal",
)
"""What the host names of a region's Personal Edition begin with."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """Names, sorted, and what could not be found out."""

    names: tuple[str, ...]
    failures: tuple[str, ...] = ()
    is_complete: bool = True
    """Whether a host that is not among the names is not wanted."""


def hosts_to_deliver(places: Places, surroundings: Environment, journal: Journal, now: float) -> Hosts:
    """Return the hosts. What the cloud says of an instance's domains is asked once a day. Raises ConfigurationError."""
    from provider.tokens import Fetch

    store = Store(places.answers)
    settings = load_settings(places, store, now, journal)
    if needs := needed_by(settings.configuration):
        return Hosts((), (f"{needs} forbids one login for all pods: nothing is delivered by config.json",))
    fetch = Fetch(settings, places, store, surroundings, Deadline(SECONDS), journal)
    names = {*written_domains(settings.configuration), *store.hosts()}
    failures = []
    for instance in instances_to_ask(settings.configuration):
        try:
            names.update(domains_of(fetch, instance))
        except ProviderError as error:
            failures.append(f"the domains of {instance.instance_id} are not known: {error}")
    for item in personal_items(settings.configuration):
        try:
            names.update(personal_hosts(item.region or fetch.cloud.metadata.region()))
        except ProviderError as error:
            failures.append(f"the region of Personal Edition is not known: {error}")
    return Hosts(tuple(sorted(names)), tuple(failures), is_complete=not failures)


def personal_items(configuration: Configuration) -> list[Instance]:
    """Return the items for a region's Personal Edition that name no host."""
    return [item for item in configuration.instances if not item.instance_id and not item.domains]


def personal_hosts(region: str) -> tuple[str, ...]:
    """Return the host names of a region's Personal Edition."""
    return tuple(f"{prefix}.{region}.aliyuncs.com" for prefix in PERSONAL)
