"""From a host name to the instance behind it: configuration first, then the registry's own word, then the cloud's.

What was found is remembered for a day. A refusal by the registry or the cloud forgets it (`forget`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from provider.cloud.cloud import Cloud
from provider.config.values import Configuration, Instance
from provider.errors import ProviderError, Refused, Unreachable
from provider.identity.session import Session
from provider.registries import EnterpriseHost, PasswordOnlyHost, PersonalHost, classify, is_region
from provider.store import Store

REMEMBER_SECONDS = 24 * 3600
ASK_AGAIN_SECONDS = 600
"""A host that is not among an instance's remembered domains is looked for again after this time."""

FOUND = "found"
DOMAINS = "domains"

SessionOf = Callable[[Instance, str], Session]
"""Obtains the session of a configured (or bare) instance in a region."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask for a token: an Enterprise instance, or Personal Edition where `instance_id` is empty.

    `instance` says with which identity. `discovered`: nobody configured it.
    """

    instance: Instance
    region: str
    instance_id: str
    discovered: bool = False


def configured_target(name: str, configuration: Configuration) -> Instance | None:
    """Return the instance whose `domains` name this host."""
    return next((instance for instance in configuration.instances if name in instance.domains), None)


def may_be_ours(name: str, configuration: Configuration) -> bool:
    """Tell whether the host may be ours; if not, nobody needs to be asked to say so."""
    if not name:
        return False
    if configured_target(name, configuration) or classify(name) is not None:
        return True
    return any(_domains_are_asked(instance) for instance in configuration.instances)


def is_unconfigured_personal(name: str, configuration: Configuration) -> bool:
    """Tell whether `name` is Personal Edition's and no item speaks of it: then it must fail fast, or not at all."""
    host = classify(name)
    if not isinstance(host, PersonalHost) or configured_target(name, configuration):
        return False
    items = [item for item in configuration.instances if not item.instance_id and not item.domains]
    return not any(item.region in ("", host.region) for item in items)


def _domains_are_asked(instance: Instance) -> bool:
    return bool(instance.instance_id) and not instance.domains


