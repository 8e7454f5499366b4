"""Which registries a cluster's images are in, and who names which Secrets for them: counted, object by object. Pure.

Nothing of an object is kept but names and numbers, so that ten thousand pods fit into any machine.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from provider.commands.cluster_wire import PodSpec
from provider.errors import RequestError
from provider.kubelet import split_image
from provider.kubernetes.names import SECRET
from provider.registries import EnterpriseHost, PasswordOnlyHost, PersonalHost, classify, is_left_alone

MOST_KEPT = 1000
"""Names that are kept of a group."""

KINDS = {
    EnterpriseHost: "Enterprise Edition",
    PersonalHost: "Personal Edition",
    PasswordOnlyHost: "Personal Edition from 2024-09-09 on",
}
CUSTOM = "Enterprise Edition, a domain of acr-configuration"
PASSWORD_ONLY = KINDS[PasswordOnlyHost]
PUBLIC = "ACK's own public images"


@dataclass(slots=True)
class Group:
    """Objects of one kind: how many, and the first names."""

    number: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """Count one more."""
        self.number += 1
        if len(self.names) < MOST_KEPT:
            self.names.append(name)


@dataclass(slots=True)
class Census:
    """What was counted so far. `domains`: those that acr-configuration names, lower case."""

    domains: Sequence[str] = ()
    pods: int = 0
    hosts: dict[str, Counter[str]] = field(default_factory=dict)
    """Kind of registry → host → pods that pull from it."""
    other: int = 0
    """Pods that pull from other registries alone."""
    pulls: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """Namespace and name of a ServiceAccount → the Secrets that it names, if any."""
    accounts: Group = field(default_factory=Group)
    """ServiceAccounts that name the compatibility Secret."""
    workloads: Group = field(default_factory=Group)
    """Workloads that name it themselves."""
    own: Group = field(default_factory=Group)
    """Workloads that name other Secrets of their own and pull from ACR: a ServiceAccount's do not reach them."""
    helpless: Group = field(default_factory=Group)
    """Workloads that pull from a registry that needs a password, and name no Secret of their own."""

    def add_pod(self, spec: PodSpec) -> None:
        """Count a pod by the registries of its images."""
        self.pods += 1
        found = set(self._registries(spec))
        for kind, host in found:
            self.hosts.setdefault(kind, Counter())[host] += 1
        self.other += not found

    def add_workload(self, name: str, spec: PodSpec) -> None:
        """Count what makes pods; `name` as `KIND NAMESPACE/NAME`."""
        pulls = {reference.name for reference in spec.image_pull_secrets or ()}
        kinds = {kind for kind, _ in self._registries(spec)}
        if SECRET in pulls:
            self.workloads.add(name)
        elif pulls and kinds:
            self.own.add(name)
        if PASSWORD_ONLY in kinds and not pulls - {SECRET}:
            self.helpless.add(name)

    def add_bare_pod(self, namespace: str, name: str, spec: PodSpec) -> None:
        """Count a pod that nothing makes; what it has of its ServiceAccount it does not name itself."""
        pulls = [reference.name for reference in spec.image_pull_secrets or ()]
        given = pulls == self.pulls.get((namespace, spec.service_account_name))
        own = PodSpec(containers=spec.containers, init_containers=spec.init_containers) if given else spec
        self.add_workload(f"Pod {namespace}/{name}", own)

    def add_account(self, namespace: str, name: str, pulls: Sequence[str]) -> None:
        """Count a ServiceAccount. To be done before bare pods are."""
        if pulls:
            self.pulls[namespace, name] = list(pulls)
        if SECRET in pulls:
            self.accounts.add(f"{namespace}/{name}")

    def _registries(self, spec: PodSpec) -> Iterator[tuple[str, str]]:
        for container in (*(spec.init_containers or ()), *(spec.containers or ())):
            try:
                _, name, _, repository = split_image(container.image)
            except RequestError:
                continue
            kind = kind_of(name, repository, self.domains)
            if kind:
                yield kind, name


def kind_of(name: str, repository: str, domains: Sequence[str]) -> str:
    """Return what a registry is for people; empty for one that is not ours to answer for."""
    if is_left_alone(name, repository):
        return PUBLIC
    if name in domains:
        return CUSTOM
    found = classify(name)
    return KINDS[type(found)] if found is not None else ""
