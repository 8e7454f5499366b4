"""`config.yaml` as users write it. Each field's first spelling is the one that we write; all of them are read.

The incumbent's keys keep their meaning; `values` holds what follows from them.
"""

from typing import Any, ClassVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from provider.config import fields


class FileModel(BaseModel):
    """The base of all that is written in files."""

    about: ClassVar[str]
    """What the JSON schema says of it. No docstring: the frozen program has none."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    elsewhere: ClassVar[dict[str, str]] = {}
    """Keys that do not belong here, and what to say of them."""


def spelt(*spellings: str, default: Any, description: str, hidden: bool = False) -> Any:
    """Return the field of a key with its spellings, the one that we write first; `hidden` keeps it out of repr."""
    return Field(
        default,
        validation_alias=AliasChoices(*spellings),
        title=spellings[0],
        description=description,
        repr=not hidden,
    )


class InstanceItem(FileModel):
    """An item of `acr-registry-info`."""

    about: ClassVar[str] = "One ACR instance, or the Personal Edition registry of one region."

    instance_id: fields.InstanceId = spelt(
        "instanceId",
        "InstanceId",
        "instance-id",
        default="",
        description="Id of an Enterprise Edition instance, `cri-…`. Empty: Personal Edition.",
    )
    region: fields.Region = spelt(
        "regionId", "RegionId", "region-id", default="", description="Region of the instance. Empty: the node's own."
    )
    domains: fields.Domains = spelt(
        "domains",
        "Domains",
        default=(),
        description="Host names of the instance, comma-separated or a list. Empty: all that the instance has.",
    )
    assume_role_arn: fields.RoleArn = spelt(
        "assumeRoleARN",
        "AssumeRoleARN",
        "assume-role-arn",
        default="",
        description="RAM role of the instance's account that is assumed before the token is asked for.",
    )
    expire_duration: fields.SessionSeconds = spelt(
        "expireDuration",
        "ExpireDuration",
        "expire-duration",
        default=3600,
        description="Seconds that the session of assumeRoleARN lasts, 900 to 43200.",
    )
    external_id: fields.ExternalId = spelt(
        "externalId",
        "ExternalId",
        "external-id",
        default="",
        description="External id that the trust policy of assumeRoleARN asks for.",
    )
    rrsa_role_arn: fields.RoleArn = spelt(
        "rrsaRoleARN",
        "RrsaRoleARN",
        "rrsa-role-arn",
        default="",
        description="RAM role of the cluster's account that is assumed with the cluster's OIDC token (RRSA).",
    )
    rrsa_oidc_provider_arn: fields.ProviderArn = spelt(
        "rrsaOIDCProviderRoleARN",
        "RrsaOIDCProviderRoleARN",
        "rrsa-oidc-provider-role-arn",
        default="",
        description="OIDC provider of the cluster. Empty: the one of the key rrsa.",
    )
    custom_access_key: fields.KeyText = spelt(
        "customAccessKey",
        "CustomAccessKey",
        "custom-access-key",
        default="",
        description="AccessKey id of a RAM user. It does not end by itself: a role is safer.",
        hidden=True,
    )
    custom_access_key_secret: fields.KeyText = spelt(
        "customAccessKeySecret",
        "CustomAccessKeySecret",
        "custom-access-key-secret",
        default="",
        description="AccessKey secret that belongs to customAccessKey.",
        hidden=True,
    )


class RrsaKeys(FileModel):
    """The value of `rrsa`."""

    about: ClassVar[str] = "RAM roles for service accounts."

    enable: fields.Switch | None = spelt(
        "enable",
        "enabled",
        default=None,
        description="false: rrsaRoleARN is not used anywhere. true: at least one role must be given.",
    )
    role_arn: fields.RoleArn = spelt(
        "rrsaRoleARN",
        "roleARN",
        "rrsa-role-arn",
        default="",
        description="RAM role for the instances that name none themselves; only with enable: true.",
    )
    oidc_provider_arn: fields.ProviderArn = spelt(
        "oidcProviderARN",
        "rrsaOIDCProviderRoleARN",
        "oidc-provider-arn",
        default="",
        description="OIDC provider of the cluster, for the instances that name none themselves.",
    )


class WebhookKeys(FileModel):
    """The value of `webhook-configuration`."""

    about: ClassVar[str] = "The webhook that serves a new ServiceAccount in the moment of its creation."

    enable: fields.Switch = spelt("enable", "enabled", default=False, description="Whether the webhook is used.")
    failure_policy: fields.FailurePolicy = spelt(
        "failure-policy",
        "failurePolicy",
        default="Ignore",
        description="What the API server does when the webhook fails.",
    )
    timeout_seconds: fields.WebhookSeconds = spelt(
        "timeout-seconds", "timeoutSeconds", default=10, description="How long the API server waits, 1 to 30."
    )


_LOCAL_ONLY = (
    "is not read from this file: who may edit the cluster's configuration must not redirect traffic; "
    "right form: write it into the node's own local.yaml"
)


class ConfigurationFile(FileModel):
    """The whole of `config.yaml`."""

    about: ClassVar[str] = "The data of the ConfigMap acr-configuration, or the managed edition's parameters."

    elsewhere: ClassVar[dict[str, str]] = dict.fromkeys(("endpoints", "ca-file", "caFile"), _LOCAL_ONLY)

    instances: list[InstanceItem] = spelt(
        "acr-registry-info",
        "acrRegistryInfo",
        "AcrInstanceInfo",
        "acrInstanceInfo",
        default=[],
        description="The instances, as a list or as YAML in a string.",
    )
    expiring_threshold: fields.Duration = spelt(
        "expiring-threshold",
        "expiringThreshold",
        default=900,
        description="Credentials are renewed this long before they end: 15m, 1h30m, 900s.",
    )
    token_mode: fields.TokenMode = spelt(
        "token-mode",
        "tokenMode",
        default="auto",
        description="Which identity the node has: its worker RAM role, or the managed role.",
    )
    rrsa: RrsaKeys = spelt(
        "rrsa",
        "RRSA",
        "enableRRSA",
        default=RrsaKeys(),
        description="RAM roles for service accounts: keys, YAML in a string, or true and false alone.",
    )
    watch_namespaces: fields.Namespaces = spelt(
        "watch-namespace",
        "watchNamespace",
        default=("default",),
        description="Namespaces, comma-separated; `all` for every one.",
    )
    service_accounts: fields.ServiceAccounts = spelt(
        "service-account",
        "serviceAccount",
        default=("default",),
        description="ServiceAccounts, comma-separated; `*` for all of the watched namespaces.",
    )
    webhook: WebhookKeys = spelt(
        "webhook-configuration",
        "webhookConfiguration",
        default=WebhookKeys(),
        description="The webhook, as keys or as YAML in a string.",
    )
    discovery: fields.Switch = spelt(
        "discovery",
        default=True,
        description="off: only configured instances; no registry or account is asked which instance a host is.",
    )
    session_policy: fields.SessionPolicy = spelt(
        "session-policy",
        "sessionPolicy",
        default="default",
        description="What sessions of assumed roles are narrowed to; pull-repository: pods' roles to the image's own. "
        "default: pull-only for pods' roles, none for others.",
    )
    scope: fields.Scope = spelt(
        "scope",
        default="node",
        description="Which pods may pull: any of the node, or those of watch-namespace and service-account alone.",
    )
    service_account_roles: fields.ServiceAccountRoles = spelt(
        "service-account-roles",
        "serviceAccountRoles",
        default="off",
        description="Whether pods pull with a RAM role that their ServiceAccount names. optional: the node's identity "
        "where it names none; required: nothing then.",
    )
    service_account_annotation: fields.Annotation = spelt(
        "service-account-annotation",
        "serviceAccountAnnotation",
        default="own",
        description="Which annotation of a ServiceAccount names its role: aliyun-acr-credential-provider/role-arn, or "
        "ACK's pod-identity.alibabacloud.com/role-name.",
    )
    compat_secrets: fields.Switch = spelt(
        "compat-secrets",
        "compatSecrets",
        default=True,
        description="Whether the incumbent's Secrets are kept for what the plugin cannot reach.",
    )
    log_level: fields.LogLevel = spelt(
        "log-level", "logLevel", default="info", description="What goes to the node's journal."
    )
    acr_api_version: fields.Ignored = spelt(
        "acr-api-version", "acrApiVersion", default="", description="Accepted, ignored."
    )
    notify_email: fields.Ignored = spelt("notify-email", "notifyEmail", default="", description="Accepted, ignored.")
