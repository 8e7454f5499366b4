"""The effective configuration for people: what counts, in the keys that users write, secrets masked."""

import json
from collections.abc import Mapping
from typing import Any

from provider.config.values import Configuration, Instance, Local

MASK = "********"


def effective(configuration: Configuration, local: Local) -> dict[str, dict[str, Any]]:
    """Return what counts, by file and key, as JSON values. Both halves of a key pair are masked."""
    return {"config": _configuration(configuration), "local": _local(local)}


def render(configuration: Configuration, local: Local, lines: Mapping[str, int]) -> str:
    """Return the same as YAML; a comment behind each key tells its line in the file, or that it is the default."""
    both = effective(configuration, local)
    rendered = ["# config.yaml"]
    for key, value in both["config"].items():
        rendered += _yaml(key, value, f"line {lines[key]}" if key in lines else "default")
    rendered.append("# local.yaml")
    for key, value in both["local"].items():
        rendered += _yaml(key, value, "")
    return "\n".join(rendered) + "\n"


def duration(seconds: int) -> str:
    """Return seconds as a Go duration without empty parts, such as `1h30m`."""
    hours, rest = divmod(seconds, 3600)
    parts = ((hours, "h"), (rest // 60, "m"), (rest % 60, "s"))
    return "".join(f"{amount}{unit}" for amount, unit in parts if amount) or "0s"


def _configuration(configuration: Configuration) -> dict[str, Any]:
    rrsa, webhook = configuration.rrsa, configuration.webhook
    return {
        "acr-registry-info": [_instance(instance) for instance in configuration.instances],
        "expiring-threshold": duration(configuration.expiring_threshold),
        "token-mode": configuration.token_mode,
        "rrsa": _filled(
            {"enable": rrsa.enable, "rrsaRoleARN": rrsa.role_arn, "oidcProviderARN": rrsa.oidc_provider_arn}
        ),
        "watch-namespace": ",".join(configuration.watch_namespaces),
        "service-account": ",".join(configuration.service_accounts),
        "webhook-configuration": {
            "enable": webhook.enable,
            "failure-policy": webhook.failure_policy,
            "timeout-seconds": webhook.timeout_seconds,
        },
        "discovery": _switch(configuration.discovery),
        "session-policy": configuration.session_policy,
        "scope": configuration.scope,
        "service-account-roles": configuration.service_account_roles,
        "service-account-annotation": configuration.service_account_annotation,
        "compat-secrets": _switch(configuration.compat_secrets),
        "log-level": configuration.log_level,
    }


def _instance(instance: Instance) -> dict[str, Any]:
    mask = MASK if instance.access_key is not None else ""
    named = {
        "instanceId": instance.instance_id,
        "regionId": instance.region,
        "domains": ",".join(instance.domains),
        "assumeRoleARN": instance.assume_role_arn,
        "expireDuration": instance.expire_duration if instance.assume_role_arn else None,
        "externalId": instance.external_id,
        "rrsaRoleARN": instance.rrsa_role_arn,
        "rrsaOIDCProviderRoleARN": instance.rrsa_oidc_provider_arn,
        "customAccessKey": mask,
        "customAccessKeySecret": mask,
    }
    return {"instanceId": instance.instance_id, **_filled(named)}


def _local(local: Local) -> dict[str, Any]:
    endpoints = local.endpoints
    named = {"metadata": endpoints.metadata, "sts": endpoints.sts, "acr": endpoints.acr}
    return {"endpoints": _filled(named), "ca-file": local.ca_file}


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, "")}


def _switch(value: bool) -> str:
    return "on" if value else "off"


def _yaml(key: str, value: Any, comment: str) -> list[str]:
    """Return the lines of one key: JSON values are YAML, so each item and each plain value is written as JSON."""
    behind = f"  # {comment}" if comment else ""
    match value:
        case [*items] if items:
            lines = []
            for item in items:
                pairs = [f"{name}: {json.dumps(inner)}" for name, inner in item.items()]
                lines += [f"  - {pairs[0]}", *(f"    {pair}" for pair in pairs[1:])]
            return [f"{key}:{behind}", *lines]
        case dict() if value:
            return [f"{key}:{behind}", *(f"  {name}: {json.dumps(inner)}" for name, inner in value.items())]
    return [f"{key}: {json.dumps(value)}{behind}"]
