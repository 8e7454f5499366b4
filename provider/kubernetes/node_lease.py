"""What is known of a node, in a Lease of its own: `kubectl get leases` shows the cluster. Pure."""

from dataclasses import dataclass
from typing import Literal, get_args

from lightkube.models.coordination_v1 import LeaseSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.coordination_v1 import Lease

from provider.kubernetes.leases import micro_time
from provider.kubernetes.names import PREFIX
from provider.places import PROGRAM

State = Literal["waiting", "installing", "ready", "pending", "failed", "unable", "removing", "removed"]
"""`pending`: installed, and waits for the kubelet's next start, or for what is new in the configuration.
`unable`: the program can never be there (an old kubelet, no systemd); compatibility Secrets serve its pods."""

SECONDS = 900
"""How long a Lease counts without being renewed; the agent renews it in a third of that."""
DETAIL_LIMIT = 300
"""Characters."""

KIND = f"{PREFIX}kind"
NODE = "node"
LABELS = (f"{PREFIX}state", f"{PREFIX}version", f"{PREFIX}gpu")
DETAIL, CONFIGURATION, REFUSALS, RESTART, TRIES = (
    f"{PREFIX}{name}" for name in ("detail", "configuration", "refusals", "restart-pending", "failed-tries")
)


@dataclass(frozen=True, slots=True)
class NodeState:
    """One node, as its agent says."""

    node: str
    state: State
    version: str = ""
    """Of the program that is installed, or being installed."""
    detail: str = ""
    """One line for people; without secrets."""
    gpu: bool = False
    restart_pending: bool = False
    refusals: int = 0
    """How many hosts were refused lately."""
    configuration: str = ""
    """Empty where the node has the ConfigMap's; else why not."""
    tries: str = ""
    """What `agent place` keeps of tries that failed, see provider.agent.rollout_tries; empty: none."""
    renewed: float = 0.0
    """When the agent said so, in seconds since the epoch by the node's clock."""

    def is_silent(self, now: float) -> bool:
        """Tell whether nobody has said anything for longer than a Lease counts."""
        return now - self.renewed > SECONDS


def lease_of(state: NodeState, namespace: str, seconds: int = SECONDS) -> Lease:
    """Return the Lease that says so."""
    labels = dict(zip(LABELS, (state.state, state.version or "none", str(state.gpu).lower()), strict=True))
    said = {
        DETAIL: _line(state.detail),
        CONFIGURATION: _line(state.configuration),
        REFUSALS: str(state.refusals) if state.refusals else "",
        RESTART: "true" if state.restart_pending else "",
        TRIES: state.tries,
    }
    return Lease(
        metadata=ObjectMeta(
            name=state.node,
            namespace=namespace,
            labels={KIND: NODE, "app.kubernetes.io/managed-by": PROGRAM, **labels},
            annotations={key: value for key, value in said.items() if value},
        ),
        spec=LeaseSpec(
            holderIdentity=" ".join(filter(None, (state.state, state.version))),
            leaseDurationSeconds=seconds,
            renewTime=micro_time(state.renewed),
        ),
    )


def state_of(lease: Lease) -> NodeState | None:
    """Return what a Lease says; None for one that is no node's."""
    metadata, spec = lease.metadata, lease.spec
    labels = (metadata.labels or {}) if metadata else {}
    if metadata is None or spec is None or labels.get(KIND) != NODE or labels.get(LABELS[0]) not in get_args(State):
        return None
    said = metadata.annotations or {}
    refusals = said.get(REFUSALS, "")
    version = labels.get(LABELS[1], "")
    return NodeState(
        node=metadata.name or "",
        state=labels[LABELS[0]],
        version="" if version == "none" else version,
        detail=said.get(DETAIL, ""),
        gpu=labels.get(LABELS[2]) == "true",
        restart_pending=said.get(RESTART) == "true",
        refusals=int(refusals) if refusals.isdecimal() else 0,
        configuration=said.get(CONFIGURATION, ""),
        tries=said.get(TRIES, ""),
        renewed=spec.renewTime.timestamp() if spec.renewTime else 0.0,
    )


def _line(text: str) -> str:
    return " ".join(text.split())[:DETAIL_LIMIT]
