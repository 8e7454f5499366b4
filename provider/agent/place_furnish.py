"""What `agent place` puts on the host before install, and keeps in step while it waits: nobody else does then."""

import argparse
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass

from provider.agent.configuration import Checks, Outcome, put_configuration, take_configuration_back
from provider.agent.identities import IDENTITIES, put_identity
from provider.agent.node_config_file import ConfigFile
from provider.agent.node_state import Complaint, Found, complaints_of
from provider.agent.place_cluster import PATH as CLUSTER
from provider.agent.place_cluster import content_of, created, write
from provider.agent.place_job import Host
from provider.agent.place_telling import Cluster, Telling
from provider.kubernetes.events import HOUR, Limiter
from provider.kubernetes.names import CONFIG_MAP
from provider.node.files import Folder, NodeError, Tree
from provider.places import DEFAULTS, Places
from provider.version import VERSION

ON_HOST = Places(DEFAULTS)


@dataclass(frozen=True, slots=True)
class Site:
    """Where the work is done."""

    host: Host
    tree: Tree
    """The host's files."""
    mounts: str
    """Where the ConfigMap and the identities are mounted into this container."""
    gpu: bool
    version: str = VERSION


class Furnish:
    """Puts there what install and the plugin read: the cluster's date, identities, configuration.

    Nothing of it fails: what is there counts. It may be called again and again.
    """

    def __init__(
        self, parsed: argparse.Namespace, cluster: Cluster, site: Site, telling: Telling, say: Callable[[str], None]
    ) -> None:
        self._cluster_id: str = parsed.cluster_id
        self._token_mode: str = parsed.token_mode
        self._cluster = cluster
        self._site = site
        self._telling = telling
        self._say = say
        self._checks = Checks()
        self._is_dated = False
        self._said: set[str] = set()
        self._limiter = Limiter(HOUR)

    def __call__(self) -> None:
        """Do it, and tell what is wrong with the configuration."""
        if not self._is_dated:
            self._cluster.attempt(self._put_date)
        troubles = set()
        try:
            _put_identities(self._site)
        except NodeError as error:
            troubles.add(self._on_host(str(error)))
        outcome = self._configure()
        problem = self._on_host(outcome.detail) if outcome.state == "wrong" else ""
        troubles |= {problem} - {""}
        for trouble in sorted(troubles - self._said):
            self._say(f"warning: {' '.join(trouble.split())}")
        self._said = troubles
        self._telling.configured(problem)
        now = self._cluster.clocks.monotonic()
        for complaint in complaints_of(Found(outcome), self._cluster.clocks.now()):
            if self._limiter.allow(complaint.text, now):
                self._telling.complain(Complaint(complaint.reason, complaint.text))

    def _on_host(self, text: str) -> str:
        """Return a message with the host's paths as the host knows them."""
        return text.replace(self._site.tree.root, "")

    def _put_date(self) -> None:
        if write(self._site.tree, content_of(created(self._cluster.client), self._cluster_id)):
            self._say(f"{CLUSTER} is written")
        self._is_dated = True

    def _configure(self) -> Outcome:
        source = f"{self._site.mounts}/{CONFIG_MAP}"
        if not os.path.isdir(source):
            return Outcome("absent")
        return put_configuration(source, _config(self._site), self._token_mode, self._checks)


def clear(site: Site) -> None:
    """Take away what the agent wrote; a person's configuration stays. Raises NodeError."""
    take_configuration_back(_config(site))
    with contextlib.suppress(OSError):
        os.rmdir(site.tree.at(os.path.dirname(ON_HOST.config)))


def _config(site: Site) -> ConfigFile:
    return ConfigFile(ON_HOST.config, site.tree)


def _put_identities(site: Site) -> None:
    """Put there what is mounted; of what is not, the main container knows. Raises NodeError."""
    for identity in IDENTITIES:
        if os.path.isdir(f"{site.mounts}/{identity.folder}"):
            if site.tree.state(site.tree.resolve(ON_HOST.state)) is None:
                site.tree.put(ON_HOST.state, Folder(0o700))
            put_identity(identity, site.mounts, ON_HOST.identities, site.tree)
