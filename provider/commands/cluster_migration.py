"""What is found in a cluster before a migration: what is well, and what is to be mended first. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from provider.commands.cluster_census import PASSWORD_ONLY, Census
from provider.commands.cluster_status import counted, names
from provider.commands.steps import Finding
from provider.config.values import Configuration, Instance
from provider.errors import DENIED_CODE, ConfigurationError
from provider.identity.chain import MANAGED_ROLE_SINCE, choose
from provider.kubernetes.names import CONFIG_MAP, DAEMON_SET, MANAGED_ROLE_SECRET, SECRET, SYSTEM_NAMESPACE, WRITER
from provider.node.kubelet_version import Version, parse
from provider.node.plan import FIRST_VERSION

INCUMBENT = "aliyun-acr-credential-helper"
"""Its Deployment, and the ServiceAccount that roles trust."""
SERVICE_ACCOUNT_ROLES = Version(1, 34, 0)
"""The first kubelet that gives the plugin a pod's token."""
ACTIONS = ("cr:GetAuthorizationToken", "cr:ListInstanceEndpoint", "cr:PullRepository")
TRUSTED = tuple(f"system:serviceaccount:{SYSTEM_NAMESPACE}:{name}" for name in (DAEMON_SET, WRITER))
"""Whom RRSA roles must trust: the agent and the writer, by the chart's default names."""
MOST_HOSTS = 20
_CODE = re.compile(r"Code (?P<code>[\w.-]+)")
_ACTION = re.compile(r"must allow (?P<action>[a-z]+:[A-Za-z]+)")


@dataclass(frozen=True, slots=True)
class Writer:
    """Who else writes the compatibility Secrets."""

    replicas: int | None = None
    """Of the incumbent's Deployment; None where there is none."""
    lately: Sequence[str] = ()
    """Other managers that wrote one within a day."""
    left: int = 0
    """How many Secrets are another's."""

    @property
    def runs(self) -> bool:
        """Tell whether somebody else still writes, as far as that shows."""
        return bool(self.replicas) or (self.replicas is None and bool(self.lately))


@dataclass(frozen=True, slots=True)
class Looked:
    """All that was looked at. What is None could not be read; `unreadable` says why, by the step's name."""

    server: str
    created: date | None = None
    """When the cluster was made."""
    configuration: Configuration | None = None
    """None where it is wrong or could not be read."""
    has_config_map: bool = False
    wrong: Sequence[str] = ()
    """What is wrong in the ConfigMap, a line each."""
    has_managed_role: bool | None = None
    refusals: Sequence[str] = ()
    """What agents and writer said lately of what the cloud refused."""
    kubelets: Mapping[str, int] | None = None
    """Version as the kubelet says it → machines."""
    virtual: Sequence[str] = ()
    census: Census | None = None
    writer: Writer | None = None
    installed: bool = False
    """Whether our agents have said something already."""
    unreadable: Mapping[str, str] = field(default_factory=dict)

    @property
    def counted(self) -> Census:
        """What pods and workloads were counted to be; nothing before they were."""
        return self.census if self.census is not None else Census()


def findings(looked: Looked) -> Iterator[Finding]:
    """Yield what was found, a step each."""
    yield Finding("API server", "ok", looked.server)
    for name, find in PARTS.items():
        if name in looked.unreadable:
            yield Finding(name, "skipped", looked.unreadable[name])
        else:
            yield from find(looked)


def _kubelets(looked: Looked) -> Iterator[Finding]:
    kubelets = looked.kubelets or {}
    told = ", ".join(f"{version} on {number}" for version, number in sorted(kubelets.items())) or "no machine"
    old = sum(number for version, number in kubelets.items() if (parse(version) or FIRST_VERSION) < FIRST_VERSION)
    if old:
        told += f"; {counted(old, 'node')} older than 1.24: the plugin cannot be there, the Secrets serve them"
    configuration = looked.configuration
    roles = configuration.service_account_roles if configuration is not None else "off"
    young = sum(n for version, n in kubelets.items() if (parse(version) or FIRST_VERSION) < SERVICE_ACCOUNT_ROLES)
    if roles != "off" and young:
        lack = f"service-account-roles: {roles} needs 1.34, and {counted(young, 'node')} older"
        yield Finding("kubelets", "failed", f"{told}\n{lack}", 1)
    else:
        yield Finding("kubelets", "ok", told)


def _virtual(looked: Looked) -> Iterator[Finding]:
    if looked.virtual:
        told = f"{names(looked.virtual)}: no plugin there; the Secrets serve their pods, so compat-secrets stays on"
        yield Finding("virtual nodes", "ok", told)
    else:
        yield Finding("virtual nodes", "ok", "none")


def _images(looked: Looked) -> Iterator[Finding]:
    census = looked.counted
    lines = [f"{counted(census.pods, 'pod')}, of which {census.other} pull from other registries alone"]
    for kind in sorted(census.hosts):
        hosts = census.hosts[kind].most_common()
        shown = ", ".join(f"{host} ({number})" for host, number in hosts[:MOST_HOSTS])
        more = f" and {len(hosts) - MOST_HOSTS} more" if len(hosts) > MOST_HOSTS else ""
        lines.append(f"{kind}: {shown}{more}")
    if PASSWORD_ONLY in census.hosts:
        lines.append("for crpi-… there are no temporary credentials: those pods keep Secrets with a password")
    if census.helpless.number:
        lines.append(f"and name none today: {names(census.helpless.names)}")
    yield Finding("images", "ok", "\n".join(lines))


