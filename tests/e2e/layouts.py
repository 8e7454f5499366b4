"""How a node's system keeps the kubelet and its flags: files, from the path to the text."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.e2e.images import PAUSE
from tests.e2e.registry import HOST, PORT
from tests.e2e.site import NODE

Files = Mapping[str, str]

LOCAL_REGISTRY = f"localhost:{PORT}"
"""The registry itself, which needs no credentials: not ours, and asked for nothing."""
CONTROLLERS = "blkio cpu cpuacct cpuset devices freezer memory pids"
# What the kubelet would write to the machine's own kernel, if it did not read that it is there already.
TUNABLES = "\n".join(
    f"ExecStart=/bin/sh -c 'echo {value} >/run/{name}; mount --bind /run/{name} /proc/sys/{folder}/{name}'"
    for folder, name, value in (
        ("vm", "overcommit_memory", 1),
        ("kernel", "panic", 10),
        ("kernel", "panic_on_oops", 1),
        ("kernel/keys", "root_maxkeys", 1000000),
        ("kernel/keys", "root_maxbytes", 25000000),
    )
)
# What a container must be given before containerd and the kubelet find in it what a machine has.
PREPARATION = f"""\
[Unit]
Description=A kubelet in a container
Before=containerd.service kubelet.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c ': >/dev/kmsg'
# Some hardened services would see another boot id than everybody else.
ExecStart=/bin/sh -c 'while umount /proc/sys/kernel/random/boot_id; do :; done'
ExecStart=/bin/sh -c 'for one in {CONTROLLERS}; do \
! [ -d /sys/fs/cgroup/$one ] || mount -o remount,bind,rw /sys/fs/cgroup/$one; done'
{TUNABLES}
[Install]
WantedBy=multi-user.target
"""
CONTAINERD = f"""\
version = 2
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{LOCAL_REGISTRY}/{PAUSE}:v1"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
"""
CONFIGURATION = f"""\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: {HOST}
authentication: {{anonymous: {{enabled: true}}, webhook: {{enabled: false}}}}
authorization: {{mode: AlwaysAllow}}
cgroupDriver: cgroupfs
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
enforceNodeAllocatable: []
evictionHard: {{memory.available: 1Mi}}
failCgroupV1: false
failSwapOn: false
fileCheckFrequency: 1s
localStorageCapacityIsolation: false
logging: {{verbosity: 0}}
readOnlyPort: 10255
serializeImagePulls: false
staticPodPath: /etc/kubernetes/manifests
"""
FLAGS = f"--config=/var/lib/kubelet/config.yaml --hostname-override=node --node-ip={NODE}"
UNIT = """\
[Unit]
Description=kubelet: The Kubernetes Node Agent
Wants=network-online.target
After=network-online.target containerd.service
[Service]
ExecStart=/usr/bin/kubelet{arguments}
Restart=always
StartLimitInterval=0
RestartSec=1
[Install]
WantedBy=multi-user.target
"""
ACK_DROP_IN = f"""\
[Service]
Environment="KUBELET_CONFIG_ARGS={FLAGS}"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/kubernetes/kubelet-customized-args.conf
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_CUSTOMIZED_ARGS
"""
KUBEADM_DROP_IN = f"""\
# Note: This dropin only works with kubeadm and kubelet v1.11+
[Service]
Environment="KUBELET_CONFIG_ARGS={FLAGS}"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
"""
COMMON = {
    "/etc/systemd/system/node-preparation.service": PREPARATION,
    "/etc/containerd/config.toml": CONTAINERD,
    "/var/lib/kubelet/config.yaml": CONFIGURATION,
}
UNIT_PATH = "/etc/systemd/system/kubelet.service"
DROP_IN_PATH = "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf"
ACK_ARGUMENTS = "/etc/kubernetes/kubelet-customized-args.conf"
KUBEADM_FLAGS = {"/var/lib/kubelet/kubeadm-flags.env": 'KUBELET_KUBEADM_ARGS="--max-pods=64"\n'}
KUBECONFIG = "/etc/kubernetes/kubelet.conf"
CLUSTER_FLAGS = {
    "/var/lib/kubelet/kubeadm-flags.env": f'KUBELET_KUBEADM_ARGS="--max-pods=64 --kubeconfig={KUBECONFIG}"\n'
}

OTHER_PROVIDER = "other-provider"
OTHER_LOG = "/run/other-provider.log"
# Somebody else's provider: notes each image that it is asked for, and has nothing to give.
OTHER_PROGRAM = f"""\
#!/bin/sh
cat >>{OTHER_LOG}
echo >>{OTHER_LOG}
echo '{{"apiVersion":"credentialprovider.kubelet.k8s.io/v1","kind":"CredentialProviderResponse",\
"cacheKeyType":"Image","cacheDuration":"0s","auth":{{}}}}'
"""
OTHER_FILE = f"""\
# Kept by the platform team.
apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
  - name: {OTHER_PROVIDER}   # answers for everything
    apiVersion: credentialprovider.kubelet.k8s.io/v1
    matchImages: ["localhost:{PORT}", "*.*.cr.aliyuncs.com"]
    defaultCacheDuration: "0s"
"""
OTHER_JSON = f"""\
{{
\t"kind": "CredentialProviderConfig", "apiVersion": "kubelet.config.k8s.io/v1",
\t"providers": [
\t\t{{"name": "{OTHER_PROVIDER}", "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
\t\t "matchImages": ["localhost:{PORT}", "*.*.cr.aliyuncs.com"], "defaultCacheDuration": "0s"}}
\t]
}}
"""
OTHER_BIN = "/usr/libexec/kubelet-credential-providers"
OTHER_PLACE = "/etc/kubernetes/credential-providers"


@dataclass(frozen=True)
class Layout:
    """One way to run a kubelet."""

    name: str
    files: Files = field(repr=False)

    @property
    def all_files(self) -> Files:
        return {**COMMON, **self.files}


def _joined(config: str) -> Files:
    flags = f"--image-credential-provider-config={config} --image-credential-provider-bin-dir={OTHER_BIN}"
    return {
        **ACK.files,
        "/etc/kubernetes/kubelet-customized-args.conf": f'KUBELET_CUSTOMIZED_ARGS="--node-labels=a=b {flags}"\n',
        f"{OTHER_BIN}/{OTHER_PROVIDER}": OTHER_PROGRAM,
    }


ACK = Layout("ack", {UNIT_PATH: UNIT.format(arguments=""), DROP_IN_PATH: ACK_DROP_IN, **KUBEADM_FLAGS})
IN_A_CLUSTER = Layout("cluster", {**ACK.files, **CLUSTER_FLAGS})
KUBEADM = Layout("kubeadm", {UNIT_PATH: UNIT.format(arguments=""), DROP_IN_PATH: KUBEADM_DROP_IN, **KUBEADM_FLAGS})
PLAIN = Layout("plain", {UNIT_PATH: UNIT.format(arguments=f" \\\n  {FLAGS} \\\n  --max-pods=64")})
JOINED_FILE = Layout("file", {**_joined(f"{OTHER_PLACE}.yaml"), f"{OTHER_PLACE}.yaml": OTHER_FILE})
JOINED_JSON = Layout("json", {**_joined(f"{OTHER_PLACE}.json"), f"{OTHER_PLACE}.json": OTHER_JSON})
JOINED_FOLDER = Layout("folder", {**_joined(OTHER_PLACE), f"{OTHER_PLACE}/10-other.yaml": OTHER_FILE})
