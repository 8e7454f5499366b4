"""Which pods have a role of their own, which go with the node's identity, and which get nothing. Asks nobody."""

from provider.answers import EVERY_POD
from provider.config.values import Configuration
from provider.errors import NotServed
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


def depends_on(configuration: Configuration) -> str:
    """Return what of a pod's ServiceAccount decides whether it gets the node's answer (`Answer.service_account`)."""
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
