"""Scenarios that need real host names and ports. Run by `network.run`, in a network of their own."""

from pathlib import Path

from tests.cloud import SimulatedCloud
from tests.integration.network import CLOUD_ADDRESS, EMPTY_ADDRESS, METADATA_ADDRESS, Network
from tests.integration.node import ALPHA, BUSY_SECONDS, Node

IMAGE = f"{ALPHA}/team/app"
CR_VPC = "cr-vpc.cn-hangzhou.aliyuncs.com"
CR = "cr.cn-hangzhou.aliyuncs.com"


def place(directory: Path) -> tuple[SimulatedCloud, Node]:
    """A cloud at its real addresses, and a node that needs no local.yaml and has no proxy."""
    cloud = SimulatedCloud(directory / "cloud", https=(CLOUD_ADDRESS, 443), metadata=(METADATA_ADDRESS, 80))
    (directory / "node").mkdir()
    node = Node(cloud, directory / "node")
    node.local_file.unlink()
    node.environment = {"SSL_CERT_FILE": str(cloud.ca_file)}
    return cloud, node


def proxied(cloud: SimulatedCloud) -> set[str]:
    """Forget and return the hosts that were asked for at the proxy."""
    hosts = {call.host for call in cloud.calls.of("proxy")}
    cloud.calls.clear()
    return hosts


def forget(node: Node) -> None:
    """Have the next request ask the cloud again, for the instance as well."""
    for path in (node.state / "answers").glob("*"):
        path.unlink()


def direct(network: Network, directory: Path) -> None:
    """Without a proxy: names by DNS, nobody asked but the cloud."""
    cloud, node = place(directory)
    with cloud:
        assert node.login(node.request(IMAGE), ALPHA) == 200
        assert {call.host for call in cloud.calls.of("acr")} == {CR_VPC}
        assert {call.host for call in cloud.calls.of("metadata")} == {METADATA_ADDRESS}
        assert set(network.asked) == {ALPHA, CR_VPC}


def direct_trust(network: Network, directory: Path) -> None:
    """Without a proxy, each way to name an authority works, and none is as good as no certificate."""
    from tests.integration.trust import WAYS

    cloud, node = place(directory)
    with cloud:
        for name, trust in WAYS.items():
            node.environment = {}
            node.local_file.unlink(missing_ok=True)
            trust(node, cloud.ca_file)
            forget(node)
            assert node.login(node.request(IMAGE), ALPHA) == 200, name
        node.environment = {"SSL_CERT_FILE": str(cloud.inspection_ca_file)}
        node.local_file.unlink(missing_ok=True)
        forget(node)
        assert "certificate that this node does not accept" in node.request(IMAGE).refusal
        assert cloud.calls.of("acr")[-1].status == 200, "somebody called who did not check the certificate"


RULES: dict[str, set[str]] = {
    "": {ALPHA, CR_VPC},
    "other.example,10.0.0.0/8,localhost": {ALPHA, CR_VPC},
    CR_VPC: {ALPHA},
    f"other.example, {CR_VPC}:443": {ALPHA},
    f"{CR_VPC}:8443": {ALPHA, CR_VPC},
    ".cn-hangzhou.aliyuncs.com": {ALPHA},
    "cn-hangzhou.aliyuncs.com": {ALPHA},
    "*.cr.aliyuncs.com": {CR_VPC},
    "aliyuncs.com": set(),
    "*": set(),
}
"""NO_PROXY, and the hosts that are reached through the proxy all the same."""

NETWORKS = {"10.0.0.0/24": set[str](), CLOUD_ADDRESS: set(), "10.0.1.0/24": {CLOUD_ADDRESS}, "": {CLOUD_ADDRESS}}
"""The same for an endpoint that is an address."""


