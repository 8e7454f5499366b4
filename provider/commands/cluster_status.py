"""What is to be said of a cluster as Leases, nodes and Secrets show it: what is well, or waits, or is wrong. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from provider.agent.rollout import Record
from provider.commands.get import moment
from provider.commands.status_lines import Line
from provider.kubernetes.names import SECRET
from provider.kubernetes.node_lease import NodeState
from provider.places import PROGRAM

MOST_NAMES = 10
"""Told of a group; the rest is counted."""
NOT_DONE = ("waiting", "installing")
LEAVING = ("removing", "removed")
WITHOUT = ("removed", "unable")
"""Without the program."""
NOTHING_WRITTEN = Record()


@dataclass(frozen=True, slots=True)
class ClusterNode:
    """A node, as the cluster knows it."""

    name: str
    is_virtual: bool = False
    is_linux: bool = True


@dataclass(frozen=True, slots=True)
class SecretsSeen:
    """The compatibility Secrets of all namespaces."""

    ours: int = 0
    others: Sequence[str] = ()
    """Namespaces where another writer has it."""
    nearest_end: float = 0.0
    """Of the tokens in ours, seconds since the epoch; 0: there are none."""


@dataclass(frozen=True, slots=True)
class ClusterSeen:
    """All that was looked at. What could not be read is None, and `unreadable` says why."""

    now: float
    states: Sequence[NodeState]
    record: Record = NOTHING_WRITTEN
    writer: str = ""
    """The pod that writes Secrets; empty: none."""
    nodes: Sequence[ClusterNode] | None = None
    secrets: SecretsSeen | None = None
    unreadable: Sequence[str] = ()

    @property
    def leaves(self) -> bool:
        """Tell whether the program is being taken off the nodes."""
        gone = {*self.gone}
        return any(state.state in LEAVING for state in self.states if state.node not in gone)

    @property
    def silent(self) -> list[str]:
        """The nodes that should say how they are, and do not any more."""
        known = self._known
        return [
            state.node
            for state in self.states
            if state.state != "removed" and state.is_silent(self.now) and (known is None or state.node in known)
        ]

    @property
    def gone(self) -> list[str]:
        """The nodes that have a Lease and are no longer in the cluster."""
        known = self._known
        return [state.node for state in self.states if known is not None and state.node not in known]

    @property
    def current(self) -> list[NodeState]:
        """What the nodes say that still do and are there."""
        away = {*self.silent, *self.gone}
        return [state for state in self.states if state.node not in away]

    @property
    def without_agent(self) -> list[str]:
        """The nodes that could have one, and never said anything."""
        told = {state.node for state in self.states}
        able = (node.name for node in self.nodes or () if node.is_linux and not node.is_virtual)
        return [name for name in able if name not in told]

    @property
    def unreachable(self) -> list[str]:
        """The nodes that can have none: Secrets serve their pods."""
        return [*self.virtual, *self.unable]

    @property
    def virtual(self) -> list[str]:
        """The nodes that are no machines."""
        return [node.name for node in self.nodes or () if node.is_virtual]

    @property
    def unable(self) -> list[str]:
        """The nodes whose agent says that the program cannot be there."""
        return [state.node for state in self.current if state.state == "unable"]

    @property
    def _known(self) -> set[str] | None:
        return {node.name for node in self.nodes} if self.nodes is not None else None


def assess_cluster(seen: ClusterSeen) -> list[Line]:
    """Return a line for everything that was looked at, in an order that a reader can follow."""
    return [line for look_at in PARTS for line in look_at(seen)]


def names(found: Iterable[str]) -> str:
    """Return some names, and how many more there are."""
    listed = sorted(found)
    more = f" and {len(listed) - MOST_NAMES} more" if len(listed) > MOST_NAMES else ""
    return f"{', '.join(listed[:MOST_NAMES])}{more}"


def counted(number: int, word: str) -> str:
    """Return `1 node`, `2 nodes`."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def _nodes(seen: ClusterSeen) -> Iterator[Line]:
    if not seen.states:
        yield Line("nodes", "wrong", f"no node has said anything yet: is the chart of {PROGRAM} installed?")
        return
    states = Counter[str](state.state for state in seen.current)
    states.update(["silent"] * len(seen.silent))
    told = ", ".join(f"{number} {state}" for state, number in states.most_common())
    yield Line("nodes", "ok", f"{counted(len(seen.states) - len(seen.gone), 'node')}: {told}")
    for state in _shown([state for state in seen.current if state.state == "failed"]):
        yield Line("failed", "wrong", f"{state.node}: {state.detail or 'its agent says no more'}")
    for state in _shown([state for state in seen.current if state.state == "unable"]):
        yield Line("unable", "note", f"{state.node}, served by Secrets: {state.detail or 'its agent says no more'}")
    if seen.silent:
        yield Line("silent", "wrong", f"not heard of for a quarter of an hour: {names(seen.silent)}")
    if seen.without_agent and not seen.leaves:
        yield Line("without agent", "wrong", f"{names(seen.without_agent)}: is the DaemonSet's pod running there?")
    if seen.gone:
        yield Line("gone", "note", f"{names(seen.gone)}: no longer in the cluster; the Leases may be deleted")


