"""What is to be said of the node, from its report and its configuration. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from provider.agent.configuration import Outcome
from provider.kubernetes.node_lease import NodeState, State
from provider.node.report import NAME, STALE_SECONDS, Refusal, Report

RECENT_SECONDS = 15 * 60
"""How long a refusal counts: three reports. A pod that goes on failing is refused again within five minutes."""
_REMOVED: tuple[State, str] = ("removed", "")
CAUSES = ("refused", "unreachable", "configuration")
LASTING = ("refused", "configuration")
"""What stays until somebody does something, and is no matter of one node's network."""
MOST_REFUSALS = 3
"""Of one node, said in Events."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is to be said in an Event on the ConfigMap."""

    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a round found."""

    configuration: Outcome
    report: Report | None = None
    problem: str = ""
    """Why the report cannot be read."""
    removed: bool = False
    """Whether what the agent wrote is taken away, and not renewed."""


def state_of_node(node: str, found: Found, since: float, now: float) -> NodeState:
    """Return what the node's Lease is to say, but for what only `agent place` knows, and for when it is written.

    `since`: when the agent began, in seconds since the epoch; a first report may take as long as one takes to grow
    stale.
    """
    report = found.report
    state, detail = _REMOVED if found.removed else _of_report(report, found.problem, since, now)
    return NodeState(
        node=node,
        state=state,
        version=report.version if report is not None and not found.removed else "",
        detail=detail,
        restart_pending=report is not None and report.restart_pending and not found.removed,
        refusals=sum(recent_refusals(report, now).values()),
        configuration=found.configuration.detail if found.configuration.state == "wrong" else "",
    )


def recent_refusals(report: Report | None, now: float) -> Counter[str]:
    """Return how many hosts were refused lately, by cause."""
    counted = Counter(dict.fromkeys(CAUSES, 0))
    if report is not None:
        counted.update(refusal.cause for refusal in _recent(report, now))
    return counted


def complaints_of(found: Found, now: float) -> tuple[Complaint, ...]:
    """Return what is to be said in Events, in words that are the same on every node that finds the same."""
    made = []
    if found.configuration.fault == "configuration":
        made.append(Complaint("ConfigurationWrong", found.configuration.detail))
    if found.report is not None and not found.removed:
        lines = [refusal.line for refusal in _recent(found.report, now) if refusal.cause in LASTING]
        made += [Complaint("CredentialsRefused", line) for line in list(dict.fromkeys(lines))[:MOST_REFUSALS]]
    return tuple(made)


def _recent(report: Report, now: float) -> list[Refusal]:
    return [refusal for refusal in report.refusals if abs(now - refusal.moment) <= RECENT_SECONDS]


def _of_report(report: Report | None, problem: str, since: float, now: float) -> tuple[State, str]:
    if report is None:
        waited = now - since > STALE_SECONDS
        detail = problem or f"nobody has reported yet ({NAME} of install or repair)"
        return ("failed" if waited or problem else "pending"), detail
    if report.is_stale(now):
        return "failed", f"nobody has looked at the node since {_moment(report.written)}: does the timer of repair run?"
    if report.wrong:
        return "failed", _joined(report.wrong)
    return ("pending", _joined(report.waiting)) if report.waiting else ("ready", "")


def _joined(lines: Iterable[str]) -> str:
    return "; ".join(lines)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