class Discovery:
    """Finds the target of a host name."""

    def __init__(
        self, configuration: Configuration, cloud: Cloud, store: Store, session_of: SessionOf, now: Callable[[], float]
    ) -> None:
        self._configuration = configuration
        self._cloud = cloud
        self._store = store
        self._session_of = session_of
        self._now = now

    def find(self, name: str) -> Target | None:
        """Return the target of a host (lower case, no port); None if it is none of ours.

        Raises Refused where it is ours and cannot be had, Unreachable where nobody could be asked.
        """
        host = classify(name)
        if configured := configured_target(name, self._configuration):
            written = getattr(host, "region", "")
            region = configured.region or written or self._cloud.metadata.region()
            return Target(configured, region, configured.instance_id)
        if isinstance(host, PasswordOnlyHost):
            raise Refused(
                "Personal Edition instances created since 2024-09-09 (crpi-…) have no temporary credentials: "
                "put user name and password of the instance into an imagePullSecret"
            )
        if isinstance(host, PersonalHost):
            return self._personal(host)
        if isinstance(host, EnterpriseHost):
            return self._enterprise(name, host)
        return self._custom_domain(name)

    def forget(self, name: str, target: Target) -> None:
        """Forget what was found for a host."""
        self._store.forget(name, FOUND)
        if target.instance_id:
            self._store.forget(target.instance_id, DOMAINS)

    def _personal(self, host: PersonalHost) -> Target | None:
        items = [item for item in self._configuration.instances if not item.instance_id and not item.domains]
        exact = next((item for item in items if item.region == host.region), None)
        if exact is not None:
            return Target(exact, host.region, "")
        own = next((item for item in items if not item.region), None)
        if own is not None and self._cloud.metadata.region() == host.region:
            return Target(own, host.region, "")
        if not self._configuration.discovery:
            return None
        return Target(Instance(region=host.region), host.region, "", discovered=True)

    def _enterprise(self, name: str, host: EnterpriseHost) -> Target:
        found = self._found_before(name)
        if found is not None:
            return found
        failures: list[ProviderError] = []
        if self._configuration.discovery:
            answer = self._ask_registry(host, failures)
            if answer is not None:
                return self._keep(name, *answer)
        by_domain = self._custom_domain(name, failures)
        if by_domain is not None:
            return by_domain
        if self._configuration.discovery and host.instance_name:
            instance_id = self._ask_cloud(host, failures)
            if instance_id is not None:
                return self._keep(name, instance_id, host.region)
        raise _not_found(name, host, failures, discovery=self._configuration.discovery)

    def _found_before(self, name: str) -> Target | None:
        if not self._configuration.discovery:
            return None
        value = self._store.recall(name, FOUND, self._now())
        match value:
            case {"instanceId": str(instance_id), "region": str(region)} if instance_id and is_region(region):
                return self._target(instance_id, region)
        return None

    def _keep(self, name: str, instance_id: str, region: str) -> Target:
        self._store.remember(name, FOUND, {"instanceId": instance_id, "region": region}, self._now(), REMEMBER_SECONDS)
        return self._target(instance_id, region)

    def _target(self, instance_id: str, region: str) -> Target:
        for instance in self._configuration.instances:
            if instance.instance_id == instance_id:
                return Target(instance, region, instance_id)
        return Target(Instance(instance_id=instance_id, region=region), region, instance_id, discovered=True)

    def _ask_registry(self, host: EnterpriseHost, failures: list[ProviderError]) -> tuple[str, str] | None:
        try:
            challenge = self._cloud.registry.challenge(host.challenge_host)
        except (Refused, Unreachable) as error:
            failures.append(error)
            return None
        if challenge is None or not challenge.instance_id or not is_region(challenge.region):
            return None
        return challenge.instance_id, challenge.region

    def _ask_cloud(self, host: EnterpriseHost, failures: list[ProviderError]) -> str | None:
        try:
            session = self._session_of(Instance(region=host.region), host.region)
            return self._cloud.enterprise.find_instance(session, host.region, host.instance_name)
        except ProviderError as error:
            failures.append(error)
            return None

    def _custom_domain(self, name: str, failures: list[ProviderError] | None = None) -> Target | None:
        own_failures: list[ProviderError] = []
        for instance in self._configuration.instances:
            if not _domains_are_asked(instance):
                continue
            try:
                region = instance.region or self._cloud.metadata.region()
                if name in self.domains_of(instance, region, asked_for=name):
                    return Target(instance, region, instance.instance_id)
            except ProviderError as error:
                own_failures.append(error)
        if failures is None and own_failures:
            raise own_failures[0]
        if failures is not None:
            failures.extend(own_failures)
        return None

    def domains_of(self, instance: Instance, region: str, *, asked_for: str = "") -> tuple[str, ...]:
        """Return the domains of a configured instance, asked at most once a day.

        `asked_for`, when it is not among them, has the cloud asked again, every ten minutes at most.
        """
        now = self._now()
        value = self._store.recall(instance.instance_id, DOMAINS, now)
        match value:
            case {"domains": list(remembered), "asked": int(asked)} if all(type(item) is str for item in remembered):
                if not asked_for or asked_for in remembered or now < asked + ASK_AGAIN_SECONDS:
                    return tuple(remembered)
        session = self._session_of(instance, region)
        domains = self._cloud.enterprise.instance_domains(session, region, instance.instance_id)
        fields = {"domains": list(domains), "asked": int(now)}
        self._store.remember(instance.instance_id, DOMAINS, fields, now, REMEMBER_SECONDS)
        return domains


def _not_found(name: str, host: EnterpriseHost, failures: list[ProviderError], *, discovery: bool) -> ProviderError:
    ways = "add its instanceId to acr-registry-info"
    if not discovery:
        return Refused(f"no configured instance has the domain {name}, and discovery is off: {ways}")
    if host.instance_name:
        ways += ", or give the identity the RAM action cr:ListInstance"
    if not failures:
        return Refused(f"neither the registry nor the cloud tells which instance {name} is: {ways}")
    causes = "; ".join(dict.fromkeys(failure.message for failure in failures))
    told = next((failure for failure in failures if failure.code), failures[0])
    if any(isinstance(failure, Unreachable) for failure in failures):
        # An outage, even beside a refusal: had the registry answered, nobody would have needed that permission.
        message = f"{causes}; so it is not known which instance {name} is (with its instanceId configured it would be)"
        return Unreachable(message, code=told.code, request_id=told.request_id)
    message = f"it cannot be found out which instance {name} is: {ways}; the cause: {causes}"
    return Refused(message, code=told.code, request_id=told.request_id)
