"""How nodes of a cluster of several are laid out: as `layouts` has it, with a name, an address and pods' network."""

import json

from tests.e2e.layouts import (
    ACK,
    ACK_DROP_IN,
    CLUSTER_FLAGS,
    CONFIGURATION,
    CONTAINERD,
    DROP_IN_PATH,
    FLAGS,
    KUBECONFIG,
    Layout,
)
from tests.e2e.registry import HOST

NAME_SERVER = "10.96.0.10"
SERVICES = "10.96.0.1"
"""Address of Service `kubernetes`, where the API server itself listens."""
CNI = """\
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "/etc/cni/net.d"
"""
MORE_CONFIGURATION = f"""\
clusterDNS: [{NAME_SERVER}]
clusterDomain: cluster.local
nodeStatusUpdateFrequency: 2s
"""


def member(name: str, address: str, pods: str, kubeconfig: str) -> Layout:
    """The layout of a node. `pods`: the network of its pods; `kubeconfig`: the kubelet's, as text."""
    flags = f"--config=/var/lib/kubelet/config.yaml --hostname-override={name} --node-ip={address}"
    # The API server asks kubelets for logs at their addresses.
    configuration = CONFIGURATION.replace(f"address: {HOST}", "address: 0.0.0.0") + MORE_CONFIGURATION
    return Layout(
        name,
        {
            **ACK.files,
            **CLUSTER_FLAGS,
            DROP_IN_PATH: ACK_DROP_IN.replace(FLAGS, flags),
            KUBECONFIG: kubeconfig,
            "/etc/containerd/config.toml": CONTAINERD + CNI,
            "/var/lib/kubelet/config.yaml": configuration,
            "/etc/cni/net.d/10-pods.conflist": _pod_network(pods),
        },
    )


def _pod_network(pods: str) -> str:
    addresses = {"type": "host-local", "ranges": [[{"subnet": pods}]], "routes": [{"dst": "0.0.0.0/0"}]}
    plugins = [{"type": "ptp", "ipam": {**addresses, "dataDir": "/run/cni"}}]
    return json.dumps({"cniVersion": "0.4.0", "name": "pods", "plugins": plugins})
