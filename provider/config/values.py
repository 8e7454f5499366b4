"""What follows from the configuration: small frozen values, in seconds and in the field's own terms.

`provider.config.models` says what users may write; nothing here knows of YAML or of spellings.
"""

from dataclasses import dataclass, field
from typing import Literal

TokenMode = Literal["auto", "workerRole", "managedRole"]
ROLE_ARN = r"acs:ram::[0-9]{1,20}:role/[A-Za-z0-9_.@-]{1,64}"
"""The ARN of a RAM role, whole; its account is the fourth of the parts between colons."""

SessionPolicy = Literal["default", "none", "pull-only", "pull-repository"]
"""`default`: none for the node's own identity, pull-only for the roles of pods."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """The key pair of a RAM user (`customAccessKey`, `customAccessKeySecret`)."""

    access_key_id: str
    access_key_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Instance:
    """One item of `acr-registry-info`."""

    instance_id: str = ""
    """`cri-…`; empty for Personal Edition."""
    region: str = ""
    """Empty: the node's own."""
    domains: tuple[str, ...] = ()
    """Lower case, in the order written; empty: all domains of the instance."""
    assume_role_arn: str = ""
    expire_duration: int = 3600
    """Seconds that the session of `assume_role_arn` lasts."""
    external_id: str = ""
    rrsa_role_arn: str = ""
    rrsa_oidc_provider_arn: str = ""
    access_key: AccessKey | None = None


@dataclass(frozen=True, slots=True)
class Rrsa:
    """The key `rrsa`. `enable` is None where it was not written."""

    enable: bool | None = None
    role_arn: str = ""
    oidc_provider_arn: str = ""


@dataclass(frozen=True, slots=True)
class Webhook:
    """The key `webhook-configuration`."""

    enable: bool = False
    failure_policy: Literal["Ignore", "Fail"] = "Ignore"
    timeout_seconds: int = 10


@dataclass(frozen=True, slots=True)
class Configuration:
    """The whole of `config.yaml`, resolved. The defaults are those of an absent file."""

    instances: tuple[Instance, ...] = ()
    expiring_threshold: int = 900
    """Seconds before its end at which a credential is renewed."""
    token_mode: TokenMode = "auto"  # noqa: S105
    discovery: bool = True
    session_policy: SessionPolicy = "default"
    rrsa: Rrsa = Rrsa()
    webhook: Webhook = Webhook()
    watch_namespaces: tuple[str, ...] = ("default",)
    """`("all",)` for every namespace."""
    service_accounts: tuple[str, ...] = ("default",)
    """`("*",)` for every ServiceAccount of the watched namespaces."""
    scope: Literal["node", "configured"] = "node"
    service_account_roles: Literal["off", "optional", "required"] = "off"
    service_account_annotation: Literal["own", "ack"] = "own"
    compat_secrets: bool = True
    log_level: Literal["debug", "info", "warning", "error"] = "info"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the cloud is, when it is not at its public names: `HOST` or `HOST:PORT`, empty where nothing is said."""

    metadata: str = ""
    """`HOST:PORT` of the ECS metadata service, plain HTTP."""
    sts: str = ""
    acr: str = ""


@dataclass(frozen=True, slots=True)
class Local:
    """The node's own `local.yaml`: what redirects traffic or trust."""

    endpoints: Endpoints = Endpoints()
    ca_file: str = ""
