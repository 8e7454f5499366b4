"""The steps from a configuration to a login at the registry, each checked by doing it, in their order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from provider.answers import ACK_PUBLIC_PREFIX
from provider.cloud.attempts import endpoints
from provider.cloud.failures import unanswered
from provider.commands.get import moment
from provider.commands.instances import region_mistakes, unknown_domains
from provider.commands.steps import Finding, Skip, walk
from provider.config.values import Instance
from provider.discovery import Target
from provider.errors import ProviderError, Refused
from provider.identity.chain import Chain
from provider.identity.session import Session
from provider.registries import EnterpriseHost, classify, is_left_alone
from provider.tokens import SKEW_SECONDS, UNKNOWN_INSTANCE, Fetch, describe


class Image(NamedTuple):
    """What `kubelet.split_image` says of an image."""

    host: str
    name: str
    port: str
    repository: str


@dataclass
class Checkup:
    """What the steps found so far, for those that follow."""

    fetch: Fetch
    image: Image | None
    """An image of the registry to check; None: whatever is configured."""
    host: str = ""
    target: Target | None = None
    chain: Chain | None = None
    session: Session | None = None
    login: tuple[str, str] = field(default=("", ""), repr=False)

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for each step as soon as it is there."""
        return walk(self, STEPS)

    def check_metadata(self) -> str:
        """Ask the metadata service, unless nothing that it says is needed."""
        metadata = self.fetch.cloud.metadata
        try:
            return f"region {metadata.region()}, account {metadata.account()}"
        except ProviderError:
            instances = self.fetch.configuration.instances
            if instances and all(instance.region and instance.access_key for instance in instances):
                raise Skip("not needed: every instance has its regionId and a key pair") from None
            raise

    def check_registry(self) -> str:
        """Find out whose registry the host is."""
        self.host = self.image.name if self.image is not None else self._some_domain()
        if self.image is not None and is_left_alone(self.host, self.image.repository):
            raise Skip(f"ACK's own public images ({ACK_PUBLIC_PREFIX}…) need no credentials and get none")
        self.target = self.fetch.discovery.find(self.host)
        if self.target is None:
            raise Refused(
                f"{self.host or 'Docker Hub'} is no registry of Alibaba Cloud and no domain of a configured instance: "
                "if it is one of your own domains, add it to domains of the instance in acr-registry-info"
            )
        return describe(self.target)

    def check_identity(self) -> str:
        """Choose the identity, without asking anybody."""
        self.chain = self.fetch.chain_of(self.target.instance if self.target else _any(self.fetch))
        line = describe_chain(self.chain)
        if self.chain.pull_only and not self.chain.is_narrowed:
            line += "; session-policy pull-only cannot narrow it, and tokens may push where the identity may"
        return line

    def check_sts(self) -> str:
        """See that STS answers, if a role is to be assumed."""
        chain = self._chain()
        if chain.source not in ("rrsa", "serviceAccount") and not chain.assume_role_arn:
            raise Skip("not needed: no role is assumed")
        region = self.fetch.cloud.node_region()
        return self._reach(endpoints("sts", region, region, self.fetch.local.endpoints.sts))

    def check_session(self) -> str:
        """Obtain the identity's session."""
        instance = self.target.instance if self.target else _any(self.fetch)
        self.session = self.fetch.session_of(instance, self.target.region if self.target else "")
        end = self.session.expiration
        return f"{self.session.identity}, {'until ' + moment(end) if end is not None else 'without an end'}"

    def check_instances(self) -> str:
        """Compare every configured instance with what the cloud has under its id."""
        instances = [instance for instance in self.fetch.configuration.instances if instance.instance_id]
        if not instances:
            raise Skip("no instance is configured")
        notes, problems = [], []
        for instance in instances:
            region = instance.region or self.fetch.cloud.metadata.region()
            problems += region_mistakes(instance, region)
            try:
                session = self.fetch.session_of(instance, region)
                known = self.fetch.cloud.enterprise.instance_domains(session, region, instance.instance_id)
            except ProviderError as error:
                if UNKNOWN_INSTANCE.fullmatch(error.code) is None:
                    notes.append(f"{instance.instance_id}: could not be compared: {error}")
                    continue
                problems.append(
                    f"{instance.instance_id} is not in {region}, or not of this account: see instanceId and regionId "
                    f"in acr-registry-info, and assumeRoleARN for another account's ({error})"
                )
                continue
            wrong, doubtful = unknown_domains(instance, known)
            problems += wrong
            notes += doubtful or [f"{instance.instance_id} in {region} has {', '.join(known) or 'no enabled endpoint'}"]
        if problems:
            raise Refused("\n".join([*problems, *notes]))
        return "\n".join(notes)

    def check_endpoints(self) -> str:
        """See that ACR's OpenAPI answers."""
        cloud = self.fetch.cloud
        region = self.target.region if self.target else cloud.metadata.region()
        return self._reach(endpoints("cr", region, cloud.node_region(), self.fetch.local.endpoints.acr))

    def check_token(self) -> str:
        """Obtain a token of the registry's."""
        target, session = self._target(), self.session
        if session is None:
            raise Skip("needs: session")
        token = self.fetch.token(target, session)
        self.login = (token.username, token.password)
        return f"user {token.username}, until {moment(token.expiration)}"

    def check_login(self) -> str:
        """Log in at the registry with the token."""
        kind = classify(self.host)
        if isinstance(kind, EnterpriseHost) and kind.challenge_host != self.host:
            # The nodes themselves serve the `.distributed.` names, from the same instance.
            host, note = kind.challenge_host, f" (asked in place of {self.host})"
        else:
            port = self.image.port if self.image is not None else ""
            host, note = f"{self.host}:{port}" if port not in ("", "443") else self.host, ""
        self.fetch.cloud.registry.login(host, *self.login)
        return f"{host} takes the token{note}"

    def check_clock(self) -> str:
        """Compare the node's clock with the cloud's."""
        offset = self.fetch.cloud.transport.clock_offset
        if offset is None:
            raise Skip("nothing answered that tells the time")
        if abs(offset) < SKEW_SECONDS:
            return f"within {max(1, round(abs(offset)))} s of the cloud's"
        direction = "behind" if offset > 0 else "ahead of"
        raise Refused(f"{abs(offset):.0f} s {direction} the cloud's: set this node's clock right (chronyd or ntpd)")

    def _some_domain(self) -> str:
        """Return a domain of the first configured instance that has an id; Skip without one."""
        for instance in self.fetch.configuration.instances:
            if instance.instance_id:
                region = instance.region or self.fetch.cloud.metadata.region()
                domains = instance.domains or self.fetch.discovery.domains_of(instance, region)
                if domains:
                    return domains[0]
        raise Skip("no instance is configured: name an image to have its registry checked")

    def _chain(self) -> Chain:
        if self.chain is None:
            raise Skip("needs: identity")
        return self.chain

    def _target(self) -> Target:
        if self.target is None:
            raise Skip("name an image to have a token asked for")
        return self.target

    def _reach(self, places: tuple[str, ...]) -> str:
        """Return what each place answered; raise Unreachable where none did."""
        transport = self.fetch.cloud.transport
        lines, failure, reached = [], None, False
        for place in places:
            try:
                transport.request("GET", f"https://{place}/", connect_seconds=2.5, read_seconds=5)
            except OSError:
                last = transport.last
                failure = unanswered(last, transport.clock_offset) if last is not None else None
                lines.append(str(failure))
            else:
                reached = True
                lines.append(f"{place} answers")
        if not reached and failure is not None:
            raise failure
        return "; ".join(lines)


