"""A node with a kubelet, an API server and the simulated cloud, all in namespaces of their own.

`python -m tests.integration.service_account_node DIRECTORY COMMAND...` runs inside.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from provider.config.configuration import read_configuration
from provider.node.kubelet_version import Version
from provider.node.provider_file.entry import Entry, match_images, own_file
from provider.node.token_attributes import wanted
from provider.service_account import OWN_ANNOTATION
from tests.cloud import SimulatedCloud
from tests.cloud.default_world import ACCOUNT, TEAM_A_ROLE
from tests.integration import kubelet_node
from tests.integration.api_server import Cluster, api_server
from tests.integration.kubelet_node import PROVIDER_FILE, KubeletNode

OPTIONS = tuple(
    f"--{name}=/mnt/{file}"
    for name, file in (("config", "config.yaml"), ("local", "local.yaml"), ("state-dir", "state"), ("data-dir", "data"))
)


class ServiceAccountNode(KubeletNode):
    """A node that pods' own roles are set up on, with a pod of team-a/app."""

    inside = "tests.integration.service_account_node"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.arguments = "--kubeconfig=/mnt/kubelet.conf"
        self.write("/mnt/config.yaml", "service-account-roles: optional\n", 0o600)
        self.install()
        configuration = read_configuration(b"service-account-roles: optional\n", "config.yaml").configuration
        entry = Entry(match_images(()), token_attributes=wanted(configuration))
        self.write(PROVIDER_FILE, own_file(entry, Version(1, 37, 2)).decode())


def main(directory: Path, command: Sequence[str]) -> int:
    """Start the servers, and run the command on the node."""
    from tests.frozen.enter import set_address

    try:
        set_address("lo", "127.0.0.1")
    except OSError as error:
        sys.stderr.write(f"no namespaces here: {error}\n")
        return 77
    with SimulatedCloud(directory / "cloud") as cloud:
        role = f"acs:ram::{ACCOUNT}:role/{TEAM_A_ROLE}"
        cluster = Cluster(cloud.make.service_account_token, {"team-a/app": {OWN_ANNOTATION: role}})
        cluster.run("team-a/app")
        with api_server(cluster, directory / "mnt"):
            local = directory / "mnt/local.yaml"
            local.write_text(f"endpoints:\n  metadata: {cloud.metadata_address}\n")
            local.chmod(0o600)
            os.environ.update(cloud.environment())
            return kubelet_node.main(directory, command)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
