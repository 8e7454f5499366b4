"""A ServiceAccount's side of `doctor`: each link from its annotation to a session of its own RAM role, in order.

Nothing of a token or of a session is printed or kept.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from provider.cluster import cluster_id
from provider.commands.get import moment
from provider.commands.service_account_advice import (
    attribute_differences,
    instance_of,
    is_inside_the_cluster,
    missing_annotation,
    protection,
    provider_origin,
    trust_policy,
    unsigned_claims,
)
from provider.commands.service_account_cluster import AsNode
from provider.commands.steps import Finding, Skip, walk
from provider.config.values import Configuration
from provider.errors import Refused
from provider.identity.pod_role import PodRole, check_annotation, oidc_provider_of, role_arn, session_name
from provider.node.kube_api import may_request_tokens
from provider.node.looking import version_of
from provider.node.provider_file.entry import Entry
from provider.node.seen import Seen
from provider.node.token_attributes import FORBIDDEN, MANIFEST, consequence, wanted
from provider.places import PROGRAM, Places
from provider.pods import is_selected
from provider.service_account import AUDIENCE, Claims, annotation_key, check_claims
from provider.tokens import Fetch

NOT_TRUSTED = "AuthenticationFail.NoPermission"
"""The Code of a role whose trust policy does not fit the token."""


@dataclass
class ServiceAccountCheckup:
    """What is asked about, and what the steps found so far for those that follow."""

    fetch_for: Callable[[PodRole | None], Fetch]
    """Makes the means of a pull: by a pod's role, or by the node's identity."""
    places: Places
    seen: Seen
    account: AsNode
    host: str
    """Of the image that is asked about; empty without one."""
    clock: Callable[[], float]
    annotations: Mapping[str, Any] = field(default_factory=dict)
    written: str = ""
    issuer: str = ""
    provider_arn: str = ""
    served: bool = False
    fetch: Fetch | None = None
    """The means that its pods pull with; None: none, or it is not known which."""

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for each step as soon as it is there."""
        return walk(self, STEPS)

    def check_scope(self) -> str:
        """See whether the ServiceAccount is served at all."""
        scope = self._configuration.scope
        self.served = scope == "node" or is_selected(self._configuration, self._claims)
        if not self.served:
            raise Refused(
                f"scope: configured, and watch-namespace and service-account in {self.places.config} do not name it: "
                "its pods get nothing from us. Add it there, or give them an imagePullSecret"
            )
        return f"scope: {scope}, which serves {'it' if scope == 'configured' else 'every ServiceAccount'}"

    def check_mode(self) -> str:
        """See whether roles of pods count."""
        mode = self._configuration.service_account_roles
        if mode != "off":
            return f"service-account-roles: {mode}, by the annotation {self._key}"
        self.fetch = self._node_fetch
        if self._configuration.scope == "configured":
            raise Skip("service-account-roles: off, so its pods pull with the node's identity")
        raise Refused(
            "service-account-roles: off, so its pods pull with the node's identity and a role of its own is never "
            f"used: write optional or required into {self.places.config}, then `{PROGRAM} install`"
        )

    def check_attributes(self) -> str:
        """See whether the kubelet hands tokens and annotations to us."""
        wants = wanted(self._configuration)
        if wants is not None and self.seen.record is not None and self.seen.record.delivery == "docker-config":
            raise Refused(
                "tokens are delivered by the kubelet's config.json, which is one for all pods: "
                f"`{PROGRAM} install --delivery flags`"
            )
        if wants is not None and self.seen.tokens_obstacle:
            raise Refused(f"{self.seen.tokens_obstacle}; {consequence(self._configuration)}")
        if self.seen.provider is None or self._entry is None:
            raise Skip("needs: provider file")
        path, difference = self.seen.provider.path, attribute_differences(self._entry.token_attributes, wants)
        if difference:
            raise Refused(f"{path}: {difference}. `{PROGRAM} install` mends it, where the audience's RBAC is there")
        if wants is None:
            raise Skip("not needed: nothing in the configuration asks whose pod it is")
        return f"those of {path} are what this configuration needs"

    def check_api(self) -> str:
        """See that the API server knows the kubelet's user."""
        kubeconfig = self.seen.found.kubeconfig if self.seen.found is not None else ""
        if not kubeconfig:
            raise Skip("needs: a kubelet that names its kubeconfig")
        return self.account.connect(kubeconfig)

    def check_audience(self) -> str:
        """See that nodes may ask for tokens for the audience."""
        if may_request_tokens(self.account.api):
            return f"this node may request tokens for {AUDIENCE}"
        message = f"{FORBIDDEN} ({MANIFEST}, shown in docs/service-accounts.md)"
        if self._entry is not None and self._entry.token_attributes is not None:
            raise Refused(f"{message}. Until then the kubelet runs us for no pod at all, since tokenAttributes are set")
        raise Refused(f"{message}, then `{PROGRAM} install`, which sets no tokenAttributes before")

    def check_account(self) -> str:
        """Read the ServiceAccount."""
        self.annotations = self.account.annotations()
        return f"{self.account.namespace}/{self.account.name} is there"

    def check_annotation(self) -> str:
        """See that it names a role."""
        self._roles_count()
        written = self.annotations.get(self._key)
        if written is not None:
            check_annotation(self._claims, self._key, str(written))
            self.written = str(written)
            return f"{self._key}: {self.written}"
        message = missing_annotation(self.account.namespace, self.account.name, self._key, self.annotations)
        if self._configuration.service_account_roles == "required":
            raise Refused(f"{message}. Without it service-account-roles: required gives its pods nothing")
        self.fetch = self._node_fetch
        raise Skip(f"{message}. Without it its pods pull with the node's identity")

    def check_issuer(self) -> str:
        """Find out who signs the cluster's tokens."""
        self._roles_count()
        self.issuer, origin = self.account.issuer()
        if is_inside_the_cluster(self.issuer):
            raise Refused(
                f"{self.issuer} is a name inside the cluster, where RAM cannot fetch the keys from: switch RRSA on for "
                "the cluster (ACK's console, the cluster's basic information: RRSA OIDC)"
            )
        return f"{self.issuer}: {origin}"

    def check_provider(self) -> str:
        """Find out which OIDC provider of RAM stands for the cluster."""
        self._roles_count()
        instance, known = instance_of(self._configuration, self.host), cluster_id(self.places.cluster)
        origin = provider_origin(self._configuration, instance, known)
        if not self.issuer and not known and origin.startswith("derived"):
            raise Skip("needs: issuer")
        account = self._node_fetch.cloud.metadata.account
        self.provider_arn = oidc_provider_of(self._configuration, instance, self._claims, known, account)
        return f"{self.provider_arn}: {origin}"

    def check_trust(self) -> str:
        """Print the trust policy that the role needs."""
        role = "its role"
        if self.written:
            role = f"RAM role {role_arn(PodRole(self._claims, self._key, self.written, ''), self.provider_arn)}"
        policy = trust_policy(self.issuer, self.provider_arn, self._claims.subject)
        return f"{role} needs this one, which is for this ServiceAccount alone:\n{policy}"

    def check_pod(self) -> str:
        """Find a pod of the ServiceAccount on this node."""
        return f"{self.account.pod[0]} on this node is of it"

    def check_token(self) -> str:
        """Request a token as the kubelet does."""
        claims = self.account.claims
        check_claims(claims, self.clock())
        return f"for {AUDIENCE}, of {claims.subject}, until {moment(claims.expiration)}"

    def check_role(self) -> str:
        """Exchange the token for a session of the role."""
        claims = self.account.claims
        fetch = self.fetch_for(PodRole(claims, self._key, self.written, self.account.token))
        first_hop = replace(instance_of(self._configuration, self.host), assume_role_arn="", external_id="")
        try:
            session = fetch.session_of(first_hop, "")
        except Refused as error:
            if error.code != NOT_TRUSTED:
                raise
            message = f"{error.message}. Compare it with the one above"
            raise Refused(message, code=error.code, request_id=error.request_id) from None
        if self._configuration.service_account_roles != "off":
            self.fetch = fetch
        end = f", until {moment(session.expiration)}" if session.expiration is not None else ""
        return f"{session.identity}{end}; ActionTrail shows the session {session_name(claims)}"

    def check_protection(self) -> str:
        """Say what the mode protects, and what not."""
        return protection(self._configuration, version_of(self.seen.record, self.seen.found))

    @cached_property
    def _node_fetch(self) -> Fetch:
        return self.fetch_for(None)

    @property
    def _configuration(self) -> Configuration:
        return self._node_fetch.configuration

    @property
    def _claims(self) -> Claims:
        return unsigned_claims(self.account.namespace, self.account.name, self.issuer)

    @property
    def _key(self) -> str:
        return annotation_key(self._configuration.service_account_annotation)

    @property
    def _entry(self) -> Entry | None:
        return self.seen.provider.entry if self.seen.provider is not None else None

    def _roles_count(self) -> None:
        if self._configuration.service_account_roles == "off" and self._configuration.scope == "configured":
            raise Skip("not needed: service-account-roles is off")


