"""A pod's own role: whose it is, and under which name it asks. `provider.pods` says which pods have one."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from provider.cluster import CLUSTER_ID
from provider.config.values import ROLE_ARN, Configuration, Instance
from provider.errors import ConfigurationError, NotServed, Refused
from provider.service_account import OWN_ANNOTATION, Claims

MAXIMUM_SESSION_NAME = 64
HASH_CHARACTERS = 8

_ROLE_ARN = re.compile(ROLE_ARN)
_ROLE_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
_ACK_ISSUER = re.compile(r"https://oidc-ack-[a-z0-9.-]+\.aliyuncs\.com/(" + CLUSTER_ID.pattern + ")")


@dataclass(frozen=True, slots=True)
class PodRole:
    """A role that a pod's ServiceAccount names, and the token that proves whose pod it is."""

    claims: Claims
    annotation: str
    """The key of the annotation."""
    written: str
    """Its value: an ARN, or a name with ACK's annotation."""
    token: str = field(repr=False)


def check_annotation(claims: Claims, key: str, written: str) -> None:
    """Raise NotServed for an annotation's value of another form than its key asks for; the value is not quoted."""
    if not (_ROLE_ARN if key == OWN_ANNOTATION else _ROLE_NAME).fullmatch(written):
        form = "acs:ram::ACCOUNT:role/NAME" if key == OWN_ANNOTATION else "a RAM role's name"
        raise NotServed(f"the annotation {key} of {claims} is malformed; right form: {form}")


def oidc_provider_of(
    configuration: Configuration, instance: Instance, claims: Claims, cluster_id: str, account: Callable[[], str]
) -> str:
    """Return the ARN of the cluster's OIDC provider: the configured one, else the one that ACK makes.

    `account` asks for the node's. Raises ConfigurationError where neither is known.
    """
    configured = instance.rrsa_oidc_provider_arn or configuration.rrsa.oidc_provider_arn
    if configured:
        return configured
    issuer = _ACK_ISSUER.fullmatch(claims.issuer)
    cluster = cluster_id or (issuer[1] if issuer else "")
    if not cluster:
        raise ConfigurationError(
            f"{claims} names a role, and the cluster's OIDC provider is not known: add oidcProviderARN "
            "(acs:ram::UID:oidc-provider/ack-rrsa-CLUSTERID) under rrsa"
        )
    return f"acs:ram::{account()}:oidc-provider/ack-rrsa-{cluster}"


def role_arn(pod: PodRole, provider_arn: str) -> str:
    """Return the role's ARN. Raises Refused for a role of another account than the OIDC provider's."""
    account = provider_arn.split(":")[3]
    if pod.annotation != OWN_ANNOTATION:
        return f"acs:ram::{account}:role/{pod.written}"
    if not _ROLE_ARN.fullmatch(pod.written) or pod.written.split(":")[3] != account:
        raise Refused(
            f"the role {pod.written} of {pod.claims} is not of account {account}, which the cluster's OIDC provider "
            "belongs to; a role of another account is reached on top of it, by assumeRoleARN of the instance"
        )
    return pod.written


def session_name(claims: Claims) -> str:
    """Return what ActionTrail shows: NAMESPACE.NAME, cut to 64 characters with a hash at its end where it is longer."""
    name = f"{claims.namespace}.{claims.name}"
    if len(name) <= MAXIMUM_SESSION_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:HASH_CHARACTERS]
    return f"{name[: MAXIMUM_SESSION_NAME - HASH_CHARACTERS - 1]}-{digest}"
