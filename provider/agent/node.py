"""`agent node`: keeps configuration and identities of the node in step with the cluster, and tells how the node is.

Runs in the DaemonSet's main container, as root without capabilities. The node's files are copied from what the kubelet
mounts; the API server is told how the node is, and asked for nothing.
"""

import argparse
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import TextIO

from provider.agent.configuration import NAMED, Checks, Outcome, put_configuration, take_configuration_back
from provider.agent.identities import IDENTITIES, Identities, take_identities_back
from provider.agent.node_cluster import Cluster
from provider.agent.node_config_file import ConfigFile
from provider.agent.node_date import ClusterDate
from provider.agent.node_metrics import NodeMetrics
from provider.agent.node_state import Found, complaints_of, recent_refusals, state_of_node
from provider.agent.options import MOUNTS, add_common_options
from provider.errors import ProviderError, place_of
from provider.kubernetes.client import open_client
from provider.kubernetes.names import CONFIG_MAP
from provider.kubernetes.probes import Health, address_of, serve
from provider.node import report
from provider.node.files import NodeError
from provider.places import DEFAULTS, PROGRAM, Places

ROUND_SECONDS = 5.0
LISTEN = "127.0.0.1:10358"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the chart gives."""
    add_common_options(parser)
    parser.add_argument(
        "--listen", metavar="HOST:PORT", default=LISTEN, help="for probes and metrics (default: %(default)s)"
    )
    parser.add_argument(
        "--removed", action="store_true", help="take away what the agent wrote on the node, and only say so"
    )


def run(
    parsed: argparse.Namespace,
    stdout: TextIO,
    stderr: TextIO,
    places: Places | None = None,
    mounts: str = MOUNTS,
    seconds: float = ROUND_SECONDS,
) -> int:
    """Go on until a signal ends it. `places`, `mounts`: where things are; the usual ones in the chart's pods.

    `seconds`: between two rounds. Raises ProviderError where it cannot begin, or must begin anew.
    """

    def say(line: str) -> None:
        stderr.write(f"{PROGRAM}: {line}\n")
        stderr.flush()

    end_at_once()
    address, port = address_of(parsed.listen)
    server = None
    try:
        # What is wrong with the way to the API server is said at once, though nobody is asked yet.
        open_client(parsed.kubeconfig).close()
        metrics, health = NodeMetrics(), Health()
        places = places or Places(DEFAULTS)
        cluster = Cluster(parsed.namespace, lambda: open_client(parsed.kubeconfig), metrics.asked, say)
        date = ClusterDate(lambda: open_client(parsed.kubeconfig), places, parsed.cluster_id, metrics.asked, say)
        agent = NodeAgent(parsed, places, mounts, Means(cluster, metrics, health, say))
        server = serve(address, port, health, metrics.registry)
        say(f"probes and metrics on {address} port {server.port}")
        if parsed.removed:
            cluster.start()
        else:
            cluster.start(date.take_turn)
        while True:
            agent.round()
            time.sleep(seconds)
    except Ended:
        return 0
    finally:
        if server is not None:
            server.close()


@dataclass(frozen=True, slots=True)
class Means:
    """Whom the agent tells what it finds."""

    cluster: Cluster
    metrics: NodeMetrics
    health: Health
    say: Callable[[str], None]


class NodeAgent:
    """One node, looked after in rounds."""

    def __init__(self, parsed: argparse.Namespace, places: Places, mounts: str, means: Means) -> None:
        self._node: str = parsed.node
        self._removed: bool = parsed.removed
        self._token_mode: str = parsed.token_mode
        self._places = places
        self._config = ConfigFile(places.config)
        self._mounts = mounts
        self._report = f"{places.state}/{os.path.basename(report.FOLDER)}"
        self._means = means
        self._identities = Identities(mounts, places.identities)
        self._checks = Checks()
        self._since = time.time()
        self._said: list[str] = []

    def round(self) -> None:
        """Look once, put right what is not in step, and tell. Raises ProviderError where the pod must begin anew."""
        try:
            self._round()
        except NodeFolderGone:
            raise
        except Exception as error:
            # No beat: where it stays so, the probe has it started anew.
            self._means.health.not_ready(place_of(error))
            self._tell([place_of(error)])
        else:
            self._means.health.beat()

    def _round(self) -> None:
        now = time.time()
        configuration, ends, problems = self._take_back() if self._removed else self._put()
        found = self._found(configuration)
        state = state_of_node(self._node, found, self._since, now)
        self._means.metrics.take(state, ends, recent_refusals(found.report, now))
        self._means.cluster.tell(state, complaints_of(found, now))
        if configuration.state == "wrong":
            problems = [configuration.detail, *problems]
        if problems:
            self._means.health.not_ready("\n".join(problems))
        else:
            self._means.health.ready()
        self._tell([f"configuration {configuration.state}", f"node {state.state}: {state.detail}", *problems])

    def _put(self) -> tuple[Outcome, dict[str, float | None], list[str]]:
        """Bring everything in step; returns also what did not work."""
        places = self._places
        check_folders(*map(os.path.dirname, (places.config, places.cluster)), places.identities, self._report)
        source = f"{self._mounts}/{CONFIG_MAP}"
        configuration = put_configuration(source, self._config, self._token_mode, self._checks)
        self._means.health.beat()
        ends: dict[str, float | None] = {}
        problems = []
        for identity in IDENTITIES:
            ends[identity.name] = None
            try:
                ends[identity.name] = self._identities.put(identity)
            except NodeError as error:
                problems.append(str(error))
        return configuration, ends, problems

    def _take_back(self) -> tuple[Outcome, dict[str, float | None], list[str]]:
        problems = []
        try:
            take_configuration_back(self._config)
            take_identities_back(self._places.identities)
        except NodeError as error:
            problems.append(str(error))
        return Outcome("absent", f"{NAMED} is not copied any more"), {each.name: None for each in IDENTITIES}, problems

    def _found(self, configuration: Outcome) -> Found:
        try:
            return Found(configuration, report.read(self._report), removed=self._removed)
        except NodeError as error:
            return Found(configuration, problem=str(error), removed=self._removed)

    def _tell(self, lines: list[str]) -> None:
        """Say what is new since the last round."""
        for line in lines:
            if line not in self._said:
                self._means.say(" ".join(line.split()).removesuffix(":"))
        self._said = lines


class NodeFolderGone(ProviderError):
    """A folder of the node was taken away while it was mounted here; what is written into it now, nobody reads."""


def check_folders(*folders: str) -> None:
    """Raise NodeFolderGone where a folder that is mounted here is no longer the node's."""
    for folder in folders:
        try:
            gone = os.stat(folder).st_nlink == 0
        except OSError:
            # Who needs it says so.
            continue
        if gone:
            raise NodeFolderGone(f"{folder} was taken away on the node, and is there anew: this begins anew too")


class Ended(BaseException):
    """A signal ended it."""


def end_at_once() -> None:
    """Let SIGTERM and SIGINT end whatever is under way: each write is whole, or not done at all."""

    def end(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        raise Ended

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, end)
