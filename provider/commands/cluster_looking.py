"""Reads what `doctor --cluster` tells of: one thing at a time, page by page, and goes on where it may not."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from lightkube.resources.coordination_v1 import Lease

from provider.commands.cluster_census import Census
from provider.commands.cluster_migration import INCUMBENT, Looked, Writer
from provider.commands.cluster_reading import Cluster
from provider.commands.cluster_wire import (
    ConfigMapObject,
    CronJobObject,
    DaemonSetObject,
    DeploymentObject,
    EventObject,
    NamespaceMade,
    NodeObject,
    PodObject,
    SecretThere,
    StatefulSetObject,
)
from provider.config.configuration import read_configuration
from provider.config.values import Configuration
from provider.kubernetes.client import FORBIDDEN, ApiFailure
from provider.kubernetes.configuration_text import render
from provider.kubernetes.names import CONFIG_MAP, FIELD_MANAGER, MANAGED_ROLE_SECRET, SECRET, SYSTEM_NAMESPACE
from provider.kubernetes.node_lease import KIND, NODE
from provider.secrets.wire import ServiceAccountObject

LATELY_SECONDS = 24 * 3600
REFUSALS = ("CredentialsRefused", "TokenRefused")
"""Reasons of the Events in which agents and writer tell what the cloud refused."""
REFUSED_SECONDS = 70 * 60
"""How long such an Event counts: it is made anew each hour, while it lasts."""
WORKLOADS: Sequence[tuple[str, type[Any]]] = (
    ("Deployment", DeploymentObject),
    ("StatefulSet", StatefulSetObject),
    ("DaemonSet", DaemonSetObject),
    ("CronJob", CronJobObject),
)


class Where(NamedTuple):
    """What is looked at, and when."""

    cluster: Cluster
    namespace: str
    """Where our Leases are."""
    now: float


def look(cluster: Cluster, namespace: str, now: float | None = None) -> Looked:
    """Return all that may be read. Raises ApiFailure where the API server does not answer."""
    where = Where(cluster, namespace, time.time() if now is None else now)
    looked = Looked(cluster.server)
    unreadable: dict[str, str] = {}
    for steps, read in READS:
        try:
            looked = read(where, looked)
        except ApiFailure as failure:
            if failure.status != FORBIDDEN:
                raise
            unreadable |= dict.fromkeys(steps, str(failure))
    return replace(looked, unreadable=unreadable)


def _created(where: Where, looked: Looked) -> Looked:
    found = where.cluster.find(NamespaceMade, f"namespace {SYSTEM_NAMESPACE}", SYSTEM_NAMESPACE)
    moment = _epoch(found.metadata.creation_timestamp) if found is not None else 0.0
    return replace(looked, created=datetime.fromtimestamp(moment, UTC).date() if moment else None)


def _configuration(where: Where, looked: Looked) -> Looked:
    named = f"ConfigMap {SYSTEM_NAMESPACE}/{CONFIG_MAP}"
    found = where.cluster.find(ConfigMapObject, named, CONFIG_MAP, SYSTEM_NAMESPACE)
    if found is None:
        return replace(looked, configuration=Configuration())
    reading = read_configuration(render(found.data or {}), CONFIG_MAP)
    # The lines are those of a text that nobody has seen.
    wrong = [str(replace(finding, line=0)) for finding in reading.findings]
    configuration = None if wrong else reading.configuration
    return replace(looked, has_config_map=True, configuration=configuration, wrong=wrong)


def _managed_role(where: Where, looked: Looked) -> Looked:
    named = f"Secret {SYSTEM_NAMESPACE}/{MANAGED_ROLE_SECRET}"
    found = where.cluster.find(SecretThere, named, MANAGED_ROLE_SECRET, SYSTEM_NAMESPACE)
    return replace(looked, has_managed_role=found is not None)


def _refusals(where: Where, looked: Looked) -> Looked:
    about = {"involvedObject.kind": "ConfigMap", "involvedObject.name": CONFIG_MAP}
    events = where.cluster.each(EventObject, f"Events of {SYSTEM_NAMESPACE}", SYSTEM_NAMESPACE, fields=about)
    lately = [
        event.message
        for event in events
        if event.reason in REFUSALS and where.now - _epoch(event.last_timestamp or "") < REFUSED_SECONDS
    ]
    return replace(looked, refusals=sorted(lately))


def _nodes(where: Where, looked: Looked) -> Looked:
    kubelets, virtual = Counter[str](), []
    for node in where.cluster.each(NodeObject, "the nodes"):
        if node.is_virtual:
            virtual.append(node.metadata.name)
        else:
            kubelets[node.status.node_info.kubelet_version] += 1
    return replace(looked, kubelets=kubelets, virtual=virtual)


def _census(where: Where, looked: Looked) -> Looked:
    instances = looked.configuration.instances if looked.configuration is not None else ()
    return replace(looked, census=Census([domain for instance in instances for domain in instance.domains]))


def _pods(where: Where, looked: Looked) -> Looked:
    for pod in where.cluster.each(PodObject, "the pods"):
        looked.counted.add_pod(pod.spec)
        if not pod.metadata.owner_references:
            looked.counted.add_bare_pod(pod.metadata.namespace, pod.metadata.name, pod.spec)
    return looked


def _accounts(where: Where, looked: Looked) -> Looked:
    for account in where.cluster.each(ServiceAccountObject, "the ServiceAccounts"):
        pulls = [reference.name for reference in account.imagePullSecrets or ()]
        looked.counted.add_account(account.metadata.namespace, account.metadata.name, pulls)
    return looked


def _workloads(where: Where, looked: Looked) -> Looked:
    for name, kind in WORKLOADS:
        for workload in where.cluster.each(kind, f"the {name}s"):
            spec = workload.spec.job_template.spec if isinstance(workload, CronJobObject) else workload.spec
            metadata = workload.metadata
            looked.counted.add_workload(f"{name} {metadata.namespace}/{metadata.name}", spec.template.spec)
    return looked


def _writer(where: Where, looked: Looked) -> Looked:
    named = f"Deployment {SYSTEM_NAMESPACE}/{INCUMBENT}"
    deployment = where.cluster.find(DeploymentObject, named, INCUMBENT, SYSTEM_NAMESPACE)
    lately, left = set[str](), 0
    for secret in where.cluster.each(SecretThere, f"the Secrets {SECRET}", fields={"metadata.name": SECRET}):
        others = [each for each in secret.metadata.managed_fields if each.manager != FIELD_MANAGER]
        lately |= {each.manager for each in others if where.now - _epoch(each.time) < LATELY_SECONDS}
        left += bool(others)
    replicas = deployment.spec.replicas if deployment is not None else None
    return replace(looked, writer=Writer(replicas, sorted(lately), left))


def _installed(where: Where, looked: Looked) -> Looked:
    leases = where.cluster.each(Lease, "our Leases", where.namespace, labels={KIND: NODE})
    return replace(looked, installed=next(leases, None) is not None)


def _epoch(text: str) -> float:
    """Return seconds since the epoch of a time in RFC 3339; 0 for none."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


READS: Sequence[tuple[Sequence[str], Callable[[Where, Looked], Looked]]] = (
    ((), _created),
    (("configuration",), _configuration),
    ((), _managed_role),
    ((), _refusals),
    (("kubelets", "virtual nodes"), _nodes),
    ((), _census),
    (("old Secret",), _accounts),
    (("images",), _pods),
    (("old Secret", "own Secrets"), _workloads),
    (("incumbent",), _writer),
    ((), _installed),
)
"""How each is read, and which steps have nothing to tell where it may not be."""
