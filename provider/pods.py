"""Which pods have a role of their own, which go with the node's identity, and which get nothing. Asks nobody."""

from provider.answers import EVERY_POD, NO_TOKEN
from provider.config.values import Configuration
from provider.errors import ConfigurationError, NotServed
from provider.identity.pod_role import PodRole, check_annotation
from provider.kubelet import Request
from provider.service_account import Claims, annotation_key, check_claims, parse_claims

_NOBODY = (
    "a request without a ServiceAccount's token (of a static pod, of no pod, of a kubelet before 1.34, or by a "
    "provider file without tokenAttributes)"
)


def pod_role(configuration: Configuration, request: Request, now: float) -> PodRole | None:
    """Return the role that is to pull for the pod that asks; None: the node's own identity.

    Raises NotServed for a pod that gets nothing: never is another identity taken in its place.
    """
    if configuration.scope == "configured":
        claims = _claims(request, "scope: configured", now)
        if not is_selected(configuration, claims):
            raise NotServed(
                f"{claims} is not among watch-namespace and service-account, and scope: configured serves no other"
            )
    if configuration.service_account_roles == "off":
        return None
    key = annotation_key(configuration.service_account_annotation)
    written = request.annotations.get(key)
    if written is None:
        if configuration.service_account_roles == "optional":
            return None
        whose = parse_claims(request.service_account_token) if request.service_account_token else _NOBODY
        raise NotServed(
            f"{whose} has no role of its own, and service-account-roles: required gives nothing without: annotate the "
            f"ServiceAccount with {key}"
        )
    claims = _claims(request, key, now)
    check_annotation(claims, key, written)
    return PodRole(claims, key, written, request.service_account_token)


def needed_by(configuration: Configuration) -> str:
    """Return what of the configuration serves nobody without tokens; empty where the node's identity does instead."""
    if configuration.service_account_roles == "required":
        return "service-account-roles: required"
    return "scope: configured" if configuration.scope == "configured" else ""


def check_configured(request: Request, path: str, *, is_there: bool) -> None:
    """Raise ConfigurationError where the kubelet hands over tokens, and the file that wanted them is not there.

    Nobody is isolated by a configuration that was lost: its defaults would give every pod the node's answer.
    """
    if request.service_account_token and not is_there:
        raise ConfigurationError(
            f"{path} is not there, and a kubelet that hands over tokens was set up by one: put it back, or run install "
            "without it"
        )


def depends_on(configuration: Configuration, *, is_there: bool = True) -> str:
    """Return what of a pod's ServiceAccount decides whether it gets the node's answer (`Answer.service_account`).

    `is_there`: whether there is a configuration file.
    """
    if not is_there:
        return NO_TOKEN
    if configuration.scope == "configured" or configuration.service_account_roles == "required":
        return EVERY_POD
    if configuration.service_account_roles == "optional":
        return annotation_key(configuration.service_account_annotation)
    return ""


def is_selected(configuration: Configuration, claims: Claims) -> bool:
    """Tell whether watch-namespace and service-account name a ServiceAccount."""
    namespaces, names = configuration.watch_namespaces, configuration.service_accounts
    return (namespaces == ("all",) or claims.namespace in namespaces) and (names == ("*",) or claims.name in names)


def _claims(request: Request, needed_by: str, now: float) -> Claims:
    if not request.service_account_token:
        raise NotServed(f"{_NOBODY} gets nothing, since {needed_by} needs one")
    claims = parse_claims(request.service_account_token)
    check_claims(claims, now)
    return claims
