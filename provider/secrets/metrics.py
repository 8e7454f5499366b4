"""What the writer of the Secrets measures, for Prometheus."""

from collections.abc import Mapping
from typing import get_args

from provider.kubernetes.figures import Figures
from provider.kubernetes.node_lease import State
from provider.secrets.token_report import Report

SILENT = "silent"
STATES = (*get_args(State), SILENT)
"""Of nodes; silent: its Lease is not renewed."""
RENEWED, FAILED = "renewed", "failed"


class Metrics(Figures):
    """The figures of one writer."""

    def __init__(self) -> None:
        super().__init__()
        self._writes = self._counter("secret_writes", "Writes of Secrets, by what became of them.", "result")
        self._renewals = self._counter(
            "token_renewals",
            "Tokens asked for; where one could not be had, by cause (refused, unreachable, configuration).",
            "result",
            "cause",
        )
        self._end = self._gauge(
            "token_end_timestamp_seconds",
            "When the last token of a target ends or has ended, in seconds since the epoch; 0: there was none.",
            "target",
        )
        self._ends: dict[str, int] = {}
        self._secret_end = self._gauge(
            "secret_end_timestamp_seconds",
            "When the first token in a Secret of ours ends or has ended, in seconds since the epoch; 0: there is none.",
        )
        self._threshold = self._gauge("token_expiring_threshold_seconds", "How long before its end a token is renewed.")
        self._leader = self._gauge("leader", "Whether this one writes the Secrets (1).")
        self._in_step = self._gauge(
            "configuration_in_step",
            "Whether what the ConfigMap says is in force, or there is none (1), or it is wrong (0).",
        )
        self._namespaces = self._gauge("secret_namespaces", "Namespaces that are to have a Secret, by state.", "state")
        self._nodes = self._gauge("nodes", "Nodes by state; only the one that writes the Secrets tells it.", "state")

    def wrote(self, result: str) -> None:
        """Count a write of a Secret."""
        self._writes.labels(result).inc()

    def renewed(self, report: Report) -> None:
        """Take what asking for tokens came to."""
        self._renewals.labels(RENEWED, "").inc(report.renewed)
        for failure in report.failed:
            self._renewals.labels(FAILED, failure.cause).inc()
        # An end stays when it is past: that is when it matters most.
        known = self._ends if report.is_whole else {}
        kept = {} if report.is_whole else self._ends
        self._ends = kept | {target: end or known.get(target, 0) for target, end in report.ends}
        self._end.clear()
        for target, end in self._ends.items():
            self._end.labels(target).set(end)

    def threshold(self, seconds: int) -> None:
        """Take `expiring-threshold`."""
        self._threshold.set(seconds)

    def secrets_end(self, end: int) -> None:
        """Take when the first token in a Secret ends; 0: there is none in any."""
        self._secret_end.set(end)

    def leads(self, *, leads: bool) -> None:
        """Take whether this one writes. Who does not tells nothing of nodes, or they would be counted twice."""
        self._leader.set(leads)
        if not leads:
            self._nodes.clear()

    def in_step(self, *, in_step: bool) -> None:
        """Take whether the configuration is."""
        self._in_step.set(in_step)

    def namespaces(self, counts: Mapping[str, int]) -> None:
        """Take how many namespaces there are of each state."""
        for state, count in counts.items():
            self._namespaces.labels(state).set(count)

    def nodes(self, counts: Mapping[str, int]) -> None:
        """Take how many nodes there are of each state."""
        for state in STATES:
            self._nodes.labels(state).set(counts.get(state, 0))
