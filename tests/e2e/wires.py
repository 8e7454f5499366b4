"""Wires between network namespaces: a cluster's nodes, each in one of its own, around the site that has cloud and API.

The site forwards between the nodes. What is on its loopback (the cloud, the metadata service, the API server at the
address of Service `kubernetes`, the name server) reaches every node and every pod by the nodes' default route, so that
nothing has to route the addresses of Services.
"""

from pathlib import Path

from tests.e2e.network import Network
from tests.e2e.registry import Registry
from tests.e2e.site import CLOUD, Site

NETWORK = "10.0.0"
PODS = "10.244"
UPLINK = "uplink"
FORWARD = "echo 1 >/proc/sys/net/ipv4/ip_forward"


class Wired(Network):
    """The network of a cluster's node: its address, a default route to the site, and a registry on its loopback."""

    def __init__(self, site: Site, number: int, root: Path, images: Path) -> None:
        """`number`: of the node, from 1; `root`, `images`: the registry's."""
        self.address = f"{NETWORK}.{10 + number}"
        self.pods = f"{PODS}.{number}.0/24"
        """What the node's pods have their addresses from."""
        super().__init__(self.address)
        self._site = site
        self._wire = f"node-{number}"
        keeper = self.namespace.split("/")[2]
        site.configure(f"ip link add {self._wire} type veth peer name {UPLINK} netns {keeper}", FORWARD)
        site.configure(f"ip link set {self._wire} up", *self._ways("replace"))
        self.configure(
            FORWARD,
            f"ip link set {UPLINK} up",
            f"ip route add default via {CLOUD} dev {UPLINK} onlink src {self.address}",
        )
        self._registry = Registry(root, images, network=self.namespace)

    def __enter__(self) -> "Wired":
        return self

    def cut(self) -> None:
        """Let nothing come back from the site, to the node or its pods: they wait and hear nothing."""
        for place in (self.address, self.pods):
            self._site.configure(f"ip route replace blackhole {place}")

    def mend(self) -> None:
        for place in (self.address, self.pods):
            self._site.configure(f"ip route del blackhole {place}")
        self._site.configure(*self._ways("replace"))

    def close(self) -> None:
        self._registry.close()
        super().close()

    def _ways(self, verb: str) -> tuple[str, str]:
        return (
            f"ip route {verb} {self.address} dev {self._wire}",
            f"ip route {verb} {self.pods} via {self.address} dev {self._wire} onlink",
        )
