"""What the agent of a node measures, for Prometheus."""

from collections.abc import Mapping

from provider.kubernetes.figures import Figures
from provider.kubernetes.node_lease import NodeState


class NodeMetrics(Figures):
    """The figures of one node."""

    def __init__(self) -> None:
        super().__init__()
        self._in_step = self._gauge(
            "configuration_in_step",
            "Whether the node has what the ConfigMap says, or there is none (1), or it is wrong (0).",
        )
        self._ends = self._gauge(
            "identity_end_timestamp_seconds",
            "When an identity that was copied to the node ends, in seconds since the epoch.",
            "identity",
        )
        self._told: set[str] = set()
        self._refusals = self._gauge("refusals", "Hosts that were refused in the last 15 minutes.", "cause")
        self._restart_pending = self._gauge(
            "restart_pending", "Whether the kubelet does not use what is installed before its next start (1)."
        )

    def take(self, state: NodeState, ends: Mapping[str, float | None], refusals: Mapping[str, int]) -> None:
        """Take what a round found. `ends`: by identity, None where there is none, or it does not say."""
        self._in_step.set(not state.configuration)
        self._restart_pending.set(state.restart_pending)
        for cause, count in refusals.items():
            self._refusals.labels(cause).set(count)
        for identity, end in ends.items():
            if end is not None:
                self._ends.labels(identity).set(end)
                self._told.add(identity)
            elif identity in self._told:
                self._ends.remove(identity)
                self._told.remove(identity)
