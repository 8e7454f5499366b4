"""`agent place`, in the DaemonSet's init container: puts this program on the host that its pod is on, or takes it off.

The kubelet is restarted in this node's turn alone, see `provider.agent.rollout`. Where nothing has to be restarted, as
after a boot, nobody is waited for.
"""

import argparse
import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TextIO

from provider.agent.configuration import put_configuration, take_configuration_back
from provider.agent.host import PROC, Host
from provider.agent.identities import IDENTITIES, put_identity
from provider.agent.place_cluster import PATH as CLUSTER
from provider.agent.place_cluster import content_of, created, write
from provider.agent.place_ending import Ending
from provider.agent.place_job import Command, Job, Task, do
from provider.agent.place_job import Host as HostProtocol
from provider.agent.place_telling import Attempts, Cluster, Telling
from provider.agent.rollout import REMOVAL, Asking
from provider.agent.rollout_turn import Turn
from provider.agent.slots import Clocks, Slots
from provider.cluster import CLUSTER_ID
from provider.errors import ConfigurationError
from provider.kubernetes.client import open_client
from provider.kubernetes.names import CONFIG_MAP
from provider.kubernetes.node_lease import NodeState
from provider.node.bundle.source import source
from provider.node.files import Folder, NodeError, Tree
from provider.places import DEFAULTS, PROGRAM, Places
from provider.version import VERSION

ON_HOST = Places(DEFAULTS)
MOUNTS = "/mnt"
"""Below it are a folder for the ConfigMap, and one for each identity."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add this duty's options."""
    parser.add_argument("--node", metavar="NAME", required=True, help="the node that this pod is on")
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
    parser.add_argument("--cluster-id", metavar="ID", default="", help="of the ACK cluster, as its console shows it")
    parser.add_argument(
        "--token-mode",
        choices=("auto", "workerRole", "managedRole"),
        default="",
        help=f"counts where ConfigMap {CONFIG_MAP} does not say it (default: auto)",
    )
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


@dataclass(frozen=True, slots=True)
class Site:
    """Where the work is done."""

    host: HostProtocol
    tree: Tree
    """The host's files."""
    mounts: str
    """Where the ConfigMap and the identities are mounted into this container."""
    gpu: bool
    version: str = VERSION


def job_for(parsed: argparse.Namespace, cluster: Cluster, site: Site, line: Callable[[str], None]) -> Job:
    """Put a run together. `line`: takes what goes to the container's log."""
    say = partial(_say, line)
    removes: bool = parsed.remove
    slots = Slots(cluster.client, cluster.namespace, parsed.node, cluster.clocks)
    telling = Telling(cluster, NodeState(parsed.node, "waiting", site.version, gpu=site.gpu))
    asking = Asking(parsed.node, REMOVAL if removes else site.version, parsed.slots, site.gpu)
    delivery = [f"--delivery={parsed.delivery}"] if parsed.delivery else []
    command: Command = "uninstall" if removes else "install"
    return Job(
        task=Task(command, () if removes else delivery, parsed.restart == "rolling"),
        host=site.host,
        before=lambda: "" if removes else _furnish(parsed, cluster, site, say),
        after=lambda: _clear(site) if removes else None,
        slots=slots,
        turn=Turn(asking, slots, telling, cluster.clocks, say),
        telling=telling,
        clocks=cluster.clocks,
        attempt=cluster.attempt,
        say=say,
        pass_on=line,
    )


def _furnish(parsed: argparse.Namespace, cluster: Cluster, site: Site, say: Callable[[str], None]) -> str:
    """Put on the host what install reads: the cluster's date, identities, configuration.

    Returns why the configuration is not the ConfigMap's; empty: it is. Nothing of it fails: what is there counts.
    """

    def tell_date() -> None:
        if write(site.tree, content_of(created(cluster.client), parsed.cluster_id)):
            say(f"{CLUSTER} is written")

    cluster.attempt(tell_date)
    try:
        _put_identities(site)
    except NodeError as error:
        say(f"warning: {error}")
    source = f"{site.mounts}/{CONFIG_MAP}"
    if not os.path.isdir(source):
        return ""
    outcome = put_configuration(source, _seen_from_here(site), parsed.token_mode)
    if outcome.state != "wrong":
        return ""
    detail = outcome.detail.replace(site.tree.root, "")
    say(f"warning: {' '.join(detail.split())}")
    return detail


def _seen_from_here(site: Site) -> Places:
    """Return the host's places by paths of this container."""
    return Places({name: f"{site.tree.root}{path}" for name, path in DEFAULTS.items()})


def _put_identities(site: Site) -> None:
    """Put there what is mounted; of what is not, the main container knows. Raises NodeError."""
    for identity in IDENTITIES:
        if os.path.isdir(f"{site.mounts}/{identity.folder}"):
            if site.tree.state(site.tree.resolve(ON_HOST.state)) is None:
                site.tree.put(ON_HOST.state, Folder(0o700))
            put_identity(identity, site.mounts, f"{site.tree.root}{ON_HOST.identities}")


def _clear(site: Site) -> None:
    """Take away what the agent wrote; a person's configuration stays. Raises NodeError."""
    take_configuration_back(_seen_from_here(site))
    with contextlib.suppress(OSError):
        os.rmdir(site.tree.at(os.path.dirname(ON_HOST.config)))


def _say(line: Callable[[str], None], text: str) -> None:
    line(f"{PROGRAM}: {text}")


def _check(parsed: argparse.Namespace) -> None:
    if parsed.slots < 1:
        raise ConfigurationError(f"--slots {parsed.slots}: must be 1 at least, or no node ever has its turn")
    if parsed.cluster_id and not CLUSTER_ID.fullmatch(parsed.cluster_id):
        raise ConfigurationError(
            f"--cluster-id {parsed.cluster_id}: is no id of an ACK cluster, such as c0123456789abcdef"
        )