def _configuration(looked: Looked) -> Iterator[Finding]:
    if looked.wrong:
        yield Finding("configuration", "failed", "\n".join(looked.wrong), 2)
    elif not looked.has_config_map:
        told = (
            f"no ConfigMap {SYSTEM_NAMESPACE}/{CONFIG_MAP}: the defaults count (namespace and ServiceAccount default)"
        )
        yield Finding("configuration", "ok", told)
    elif looked.configuration is not None:
        known = looked.configuration
        told = (
            f"{counted(len(known.instances), 'instance')}; Secrets for ServiceAccounts "
            f"{','.join(known.service_accounts)} in namespaces {','.join(known.watch_namespaces)}"
        )
        yield Finding("configuration", "ok", told)


def _identity(looked: Looked) -> Iterator[Finding]:
    if looked.configuration is None:
        yield Finding("identity", "skipped", "needs: configuration")
        return
    instances = looked.configuration.instances or (Instance(),)
    try:
        sources = Counter(choose(looked.configuration, each, looked.created).source for each in instances)
    except ConfigurationError as error:
        yield Finding("identity", "failed", str(error), 2)
        return
    made = f"the cluster is of {looked.created}" if looked.created else "when the cluster was made is not known"
    mode = looked.configuration.token_mode
    why = (
        f"token-mode auto, and {made} (managedRole from {MANAGED_ROLE_SINCE} on)"
        if mode == "auto"
        else f"token-mode {mode}"
    )
    lines = [f"{', '.join(f'{source} ({number})' for source, number in sources.items())}: {why}"]
    lines.append(
        f"its RAM role needs {', '.join(ACTIONS)}; which it lacks shows where agents are refused, and by `get IMAGE`"
    )
    if "rrsa" in sources:
        lines.append(f"RRSA roles trust ServiceAccounts by name: {' and '.join(TRUSTED)} are to be among them")
    if "managedRole" in sources and looked.has_managed_role is None:
        lines.append(f"whether Secret {SYSTEM_NAMESPACE}/{MANAGED_ROLE_SECRET} is there may not be read")
    if "managedRole" in sources and looked.has_managed_role is False:
        lines.append(
            f"Secret {SYSTEM_NAMESPACE}/{MANAGED_ROLE_SECRET} is not there, so the managed role has no session: "
            "authorise AliyunCSManagedAcrRole in the console, or set token-mode: workerRole"
        )
        yield Finding("identity", "failed", "\n".join(lines), 1)
        return
    lacking = denials(looked.refusals)
    if lacking:
        yield Finding("identity", "failed", "\n".join([*lines, *lacking]), 1)
        return
    yield Finding("identity", "ok", "\n".join(lines))


def denials(refusals: Sequence[str]) -> list[str]:
    """Return which rights the cloud missed, by what Events say of refusals: one line for each action and Code."""
    found: dict[tuple[str, str], str] = {}
    for said in refusals:
        code, action = _CODE.search(said), _ACTION.search(said)
        if code is not None and re.fullmatch(DENIED_CODE, code["code"], re.IGNORECASE):
            found.setdefault((action["action"] if action else "", code["code"]), said)
    return [
        f"refused within the last hour, {f'{action} is missing, ' if action else ''}Code {code}: {said}"
        for (action, code), said in found.items()
    ]


def _old_secret(looked: Looked) -> Iterator[Finding]:
    census = looked.counted
    lines = [f"{SECRET} is named by {counted(census.accounts.number, 'ServiceAccount')}"]
    if census.workloads.number:
        lines.append(
            f"and, on their own, by {counted(census.workloads.number, 'workload')}, which lose it with "
            f"compat-secrets: off: {names(census.workloads.names)}"
        )
    yield Finding("old Secret", "ok", "\n".join(lines))


def _own_secrets(looked: Looked) -> Iterator[Finding]:
    own = looked.counted.own
    if own.number:
        told = (
            f"named by {counted(own.number, 'workload')} with ACR images: {names(own.names)}\n"
            "a ServiceAccount's Secrets never reach them; the plugin does, after those Secrets"
        )
        yield Finding("own Secrets", "ok", told)
    else:
        yield Finding("own Secrets", "ok", "no workload with ACR images names any")


def _incumbent(looked: Looked) -> Iterator[Finding]:
    writer = looked.writer or Writer()
    if writer.replicas is not None:
        told = f"Deployment {SYSTEM_NAMESPACE}/{INCUMBENT} is there, with {counted(writer.replicas, 'replica')}"
    elif writer.lately:
        told = f"no Deployment {INCUMBENT}, but somebody writes its Secrets: the managed component?"
    else:
        told = "nobody else writes the Secrets"
    if writer.left:
        told += f"\n{counted(writer.left, 'Secret')} {SECRET} of other writers"
    if writer.lately:
        told += f"\nwritten within a day by {names(writer.lately)}"
    yield Finding("incumbent", "ok", told)


PARTS: Mapping[str, Callable[[Looked], Iterator[Finding]]] = {
    "kubelets": _kubelets,
    "virtual nodes": _virtual,
    "configuration": _configuration,
    "identity": _identity,
    "images": _images,
    "old Secret": _old_secret,
    "own Secrets": _own_secrets,
    "incumbent": _incumbent,
}
"""What is looked at, in the order in which it is told."""
