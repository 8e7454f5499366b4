"""Which identity pulls from an instance, and how its session is obtained."""

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Literal, NamedTuple

from provider.config.values import AccessKey, Configuration, Instance
from provider.errors import ConfigurationError
from provider.identity.pod_role import PodRole, role_arn, session_name
from provider.identity.policies import PULL_ONLY_POLICY
from provider.identity.session import Session

if TYPE_CHECKING:
    from provider.cloud.cloud import Cloud

Source = Literal["workerRole", "managedRole", "rrsa", "customAccessKey", "serviceAccount"]

MANAGED_ROLE_SINCE = date(2023, 4, 3)
"""Clusters created on this day or later have the managed role."""


class IdentityPaths(NamedTuple):
    """Where the agent puts what it copies to the node."""

    managed_role: str
    rrsa_token: str


class Chain(NamedTuple):
    """Where an identity begins, and the role on top of it."""

    source: Source
    access_key: AccessKey | None = None
    rrsa_role_arn: str = ""
    """The role that a token of the cluster is exchanged for: the agent's, or that of the pod which asks."""
    rrsa_oidc_provider_arn: str = ""
    assume_role_arn: str = ""
    """Empty: no role on top."""
    duration: int = 3600
    """Seconds that the session of `assume_role_arn` lasts."""
    external_id: str = ""
    pull_only: bool = False
    """Whether the last session that we assume ourselves is narrowed to pulling."""
    pod: PodRole | None = None
    """Whose pod asks, where it is not the node itself."""

    @property
    def is_narrowed(self) -> bool:
        """Tell whether there is a session that `pull_only` narrows: one that we assume ourselves."""
        return self.pull_only and (self.source in ("rrsa", "serviceAccount") or bool(self.assume_role_arn))


def choose_for_pod(configuration: Configuration, instance: Instance, pod: PodRole, provider_arn: str) -> Chain:
    """Return the chain for an instance that begins with a pod's own role. Raises Refused for one that cannot be."""
    return Chain(
        "serviceAccount",
        rrsa_role_arn=role_arn(pod, provider_arn),
        rrsa_oidc_provider_arn=provider_arn,
        assume_role_arn=instance.assume_role_arn,
        duration=instance.expire_duration,
        external_id=instance.external_id,
        pull_only=configuration.session_policy != "none",
        pod=pod,
    )


def choose(configuration: Configuration, instance: Instance, cluster_created: date | None) -> Chain:
    """Return the chain for an instance. `cluster_created` is None where nobody told the node.

    Raises ConfigurationError where the configuration asks for what cannot be.
    """
    where = f"instance {instance.instance_id}" if instance.instance_id else "Personal Edition"
    pull_only = configuration.session_policy in ("pull-only", "pull-repository")
    rrsa = configuration.rrsa
    role = _rrsa_role(configuration, instance)
    if instance.access_key is not None:
        # A key pair of the item's own counts before the role that `rrsa` names for all.
        if instance.assume_role_arn or instance.rrsa_role_arn:
            raise ConfigurationError(
                f"{where} has customAccessKey and a role (assumeRoleARN or rrsaRoleARN): keep one of them"
            )
        return Chain("customAccessKey", access_key=instance.access_key, pull_only=pull_only)
    top = Chain(
        "workerRole",
        assume_role_arn=instance.assume_role_arn,
        duration=instance.expire_duration,
        external_id=instance.external_id,
        pull_only=pull_only,
    )
    if role:
        provider = instance.rrsa_oidc_provider_arn or rrsa.oidc_provider_arn
        if not provider:
            raise ConfigurationError(
                f"{where} has the RRSA role {role} and no OIDC provider: add rrsaOIDCProviderRoleARN "
                "(acs:ram::UID:oidc-provider/ack-rrsa-CLUSTERID)"
            )
        return top._replace(source="rrsa", rrsa_role_arn=role, rrsa_oidc_provider_arn=provider)
    if rrsa.enable and not any(each.rrsa_role_arn for each in configuration.instances):
        raise ConfigurationError(
            "rrsa is enabled and no role is given: add rrsaRoleARN to the items of acr-registry-info"
        )
    if not instance.assume_role_arn:
        return Chain(_token_mode(configuration, cluster_created), pull_only=pull_only)
    mode = configuration.token_mode
    if mode == "managedRole":
        raise ConfigurationError(
            f"{where} has assumeRoleARN, and token-mode is managedRole: the managed role cannot assume roles; use RRSA "
            "(rrsaRoleARN) or token-mode workerRole"
        )
    return top


def _rrsa_role(configuration: Configuration, instance: Instance) -> str:
    rrsa = configuration.rrsa
    if rrsa.enable is False:
        return ""
    return instance.rrsa_role_arn or (rrsa.role_arn if rrsa.enable else "")


def _token_mode(configuration: Configuration, cluster_created: date | None) -> Source:
    mode = configuration.token_mode
    if mode != "auto":
        return mode
    if cluster_created is None or cluster_created < MANAGED_ROLE_SINCE:
        return "workerRole"
    return "managedRole"


def obtain(
    chain: Chain, cloud: "Cloud", paths: IdentityPaths, journal: Callable[[str], None], policy: str = PULL_ONLY_POLICY
) -> Session:
    """Return the session at the end of a chain, narrowed by `policy` where the chain is to be narrowed.

    Raises Refused or Unreachable. A session that is missing is never a reason to take another identity.
    """
    policy = policy if chain.is_narrowed else ""
    base = _source_session(chain, cloud, paths, journal, "" if chain.assume_role_arn else policy)
    if not chain.assume_role_arn:
        return base
    from provider.identity.assumed_role import assumed_role_session

    return assumed_role_session(
        cloud,
        base,
        chain.assume_role_arn,
        duration=chain.duration,
        external_id=chain.external_id,
        policy=policy,
        journal=journal,
        session_name=session_name(chain.pod.claims) if chain.pod is not None else "",
    )


def _source_session(
    chain: Chain, cloud: "Cloud", paths: IdentityPaths, journal: Callable[[str], None], policy: str
) -> Session:
    if chain.access_key is not None:
        from provider.identity.access_key import access_key_session

        return access_key_session(chain.access_key, journal)
    if chain.pod is not None:
        arns = (chain.rrsa_role_arn, chain.rrsa_oidc_provider_arn)
        name, whose = session_name(chain.pod.claims), str(chain.pod.claims)
        return cloud.sts.assume_role_with_oidc(*arns, chain.pod.token, policy=policy, session_name=name, whose=whose)
    if chain.source == "rrsa":
        from provider.identity.rrsa import rrsa_session

        return rrsa_session(cloud, paths.rrsa_token, chain.rrsa_role_arn, chain.rrsa_oidc_provider_arn, policy)
    if chain.source == "managedRole":
        from provider.identity.managed_role import managed_role_session

        return managed_role_session(paths.managed_role)
    from provider.identity.worker_role import worker_role_session

    return worker_role_session(cloud)
