"""`agent place`, in the DaemonSet's init container: puts this program on the host that its pod is on, or takes it off.

The kubelet is restarted, and another program placed, in this node's turn alone: see `provider.agent.rollout`. Where
nothing of that is to be done, as after a boot, nobody is waited for.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import TextIO

from provider.agent.host import PROC, Host
from provider.agent.options import MOUNTS, add_common_options, check_cluster_id
from provider.agent.place_ending import Ending
from provider.agent.place_furnish import Furnish, Site, clear
from provider.agent.place_job import Command, Job, Task, do
from provider.agent.place_telling import Attempts, Cluster, Telling
from provider.agent.rollout import REMOVAL
from provider.agent.rollout_rules import Asking
from provider.agent.rollout_turn import Turn
from provider.agent.slots import Clocks, Slots
from provider.errors import ConfigurationError
from provider.kubernetes.client import open_client
from provider.kubernetes.node_lease import NodeState
from provider.node.bundle.source import source
from provider.places import PROGRAM


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add this duty's options."""
    add_common_options(parser)
    parser.add_argument(
        "--slots", metavar="N", type=int, default=1, help="how many kubelets may be restarted at once (default: 1)"
    )
    parser.add_argument(
        "--restart",
        choices=("rolling", "never"),
        default="rolling",
        help="rolling: kubelets are restarted, N at once; never: it takes effect at their next start "
        "(default: %(default)s)",
    )
    parser.add_argument("--delivery", choices=("flags", "docker-config"), help="as install's own")
    parser.add_argument("--remove", action="store_true", help="take the program off the node")
    parser.add_argument(
        "--host-proc", metavar="DIR", default=PROC, help="where the host's /proc is mounted (default: %(default)s)"
    )


def run(parsed: argparse.Namespace, stdout: TextIO, stderr: TextIO) -> int:
    """Do the duty, and return the exit status. Raises ConfigurationError for wrong use."""
    _check(parsed)

    def line(text: str) -> None:
        stderr.write(f"{text}\n")
        stderr.flush()

    ending = Ending()
    ending.listen()
    host = Host(parsed.host_proc, source().folder)
    site = Site(host, host.tree, MOUNTS, gpu=host.has_gpu)
    with open_client(parsed.kubeconfig) as client:
        clocks = Clocks(time.time, time.monotonic, ending.wait)
        cluster = Cluster(client, parsed.namespace, clocks, Attempts(time.monotonic, partial(_say, line)))
        return do(job_for(parsed, cluster, site, line))


def job_for(parsed: argparse.Namespace, cluster: Cluster, site: Site, line: Callable[[str], None]) -> Job:
    """Put a run together. `line`: takes what goes to the container's log."""
    say = partial(_say, line)
    removes: bool = parsed.remove
    slots = Slots(cluster.client, cluster.namespace, parsed.node, cluster.clocks)
    telling = Telling(cluster, NodeState(parsed.node, "waiting", site.version, gpu=site.gpu))
    asking = Asking(parsed.node, REMOVAL if removes else site.version, parsed.slots, site.gpu)
    delivery = [f"--delivery={parsed.delivery}"] if parsed.delivery else []
    command: Command = "uninstall" if removes else "install"
    furnish = Furnish(parsed, cluster, site, telling, say)

    def before() -> None:
        if not removes:
            furnish()

    return Job(
        task=Task(command, () if removes else delivery, parsed.restart == "rolling"),
        host=site.host,
        before=before,
        after=lambda: clear(site) if removes else None,
        slots=slots,
        turn=Turn(asking, slots, telling, cluster.clocks, say, before),
        telling=telling,
        clocks=cluster.clocks,
        attempt=cluster.attempt,
        say=say,
        pass_on=line,
    )


def _say(line: Callable[[str], None], text: str) -> None:
    line(f"{PROGRAM}: {text}")


def _check(parsed: argparse.Namespace) -> None:
    if parsed.slots < 1:
        raise ConfigurationError(f"--slots {parsed.slots}: must be 1 at least, or no node ever has its turn")
    check_cluster_id(parsed)
