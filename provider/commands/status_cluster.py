"""`status --cluster`: how the nodes are, by the Leases that their agents keep; the roll-out; the Secrets."""

import json
import time
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import asdict
from typing import Any, TextIO, TypeVar

from lightkube.resources.coordination_v1 import Lease

from provider.agent.rollout import RECORD, Record, read_record
from provider.commands.assess import is_well
from provider.commands.cluster_reading import Cluster, opened
from provider.commands.cluster_status import ClusterNode, ClusterSeen, SecretsSeen, assess_cluster
from provider.commands.cluster_wire import NodeObject
from provider.commands.get import moment
from provider.commands.status_lines import Line, as_text
from provider.kubernetes.client import FORBIDDEN, ApiFailure
from provider.kubernetes.names import SECRET
from provider.kubernetes.node_lease import state_of
from provider.secrets.cache import secret_view
from provider.secrets.leader import NAME as LEADER
from provider.secrets.wire import SecretObject

NOT_DONE = "not done yet"

Read = TypeVar("Read")


def run(kubeconfig: str, namespace: str, environ: MutableMapping[str, str], stdout: TextIO, *, as_json: bool) -> int:
    """Print what is there; 1 if something is to be mended, or waits. Raises ProviderError where nothing can be read."""
    with opened(kubeconfig, environ) as cluster:
        seen = look(cluster, namespace, time.time())
    lines = assess_cluster(seen)
    stdout.write(json.dumps(fields_of(seen, lines), indent=2) + "\n" if as_json else as_text(lines, NOT_DONE))
    return 0 if is_well(lines) else 1


def look(cluster: Cluster, namespace: str, now: float) -> ClusterSeen:
    """Read all of it. The Leases must be readable; what else is not is named."""
    states, record, writer = [], Record(), ""
    for lease in cluster.each(Lease, f"the Leases in namespace {namespace}", namespace):
        state = state_of(lease)
        name = lease.metadata.name if lease.metadata is not None else ""
        if state is not None:
            states.append(state)
        elif name == RECORD:
            record = read_record(lease)
        elif name == LEADER:
            writer = _holder(lease, now)
    unreadable: list[str] = []

    def unless_forbidden(read: Callable[[], Read]) -> Read | None:
        try:
            return read()
        except ApiFailure as failure:
            if failure.status != FORBIDDEN:
                raise
            unreadable.append(str(failure))
            return None

    nodes = unless_forbidden(lambda: [*_nodes(cluster)])
    secrets = unless_forbidden(lambda: _secrets(cluster))
    return ClusterSeen(now, states, record, writer, nodes, secrets, unreadable)


def fields_of(seen: ClusterSeen, lines: list[Line]) -> dict[str, Any]:
    """Return the JSON form."""
    secrets = seen.secrets
    return {
        "ok": is_well(lines),
        "nodes": [{**asdict(state), "renewed": moment(state.renewed)} for state in seen.states],
        "silent": seen.silent,
        "withoutAgent": seen.without_agent,
        "virtual": seen.virtual,
        "unable": seen.unable,
        "rollout": {
            "canaryNode": seen.record.canary_node,
            "canaryVersion": seen.record.canary_version,
            "stopped": [
                {"node": name, "until": moment(stop.until), "version": stop.version, "reason": stop.reason}
                for name, stop in seen.record.holding(seen.now).items()
            ],
        },
        "writer": seen.writer,
        "secrets": {
            "ours": secrets.ours,
            "others": list(secrets.others),
            "nearestEnd": moment(secrets.nearest_end) if secrets.nearest_end else None,
        }
        if secrets is not None
        else None,
        "lines": [asdict(line) for line in lines],
    }


def _nodes(cluster: Cluster) -> Iterator[ClusterNode]:
    for node in cluster.each(NodeObject, "the nodes"):
        system = node.status.node_info.operating_system
        yield ClusterNode(node.metadata.name, node.is_virtual, system in ("", "linux"))


def _secrets(cluster: Cluster) -> SecretsSeen:
    ours, others, ends = 0, [], []
    for secret in cluster.each(SecretObject, f"the Secrets {SECRET}", fields={"metadata.name": SECRET}):
        view = secret_view(secret)
        if not view.is_ours:
            others.append(view.namespace)
            continue
        ours += 1
        ends += [float(view.end)] if view.end else []
    return SecretsSeen(ours, others, min(ends, default=0.0))


def _holder(lease: Lease, now: float) -> str:
    spec = lease.spec
    if spec is None or spec.renewTime is None:
        return ""
    # A minute for clocks that differ.
    is_over = now - spec.renewTime.timestamp() > (spec.leaseDurationSeconds or 0) + 60
    return "" if is_over else spec.holderIdentity or ""