STEPS: tuple[tuple[str, Callable[[ServiceAccountCheckup], str], tuple[str, ...]], ...] = (
    ("scope", ServiceAccountCheckup.check_scope, ()),
    ("roles of pods", ServiceAccountCheckup.check_mode, ()),
    ("tokenAttributes", ServiceAccountCheckup.check_attributes, ()),
    ("API server", ServiceAccountCheckup.check_api, ()),
    ("audience RBAC", ServiceAccountCheckup.check_audience, ("API server",)),
    ("ServiceAccount", ServiceAccountCheckup.check_account, ("API server",)),
    ("annotation", ServiceAccountCheckup.check_annotation, ("ServiceAccount",)),
    ("issuer", ServiceAccountCheckup.check_issuer, ("API server",)),
    ("OIDC provider", ServiceAccountCheckup.check_provider, ()),
    ("trust policy", ServiceAccountCheckup.check_trust, ("issuer", "OIDC provider")),
    ("pod", ServiceAccountCheckup.check_pod, ("API server",)),
    ("pod's token", ServiceAccountCheckup.check_token, ("pod",)),
    ("role", ServiceAccountCheckup.check_role, ("annotation", "trust policy", "pod's token")),
    ("protection", ServiceAccountCheckup.check_protection, ()),
)
"""Name, what is done, and the steps that it needs."""