def describe_chain(chain: Chain) -> str:
    """Return the identity's way in words."""
    first = {
        "workerRole": "the node's worker RAM role",
        "managedRole": "the managed role",
        "customAccessKey": "a key pair (customAccessKey): it does not end, a role would",
        "rrsa": f"RRSA with {chain.rrsa_role_arn}",
        "serviceAccount": f"the pod's own role {chain.rrsa_role_arn}",
    }[chain.source]
    return f"{first}, then {chain.assume_role_arn}" if chain.assume_role_arn else first


def _any(fetch: Fetch) -> Instance:
    instances = fetch.configuration.instances
    return instances[0] if instances else Instance()


Step = tuple[str, Callable[[Checkup], str], tuple[str, ...]]

STEPS: tuple[Step, ...] = (
    ("metadata service", Checkup.check_metadata, ()),
    ("registry", Checkup.check_registry, ()),
    ("identity", Checkup.check_identity, ()),
    ("STS", Checkup.check_sts, ("identity",)),
    ("session", Checkup.check_session, ("identity",)),
    ("instances", Checkup.check_instances, ("session",)),
    ("ACR endpoints", Checkup.check_endpoints, ()),
    ("token", Checkup.check_token, ("registry", "session")),
    ("login", Checkup.check_login, ("token",)),
    ("clock", Checkup.check_clock, ()),
)
"""Name, what is done, and the steps that it needs."""
