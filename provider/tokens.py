"""The cold path: host name, registry, identity, token, answer."""

import os
import random
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from provider.answers import Answer
from provider.cloud.cloud import Cloud
from provider.cloud.facts import NOTHING_KNOWN, facts_of
from provider.cluster import cluster_id, created_on
from provider.config.values import Instance
from provider.deadline import Deadline
from provider.discovery import REMEMBER_SECONDS, Discovery, Target, is_unconfigured_personal
from provider.environment import Environment
from provider.errors import NotForUs, NotServed, Refused, Unreachable
from provider.identity.chain import Chain, IdentityPaths, choose, choose_for_pod, obtain
from provider.identity.pod_role import PodRole, oidc_provider_of
from provider.identity.policies import pull_repository_policy
from provider.identity.session import Session
from provider.kubelet import MAXIMUM_CACHE_SECONDS
from provider.lifetime import lifetime
from provider.places import Places
from provider.pods import depends_on
from provider.registries import left_alone_prefix
from provider.settings import Settings
from provider.store import Store

if TYPE_CHECKING:  # it imports the SDKs, which `Cloud` does when it has taken away what they need not load
    from provider.cloud.enterprise import AuthorizationToken

PERSONAL_SECONDS = 2.5
"""How long Personal Edition that nobody configured may take: public images are pulled from there anonymously."""

SKEW_SECONDS = 60
"""How far the node's clock may be from the cloud's before that is said."""

NODE, FACTS = "node", "facts"
"""The name under which the facts of the node are kept."""

REPOSITORY = re.compile(r"[a-z0-9._/-]{2,200}")
"""What may stand in a policy's resource: nothing that RAM takes for a pattern, and not longer than a policy may be."""

UNKNOWN_INSTANCE = re.compile(r"INSTANCE_?NOT_?(EXIST|FOUND)S?", re.IGNORECASE)
"""The Code that says: not in this region, or another account's."""


