"""Which registry of Alibaba Cloud a host name belongs to, as far as the name alone tells.

Pure. The regions are known by their first letters: customers choose names under aliyuncs.com too (object storage
buckets), and `registry.oss-cn-hangzhou.aliyuncs.com` may be a stranger's.
"""

import re
from dataclasses import dataclass

from provider.answers import ACK_PUBLIC_PREFIX

_REGION = r"(?:cn|ap|us|eu|me|na|sa|af)-[a-z0-9]+(?:-[a-z0-9]+)*"
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"

REGION = re.compile(_REGION)


@dataclass(frozen=True, slots=True)
class EnterpriseHost:
    """A host under `.cr.aliyuncs.com`.

    `instance_name` and `region` are empty where the name does not have the usual form. `challenge_host` is where the
    instance's own 401 is asked for: the `.distributed.` variants are served by the node itself.
    """

    challenge_host: str
    instance_name: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class PersonalHost:
    """The Personal Edition registry of a region, shared by all its accounts."""

    region: str


@dataclass(frozen=True, slots=True)
class PasswordOnlyHost:
    """A Personal Edition instance created from 2024-09-09 on, for which there are no temporary credentials."""


RegistryHost = EnterpriseHost | PersonalHost | PasswordOnlyHost

_PASSWORD_ONLY = re.compile(rf"crpi-[a-z0-9]+(?:-vpc)?\.{_REGION}\.personal\.cr\.aliyuncs\.com")
_ENTERPRISE = re.compile(
    rf"(?P<name>{_LABEL}?)-registry(?P<network>-vpc)?(?P<distributed>\.distributed)?\.(?P<region>{_REGION})\.cr\.aliyuncs\.com"
)
_PERSONAL = re.compile(rf"registry(?:-(?:intl|vpc|internal))*\.(?P<region>{_REGION})\.aliyuncs\.com")


def is_region(text: str) -> bool:
    """Tell whether `text` has the form of a region id that we know."""
    return REGION.fullmatch(text) is not None


def classify(name: str) -> RegistryHost | None:
    """Return what `name` (lower case, no port, no trailing dot) says of itself; None if it is no registry of ACR."""
    if _PASSWORD_ONLY.fullmatch(name):
        return PasswordOnlyHost()
    if personal := _PERSONAL.fullmatch(name):
        return PersonalHost(personal["region"])
    if enterprise := _ENTERPRISE.fullmatch(name):
        instance_name, region, network = enterprise["name"], enterprise["region"], enterprise["network"] or ""
        challenge_host = f"{instance_name}-registry{network}.{region}.cr.aliyuncs.com"
        return EnterpriseHost(challenge_host, instance_name, region)
    if name.endswith(".cr.aliyuncs.com"):
        return EnterpriseHost(name)
    return None


def left_alone_prefix(name: str) -> str:
    """Return the prefix of the repositories on this host that are not ours to answer, empty if there are none."""
    return ACK_PUBLIC_PREFIX if isinstance(classify(name), PersonalHost) else ""


def is_left_alone(name: str, repository: str) -> bool:
    """Tell whether the image is one of ACK's own public ones."""
    return repository.startswith(ACK_PUBLIC_PREFIX) and bool(left_alone_prefix(name))
