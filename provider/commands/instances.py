"""What a configured instance says of itself against what the cloud says of it. Pure."""

from provider.config.values import Instance
from provider.registries import EnterpriseHost, classify


def region_mistakes(instance: Instance, region: str) -> list[str]:
    """Return the domains of an instance that name another region than the one it is asked for in."""
    found = {domain: getattr(classify(domain), "region", "") for domain in instance.domains}
    own = "regionId" if instance.region else "the node's own region, since regionId is not given"
    return [
        f"{instance.instance_id}: its domain {domain} is of {named}, and {own} is {region}: set regionId: {named}"
        for domain, named in found.items()
        if named and named != region
    ]


def unknown_domains(instance: Instance, known: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Return what is wrong, and what may be wrong, with domains that are no endpoints of the instance.

    Names under cr.aliyuncs.com are ACR's to give; one of the customer's own may stand for a proxy.
    """
    has = ", ".join(known) or "none that is enabled"
    wrong, doubtful = [], []
    for domain in instance.domains:
        if domain in known or _challenge(domain) in known:
            continue
        if classify(domain) is not None:
            wrong.append(f"{instance.instance_id}: {domain} is none of its endpoints: see domains (it has {has})")
        else:
            doubtful.append(
                f"{instance.instance_id}: {domain} is no domain of it in ACR: right only if it is a proxy of yours "
                f"(it has {has})"
            )
    return wrong, doubtful


def _challenge(domain: str) -> str:
    """Return the host that a `.distributed.` one stands for; the domain itself for all others."""
    kind = classify(domain)
    return kind.challenge_host if isinstance(kind, EnterpriseHost) else domain