def _configuration(seen: ClusterSeen) -> Iterator[Line]:
    for state in _shown([state for state in seen.current if state.configuration]):
        yield Line("configuration", "wrong", f"{state.node} keeps the last good one: {state.configuration}")
    refused = [f"{state.node} ({state.refusals})" for state in seen.current if state.refusals]
    if refused:
        yield Line("refusals", "note", f"hosts refused lately: {names(refused)}; `doctor` there says why")


def _versions(seen: ClusterSeen) -> Iterator[Line]:
    versions = Counter(state.version for state in seen.current if state.version and state.state not in WITHOUT)
    if versions:
        told = ", ".join(f"{version} on {counted(number, 'node')}" for version, number in versions.most_common())
        yield Line("versions", "ok" if len(versions) == 1 else "note", told)


def _rollout(seen: ClusterSeen) -> Iterator[Line]:
    stopped = seen.record.holding(seen.now)
    for name, stop in stopped.items():
        told = f"version {stop.version} is held up by {name} until {moment(stop.until)} at least: {stop.reason}"
        yield Line("roll-out", "wrong", told)
    at_work = [state.node for state in seen.current if state.state in NOT_DONE]
    if at_work and not stopped:
        yield Line("roll-out", "pending", f"goes on: {names(at_work)} not done")
    if seen.record.canary_node:
        yield Line("canary", "ok", f"{seen.record.canary_node}, with version {seen.record.canary_version}")
    waiting = [state.node for state in seen.current if state.restart_pending or state.state == "pending"]
    if waiting:
        yield Line("restart", "pending", f"takes effect with the kubelet's next start: {names(waiting)}")


def _removal(seen: ClusterSeen) -> Iterator[Line]:
    if not seen.leaves:
        return
    gone = {*seen.gone}
    left = [state.node for state in seen.states if state.state != "removed" and state.node not in gone]
    left += seen.without_agent
    if left:
        yield Line("removal", "pending", f"not removed yet: {names(left)}")
    else:
        yield Line("removal", "ok", "all nodes are as before: `helm uninstall` takes the rest")


def _secrets(seen: ClusterSeen) -> Iterator[Line]:
    found = seen.secrets
    if found is None:
        return
    if found.others:
        yield Line("Secrets", "note", f"{SECRET} is another writer's in {names(found.others)}: left alone")
    if not found.ours:
        yield Line("Secrets", "ok", "none of ours")
        return
    left = found.nearest_end - seen.now
    told = f"{counted(found.ours, 'Secret')}, the nearest end {moment(found.nearest_end)}"
    if found.nearest_end and left <= 0:
        yield Line("Secrets", "wrong", f"{told} is over: nobody renews them; see the log of {PROGRAM}-secrets")
    else:
        yield Line("Secrets", "ok", told)
    if not seen.writer:
        yield Line("writer", "wrong", "no pod holds the writer's Lease: Secrets are not renewed")
    else:
        yield Line("writer", "ok", seen.writer)


def _can_go(seen: ClusterSeen) -> Iterator[Line]:
    """Whether the Secrets are still needed."""
    if seen.secrets is None or not seen.secrets.ours or seen.leaves:
        return
    if seen.nodes is None:
        yield Line("compat-secrets", "note", "whether they can go is not known: the nodes cannot be listed")
        return
    if seen.unreachable:
        told = f"needed: {names(seen.unreachable)} cannot run the plugin"
        yield Line("compat-secrets", "note", told)
        return
    unready = [state.node for state in seen.states if state.state != "ready" and state.node not in seen.gone]
    unready += [*seen.silent, *seen.without_agent]
    if unready:
        yield Line("compat-secrets", "note", f"needed until these nodes answer by themselves: {names(set(unready))}")
    else:
        told = (
            "every node answers by itself: `compat-secrets: off` takes them away, unless something in the cluster "
            f"reads imagePullSecrets itself, or workloads name {SECRET} (`doctor --cluster` lists them)"
        )
        yield Line("compat-secrets", "note", told)


def _unreadable(seen: ClusterSeen) -> Iterator[Line]:
    yield from (Line("not looked at", "note", why) for why in seen.unreadable)


def _shown(states: Sequence[NodeState]) -> Iterator[NodeState]:
    ordered = sorted(states, key=lambda state: state.node)
    yield from ordered[:MOST_NAMES]
    if len(ordered) > MOST_NAMES:
        rest = ordered[MOST_NAMES:]
        yield NodeState(names(state.node for state in rest), "failed", detail="likewise", configuration="likewise")


PARTS: tuple[Callable[[ClusterSeen], Iterator[Line]], ...] = (
    _nodes, _configuration, _versions, _rollout, _removal, _secrets, _can_go, _unreadable,
)  # fmt: skip
