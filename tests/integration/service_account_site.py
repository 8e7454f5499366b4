"""A node of a cluster and of a cloud, for the steps of `doctor --service-account`, with an API server over TLS.

What the node itself looks like is given as values; the files and processes of one are in `service_account_node`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from provider.commands.checkup import Checkup, Image
from provider.commands.service_account_checks import ServiceAccountCheckup
from provider.commands.service_account_cluster import AsNode
from provider.commands.steps import Finding
from provider.config.values import Configuration, Endpoints, Local
from provider.deadline import Deadline
from provider.environment import Environment
from provider.identity.pod_role import PodRole
from provider.kubelet import split_image
from provider.node.detect.found import Flags, Found
from provider.node.files import Tree
from provider.node.kubelet_version import Version
from provider.node.provider_file.entry import Entry
from provider.node.record import Record
from provider.node.seen import ProviderFile, Seen
from provider.node.token_attributes import obstacle, wanted
from provider.places import DEFAULTS, Places
from provider.service_account import OWN_ANNOTATION
from provider.settings import Settings
from provider.store import Store
from provider.tokens import Fetch
from tests.cloud import SimulatedCloud
from tests.cloud.default_world import ACCOUNT, TEAM_A_ROLE
from tests.integration.api_server import Cluster, api_server
from tests.integration.cloud_package import ALPHA_HOST, simulation

TEAM_A = f"acs:ram::{ACCOUNT}:role/{TEAM_A_ROLE}"
PROVIDER = f"acs:ram::{ACCOUNT}:oidc-provider/ack-rrsa-c0123456789"
ISSUER = "https://oidc-ack-cn-hangzhou.oss-cn-hangzhou.aliyuncs.com/c0123456789"
IMAGE = f"{ALPHA_HOST}/team-a/app"
OPTIONAL = Configuration(service_account_roles="optional")
REQUIRED = Configuration(service_account_roles="required", compat_secrets=False)
NEW = Version(1, 35, 4)
CONFIGURED = Configuration(scope="configured", watch_namespaces=("team-a",), service_accounts=("app",))

Steps = dict[str, tuple[str, str]]


@dataclass
class Site:
    """A node of a cluster and of a cloud; what a test changes counts at the next look."""

    cloud: SimulatedCloud
    cluster: Cluster
    kubeconfig: Path
    directory: Path
    configuration: Configuration = OPTIONAL
    version: Version = NEW
    attributes_of: Configuration | None = None
    """The configuration that the provider file was written for; None: the one in force."""
    record: Record | None = None
    warnings: list[str] = field(default_factory=list)

    def checkup(self, host: str = "") -> ServiceAccountCheckup:
        account = AsNode(Tree(), "team-a", "app")
        return ServiceAccountCheckup(self.fetch, self.places, self.seen, account, host, time.time)

    def look(self) -> Steps:
        """What became of each step; no secret is in it."""
        return self.shown(list(self.checkup().findings()))

    def pull(self) -> Steps:
        """The same of an image, up to a login at the registry."""
        image = Image(*split_image(IMAGE))
        checkup = self.checkup(image.name)
        found = list(checkup.findings())
        assert checkup.fetch is not None
        return self.shown([*found, *Checkup(checkup.fetch, image).findings()])

    def shown(self, found: list[Finding]) -> Steps:
        text = repr(found)
        assert [secret for secret in self.cloud.secrets() if secret in text] == []
        return {finding.step: (finding.state, finding.detail) for finding in found}

    @property
    def places(self) -> Places:
        return Places({name: str(self.directory / name[2:]) for name in DEFAULTS})

    def fetch(self, pod: PodRole | None) -> Fetch:
        local = Local(Endpoints(metadata=self.cloud.metadata_address))
        environment = Environment(https_proxy=self.cloud.proxy_url, ssl_cert_file=str(self.cloud.ca_file))
        settings = Settings(self.configuration, local, "fingerprint")
        return Fetch(settings, self.places, Store(""), environment, Deadline(45), self.warnings.append, pod=pod)

    @property
    def seen(self) -> Seen:
        flags = Flags("/etc/provider.yaml", "/opt/bin")
        found = Found(
            system="custom",
            unit="kubelet.service",
            executable="/usr/bin/kubelet",
            version=self.version,
            process=None,
            flags=flags,
            live=flags,
            health_url="",
            root_dir="/var/lib/kubelet",
            kubeconfig=str(self.kubeconfig),
            command_line=(),
        )
        attributes = wanted(self.attributes_of or self.configuration)
        provider = ProviderFile("/etc/provider.yaml", 1.0, Entry((), token_attributes=attributes), ())
        return Seen(
            now=time.time(),
            record=self.record,
            found=found,
            provider=provider,
            tokens_obstacle=obstacle(Tree(), found),
        )


@contextmanager
def standing(directory: Path) -> Iterator[Site]:
    """Start the servers; a pod of team-a/app is on the node, and its ServiceAccount has a role."""
    with simulation(directory / "cloud") as cloud:
        cluster = Cluster(cloud.make.service_account_token, {"team-a/app": {OWN_ANNOTATION: TEAM_A}})
        cluster.run("team-a/app")
        with api_server(cluster, directory) as kubeconfig:
            yield Site(cloud, cluster, kubeconfig, directory)


def states(found: Steps) -> dict[str, str]:
    return {name: state for name, (state, _) in found.items() if state != "ok"}


def failure(found: Steps) -> tuple[str, str]:
    """The first step that failed, and what it says."""
    return next((name, detail) for name, (state, detail) in found.items() if state == "failed")