def no_proxy(network: Network, directory: Path) -> None:
    """NO_PROXY decides host by host, in both spellings."""
    cloud, node = place(directory)
    trusted = dict(node.environment)
    with cloud:
        for number, (rule, expected) in enumerate(RULES.items()):
            name = ("NO_PROXY", "no_proxy")[number % 2]
            node.environment = trusted | {"HTTPS_PROXY": cloud.proxy_url, name: rule}
            forget(node)
            cloud.calls.clear()
            result = node.request(IMAGE)
            assert proxied(cloud) == expected, rule
            assert node.login(result, ALPHA) == 200, rule


def no_proxy_addresses(network: Network, directory: Path) -> None:
    """NO_PROXY with networks; the simulated cloud has no certificate for addresses, so it ends with that."""
    cloud, node = place(directory)
    node.local(f"endpoints:\n  acr: {CLOUD_ADDRESS}:443\n")
    with cloud:
        for rule, expected in NETWORKS.items():
            node.environment |= {"HTTPS_PROXY": cloud.proxy_url, "NO_PROXY": rule}
            forget(node)
            refusal = node.request(IMAGE).refusal
            assert f"{CLOUD_ADDRESS} has a certificate" in refusal, refusal
            assert proxied(cloud) - {ALPHA} == expected, rule


def http_proxy(network: Network, directory: Path) -> None:
    """The metadata service is asked directly, whatever the variables say, and HTTP_PROXY is nobody's way out."""
    cloud, node = place(directory)
    with cloud:
        names = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
        node.environment |= dict.fromkeys(names, cloud.proxy_url)
        assert node.login(node.request(IMAGE), ALPHA) == 200
        assert all(call.host.startswith(("dockerauth", "alpha")) for call in cloud.calls.of("proxy"))
        cloud.calls.clear()
        forget(node)
        node.environment |= dict.fromkeys(("HTTPS_PROXY", "https_proxy"), cloud.proxy_url)
        assert node.request(IMAGE).auth
        assert {call.action for call in cloud.calls.of("proxy")} == {"CONNECT"}
        assert METADATA_ADDRESS not in proxied(cloud)


def proxy_resolves(network: Network, directory: Path) -> None:
    """Through a proxy no name is looked up here: a node without DNS for the outside works."""
    cloud, node = place(directory)
    network.silent = True
    node.environment["HTTPS_PROXY"] = cloud.proxy_url
    with cloud:
        result = node.request(IMAGE)
        assert result.auth
        assert result.seconds < BUSY_SECONDS
        assert network.asked == []


def nowhere(network: Network, directory: Path) -> None:
    """Connections that are refused, and names that are none, end in a few seconds with the host's name."""
    cloud, node = place(directory)
    with cloud:
        for address, said in ((EMPTY_ADDRESS, "cannot be connected to"), (None, "cannot be resolved")):
            network.address = address
            forget(node)
            result = node.request(IMAGE)
            assert said in result.refusal
            assert ALPHA in result.refusal
            assert result.seconds < BUSY_SECONDS, result.seconds
    forget(node)
    result = node.request(IMAGE)
    assert "metadata service cannot be connected to" in result.refusal or "cannot be resolved" in result.refusal
    assert result.seconds < BUSY_SECONDS, result.seconds


def silent_names(network: Network, directory: Path) -> None:
    """A DNS server that never answers: nothing interrupts a look-up, and the deadline holds all the same."""
    cloud, node = place(directory)
    network.silent = True
    with cloud:
        result = node.request(IMAGE)
        assert network.asked, "no name was looked up"
        assert ALPHA in result.refusal, result.refusal
        assert "cannot be resolved by this node's DNS" in result.refusal, result.refusal
        assert 20 < result.seconds < 45 + BUSY_SECONDS, result.seconds


def silent_names_with_an_old_token(network: Network, directory: Path) -> None:
    """The same, while the token kept is still good."""
    from tests.integration.test_deadline import age

    cloud, node = place(directory)
    with cloud:
        first = node.request(IMAGE)
        age(node)
        network.silent = True
        result = node.request(IMAGE)
        assert result.auth == first.auth
        assert 0 < result.cache_seconds <= 60
        assert result.seconds < 5 + BUSY_SECONDS, result.seconds
