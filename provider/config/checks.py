"""What no single value tells: keys that exclude or need each other, and what works but is unwise. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from provider.config.models import ConfigurationFile, InstanceItem
from provider.config.written import Location, Written
from provider.registries import EnterpriseHost, PersonalHost, classify

LONG_THRESHOLD = 45 * 60
"""Seconds; a token lasts an hour as a rule."""
DOCUMENTED_SHORTEST_SESSION = 3600

_INSTANCES = "acr-registry-info"


@dataclass(frozen=True, slots=True)
class Remark:
    """What is to be said of a location."""

    location: Location
    message: str


def mistakes(file: ConfigurationFile, written: Written) -> Iterator[Remark]:
    """Yield what makes the configuration wrong. Keys whose values are wrong themselves count as written."""
    yield from _compatibility(file)
    yield from _rrsa(file, written)
    for number, item in enumerate(file.instances):
        location = (_INSTANCES, number)
        yield from _key_pair(location, written)
        yield from _managed_role(location, file, written)
        yield from _provider(location, file, item, written)
    yield from _shared_domains(file)


def advice(file: ConfigurationFile, written: Written) -> Iterator[Remark]:
    """Yield what works, and is worth a warning by `config check`."""
    yield from _general_advice(file, written)
    for number, item in enumerate(file.instances):
        yield from _item_advice((_INSTANCES, number), item, file, written)
    yield from _repeated_instances(file)


def _compatibility(file: ConfigurationFile) -> Iterator[Remark]:
    if file.service_account_roles == "required" and file.compat_secrets:
        message = (
            "required excludes compat-secrets, which are on by default: the Secret would hand the node's rights to the "
            "namespace; right form: compat-secrets: off"
        )
        yield Remark(("service-account-roles",), message)


def _rrsa(file: ConfigurationFile, written: Written) -> Iterator[Remark]:
    if file.rrsa.enable and not _any_rrsa_role(file, written):
        yield Remark(
            ("rrsa", "enable"),
            "is on, but no role is given anywhere; right form: rrsaRoleARN in an item of acr-registry-info, or enable: "
            "false",
        )
    provider = written.has("rrsa", "oidcProviderARN")
    if file.rrsa.enable is not False and written.has("rrsa", "rrsaRoleARN") and not provider:
        yield Remark(
            ("rrsa", "rrsaRoleARN"), "needs the cluster's OIDC provider; right form: oidcProviderARN beside it"
        )


def _any_rrsa_role(file: ConfigurationFile, written: Written) -> bool:
    items = (written.has(_INSTANCES, number, "rrsaRoleARN") for number in range(len(file.instances)))
    unreadable = any(location[:1] in ((_INSTANCES,), ("rrsa",)) and len(location) < 3 for location in written.broken)
    return written.has("rrsa", "rrsaRoleARN") or any(items) or unreadable


def _key_pair(location: Location, written: Written) -> Iterator[Remark]:
    key, secret = (*location, "customAccessKey"), (*location, "customAccessKeySecret")
    if written.has(*key) != written.has(*secret):
        there, missing = (key, secret) if written.has(*key) else (secret, key)
        yield Remark(there, f"works only together with {missing[-1]}; add that, or remove both")
    roles = [name for name in ("assumeRoleARN", "rrsaRoleARN") if written.has(*location, name)]
    if roles and (written.has(*key) or written.has(*secret)):
        there = key if written.has(*key) else secret
        yield Remark(
            there,
            f"excludes {' and '.join(roles)}: the key pair belongs to the instance's account and assumes no role; "
            "remove one or the other",
        )


def _managed_role(location: Location, file: ConfigurationFile, written: Written) -> Iterator[Remark]:
    managed = file.token_mode == "managedRole"  # noqa: S105 - a mode
    if not managed or not written.has(*location, "assumeRoleARN"):
        return
    for_all = bool(file.rrsa.enable) and written.has("rrsa", "rrsaRoleARN")
    own = file.rrsa.enable is not False and written.has(*location, "rrsaRoleARN")
    if not own and not for_all:
        yield Remark(
            (*location, "assumeRoleARN"),
            "cannot be used with token-mode: managedRole, since the managed role cannot assume roles; right form: "
            "token-mode: workerRole, or rrsaRoleARN beside it",
        )


def _provider(location: Location, file: ConfigurationFile, item: InstanceItem, written: Written) -> Iterator[Remark]:
    role = (*location, "rrsaRoleARN")
    if not written.has(*role) or file.rrsa.enable is False:
        return
    if not written.has(*location, "rrsaOIDCProviderRoleARN") and not written.has("rrsa", "oidcProviderARN"):
        yield Remark(
            role,
            "needs the cluster's OIDC provider; right form: rrsaOIDCProviderRoleARN beside it",
        )


def _shared_domains(file: ConfigurationFile) -> Iterator[Remark]:
    owners: dict[str, int] = {}
    for number, item in enumerate(file.instances):
        others = sorted({owners[domain] for domain in item.domains if domain in owners})
        for other in others:
            yield Remark(
                (_INSTANCES, number, "domains"),
                f"has a name that item {other} has as well; a name belongs to one instance",
            )
        owners.update({domain: number for domain in item.domains if domain not in owners})


def _general_advice(file: ConfigurationFile, written: Written) -> Iterator[Remark]:
    if file.watch_namespaces == ("all",):
        yield Remark(("watch-namespace",), "all includes kube-system; name the namespaces of your workloads instead")
    elif "kube-system" in file.watch_namespaces:
        yield Remark(("watch-namespace",), "kube-system holds the system's own pods; leave it out")
    if file.rrsa.role_arn and not file.rrsa.enable:
        yield Remark(("rrsa", "rrsaRoleARN"), "is not used without enable: true beside it")
    if file.expiring_threshold > LONG_THRESHOLD:
        yield Remark(
            ("expiring-threshold",),
            "is longer than 45m of the hour that most tokens last, so they are renewed all the time; 15m is usual",
        )


def _item_advice(location: Location, item: InstanceItem, file: ConfigurationFile, written: Written) -> Iterator[Remark]:
    if item.custom_access_key:
        yield Remark(
            (*location, "customAccessKey"),
            "a key pair does not end, and whoever reads this file has it; a RAM role (assumeRoleARN) is safer",
        )
    if item.expire_duration < DOCUMENTED_SHORTEST_SESSION:
        yield Remark(
            (*location, "expireDuration"), "is below the documented 3600 seconds; STS takes it, and tokens end as early"
        )
    if item.external_id and not item.assume_role_arn:
        yield Remark((*location, "externalId"), "has no effect without assumeRoleARN")
    if item.rrsa_role_arn and file.rrsa.enable is False:
        yield Remark((*location, "rrsaRoleARN"), "is not used: rrsa is switched off")
    provider = item.rrsa_oidc_provider_arn or file.rrsa.oidc_provider_arn
    if item.rrsa_role_arn and provider and _account(item.rrsa_role_arn) != _account(provider):
        yield Remark(
            (*location, "rrsaRoleARN"), "is of another account than the OIDC provider; expected is one account"
        )
    if _other_edition(item):
        yield Remark(
            (*location, "domains"),
            "has a host name of the other edition: Enterprise Edition (*.cr.aliyuncs.com) needs instanceId, Personal "
            "Edition (registry.REGION.aliyuncs.com) has none",
        )


def _account(arn: str) -> str:
    return arn.split(":")[3]


def _other_edition(item: InstanceItem) -> bool:
    wrong = PersonalHost if item.instance_id else EnterpriseHost
    return any(isinstance(classify(domain), wrong) for domain in item.domains)


def _repeated_instances(file: ConfigurationFile) -> Iterator[Remark]:
    first: dict[tuple[str, str], int] = {}
    for number, item in enumerate(file.instances):
        named = (item.instance_id, "" if item.instance_id else item.region)
        other = first.setdefault(named, number)
        if other != number:
            yield Remark(
                (_INSTANCES, number), f"is the same instance as item {other}, which counts where no domain decides"
            )
