"""What the agent of a node measures, for Prometheus."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge

from provider.kubernetes.node_lease import NodeState

PREFIX = "acr_credential_provider_"


class NodeMetrics:
    """The figures of one node, and where they are read."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._in_step = Gauge(
            f"{PREFIX}configuration_in_step",
            "Whether the node has what the ConfigMap says, or there is none (1), or it is wrong (0).",
            registry=self.registry,
        )
        self._ends = Gauge(
            f"{PREFIX}identity_end_timestamp_seconds",
            "When an identity that was copied to the node ends, in seconds since the epoch.",
            ["identity"],
            registry=self.registry,
        )
        self._told: set[str] = set()
        self._refusals = Gauge(
            f"{PREFIX}refusals", "Hosts that were refused in the last 15 minutes.", ["cause"], registry=self.registry
        )
        self._restart_pending = Gauge(
            f"{PREFIX}restart_pending",
            "Whether the kubelet does not use what is installed before its next start (1).",
            registry=self.registry,
        )
        self._requests = Counter(
            f"{PREFIX}api_requests",
            "Requests to the API server; status 0: nobody answered.",
            ["method", "status"],
            registry=self.registry,
        )

    def count(self, method: str, status: int) -> None:
        """Count a request to the API server."""
        self._requests.labels(method, str(status)).inc()

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