class Fetch:
    """One run's means: configuration, cloud, clock. Sessions are obtained once a run and instance."""

    def __init__(
        self,
        settings: Settings,
        places: Places,
        store: Store,
        environment: Environment,
        deadline: Deadline,
        journal: Callable[[str], None],
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
        limit: Callable[[float], None] = lambda seconds: None,
        pod: PodRole | None = None,
    ) -> None:
        """`limit` is told when what was found is allowed less time, seconds from then on.

        `pod`: whose role asks for everything; None: the node's own identity does.
        """
        self.configuration = settings.configuration
        self.fingerprint = settings.fingerprint
        self.local = settings.local
        self._store = store
        kept = store.recall(NODE, FACTS, clock())
        same = isinstance(kept, dict) and kept.get("fingerprint") == settings.fingerprint
        self._known = facts_of(kept.get("facts")) if same else NOTHING_KNOWN
        self.cloud = Cloud(environment, settings.local, deadline, self._known)
        self.discovery = Discovery(self.configuration, self.cloud, store, self.session_of, clock)
        self._identities = IdentityPaths(f"{places.identities}/managed-role.json", f"{places.identities}/rrsa-token")
        self._journal = journal
        self._clock = clock
        self._chance = chance
        self._limit = limit
        self._pod = pod
        self._cluster = places.cluster
        self._is_configured = os.path.lexists(places.config)
        self._sessions: dict[Instance, Session] = {}

    def chain_of(self, instance: Instance) -> Chain:
        """Return the identity that is to pull from `instance`."""
        if self._pod is not None:
            account = self.cloud.metadata.account
            known = cluster_id(self._cluster)
            provider = oidc_provider_of(self.configuration, instance, self._pod.claims, known, account)
            return choose_for_pod(self.configuration, instance, self._pod, provider)
        created = created_on(self._cluster) if self.configuration.token_mode == "auto" else None  # noqa: S105
        return choose(self.configuration, instance, created)

    def session_of(self, instance: Instance, region: str) -> Session:
        """Return that identity's session."""
        if instance not in self._sessions:
            self._sessions[instance] = obtain(self.chain_of(instance), self.cloud, self._identities, self._journal)
        return self._sessions[instance]

    def answer(self, name: str, repository: str = "") -> Answer | None:
        """Return a new answer for a host (lower case, no port); None if the host is none of ours.

        It is good for that repository alone where a pod's role is narrowed to it.
        Raises Refused, Unreachable or ConfigurationError.
        """
        target = self.discovery.find(name)
        return None if target is None else self.answer_of(name, target, repository)

    def answer_of(self, name: str, target: Target, repository: str = "") -> Answer:
        """Return the same for a host whose target is known: nobody is asked what the host is."""
        if target.discovered and not target.instance_id:
            self._limit(PERSONAL_SECONDS)
        narrow = self._is_narrowed_to_repositories(target)
        session = (
            self._narrow_session(target, repository) if narrow else self.session_of(target.instance, target.region)
        )
        try:
            token = self.token(target, session)
        except Refused as error:
            unknown = UNKNOWN_INSTANCE.fullmatch(error.code) is not None
            # A pod's role that may not pull says nothing about the registry.
            if self._pod is None and (target.discovered or unknown):
                self.discovery.forget(name, target)
            if target.discovered and unknown:
                message = f"{error.message}; the registry itself named {target.instance_id} as the instance of {name}"
                raise NotForUs(message, code=error.code, request_id=error.request_id) from None
            raise
        facts = self.cloud.facts()
        if facts != self._known:
            kept = {"fingerprint": self.fingerprint, "facts": facts}
            self._store.remember(NODE, FACTS, kept, self._clock(), REMEMBER_SECONDS)
        source = f"{describe(target)}, as {session.identity}"
        return self._answer(name, token, source, "Image" if narrow else "Registry")

    def _is_narrowed_to_repositories(self, target: Target) -> bool:
        """Tell whether `session-policy: pull-repository` counts; Personal Edition's repositories have no resource."""
        narrow = self._pod is not None and self.configuration.session_policy == "pull-repository"
        return narrow and bool(target.instance_id)

    def _narrow_session(self, target: Target, repository: str) -> Session:
        if not REPOSITORY.fullmatch(repository):
            raise NotServed(
                "session-policy: pull-repository wants a repository of 2 to 200 lower-case letters, digits and ._/-"
            )
        chain = self.chain_of(target.instance)
        account = (chain.assume_role_arn or chain.rrsa_role_arn).split(":")[3]
        policy = pull_repository_policy(target.region, account, target.instance_id, repository)
        return obtain(chain, self.cloud, self._identities, self._journal, policy)

    def token(self, target: Target, session: Session) -> "AuthorizationToken":
        """Return a new token of the target's. Raises Refused or Unreachable."""
        if target.instance_id:
            return self.cloud.enterprise.authorization_token(session, target.region, target.instance_id)
        return self.cloud.personal.authorization_token(session, target.region)

    def _answer(self, name: str, token: "AuthorizationToken", source: str, cache_key_type: str) -> Answer:
        now = self._clock()
        offset = self.cloud.transport.clock_offset or 0.0
        if abs(offset) < SKEW_SECONDS:
            offset = 0.0
        else:
            direction = "behind" if offset > 0 else "ahead of"
            self._journal(f"this node's clock is {abs(offset):.0f} s {direction} the cloud's: set it right")
        end = min(token.expiration - offset, now + MAXIMUM_CACHE_SECONDS)
        if end <= now:
            from provider.cloud.failures import clock_sentence

            told = clock_sentence(self.cloud.transport.clock_offset)
            raise Unreachable(f"the token for {name} had ended when it came; {told}")
        kept = lifetime(now, end, self.configuration.expiring_threshold, self._chance())
        if kept.too_short:
            self._journal(
                f"the token for {name} lasts {end - now:.0f} s, no longer than expiring-threshold "
                f"({self.configuration.expiring_threshold} s): it is renewed after half of that"
            )
        return Answer(
            name,
            token.username,
            token.password,
            written=int(now),
            renew=kept.renew,
            end=kept.end,
            fingerprint=self.fingerprint,
            cache_key_type=cache_key_type,
            service_account=depends_on(self.configuration, is_there=self._is_configured),
            left_alone=left_alone_prefix(name),
            source=source,
        )


def describe(target: Target) -> str:
    """Return what a person calls the target."""
    edition = f"instance {target.instance_id}" if target.instance_id else "Personal Edition"
    return f"{edition} in {target.region}{' (found, not configured)' if target.discovered else ''}"


def seconds_allowed(name: str, settings: Settings, most: float) -> float:
    """Return how many of `most` seconds the host may take."""
    return min(most, PERSONAL_SECONDS) if is_unconfigured_personal(name, settings.configuration) else most
