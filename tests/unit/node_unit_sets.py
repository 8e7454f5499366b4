"""Nodes as they are found in the field: unit files and what belongs to them, written for the tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from provider.node.files import Tree

KUBELET = b"\x7fELF no script"
ETC = "/etc/systemd/system"
LIB = "/usr/lib/systemd/system"


@dataclass(frozen=True)
class UnitSet:
    """`files` and `links` by path; what detection must make of them."""

    files: Mapping[str, str]
    command_line: tuple[str, ...]
    unit: str = "kubelet.service"
    system: str = "custom"
    links: Mapping[str, str] = field(default_factory=dict)
    executable: str = "/usr/bin/kubelet"

    def laid(self, folder: Path) -> Tree:
        """Put the set into a folder and return it as a tree."""
        return lay(folder, self.files, {**self.links}, self.executable)


def lay(folder: Path, files: Mapping[str, str], links: Mapping[str, str] | None = None, executable: str = "") -> Tree:
    for path, text in {**files, **({executable: KUBELET.decode("latin-1")} if executable else {})}.items():
        place = folder / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode())
    for path, target in (links or {}).items():
        place = folder / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)
    return Tree(str(folder))


KUBELET_SERVICE = """\
[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=10

[Install]
WantedBy=multi-user.target
"""


def kubeadm_drop_in(extra: str) -> str:
    return f"""\
# Note: This dropin only works with kubeadm and kubelet v1.11+
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-{extra}
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
"""


KUBEADM_LINE = (
    "/usr/bin/kubelet",
    "--kubeconfig=/etc/kubernetes/kubelet.conf",
    "--config=/var/lib/kubelet/config.yaml",
    "--container-runtime-endpoint=unix:///run/containerd/containerd.sock",
    "--pod-infra-container-image=registry/pause:3.9",
)
KUBEADM_FLAGS = (
    'KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///run/containerd/containerd.sock '
    '--pod-infra-container-image=registry/pause:3.9"\n'
)

ACK_DROP_IN = """\
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_SYSTEM_PODS_ARGS=--max-pods 64 --pod-manifest-path=/etc/kubernetes/manifests"
Environment="KUBELET_CGROUP_ARGS=--cgroup-driver=systemd"
EnvironmentFile=-/etc/kubernetes/kubelet-customized-args.conf
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_SYSTEM_PODS_ARGS $KUBELET_CGROUP_ARGS \
$KUBELET_CUSTOMIZED_ARGS
"""
ACK_LINE = (
    "/usr/bin/kubelet",
    "--kubeconfig=/etc/kubernetes/kubelet.conf",
    "--max-pods",
    "64",
    "--pod-manifest-path=/etc/kubernetes/manifests",
    "--cgroup-driver=systemd",
)
K3S_SERVICE = """\
[Unit]
Description=Lightweight Kubernetes
[Service]
Type=notify
EnvironmentFile=-/etc/default/%N
EnvironmentFile=-/etc/sysconfig/%N
EnvironmentFile=-/etc/systemd/system/{unit}.env
KillMode=process
ExecStartPre=-/sbin/modprobe br_netfilter
ExecStart=/usr/local/bin/k3s \\
    {duty} \\
{arguments}
[Install]
WantedBy=multi-user.target
"""
RKE2_SERVICE = """\
[Service]
Type=notify
EnvironmentFile=-/etc/default/%N
EnvironmentFile=-/usr/local/lib/systemd/system/%N.env
ExecStart=/usr/local/bin/rke2 {duty}
"""

SETS: dict[str, UnitSet] = {
    "ACK": UnitSet(
        {f"{ETC}/kubelet.service": KUBELET_SERVICE, f"{ETC}/kubelet.service.d/10-kubeadm.conf": ACK_DROP_IN},
        ACK_LINE,
        system="ack",
    ),
    "ACK with customized arguments": UnitSet(
        {
            f"{LIB}/kubelet.service": KUBELET_SERVICE,
            f"{LIB}/kubelet.service.d/10-kubeadm.conf": ACK_DROP_IN,
            "/etc/kubernetes/kubelet-customized-args.conf": 'KUBELET_CUSTOMIZED_ARGS="--kube-api-qps=50"\n',
        },
        (*ACK_LINE, "--kube-api-qps=50"),
        system="ack",
    ),
    "kubeadm on Debian": UnitSet(
        {
            f"{LIB}/kubelet.service": KUBELET_SERVICE,
            f"{LIB}/kubelet.service.d/10-kubeadm.conf": kubeadm_drop_in("/etc/default/kubelet"),
            "/var/lib/kubelet/kubeadm-flags.env": KUBEADM_FLAGS,
        },
        KUBEADM_LINE,
        system="kubeadm",
    ),
    "kubeadm from RPM": UnitSet(
        {
            f"{LIB}/kubelet.service": KUBELET_SERVICE,
            f"{LIB}/kubelet.service.d/10-kubeadm.conf": kubeadm_drop_in("/etc/sysconfig/kubelet"),
            "/etc/sysconfig/kubelet": "KUBELET_EXTRA_ARGS=\n",
            "/var/lib/kubelet/kubeadm-flags.env": KUBEADM_FLAGS,
        },
        KUBEADM_LINE,
        system="kubeadm",
    ),
    "extra arguments in a drop-in": UnitSet(
        {
            f"{LIB}/kubelet.service": KUBELET_SERVICE,
            f"{LIB}/kubelet.service.d/10-kubeadm.conf": kubeadm_drop_in("/etc/default/kubelet"),
            f"{ETC}/kubelet.service.d/20-extra.conf": (
                '[Service]\nEnvironment="A=1" "KUBELET_EXTRA_ARGS=--v=2 --node-ip=::" B=2\n'
            ),
        },
        ("/usr/bin/kubelet", *KUBEADM_LINE[1:3], "--v=2", "--node-ip=::"),
        system="kubeadm",
    ),
    "extra arguments in a packaged drop-in": UnitSet(
        {
            f"{LIB}/kubelet.service": KUBELET_SERVICE.replace("kubelet\n", "kubelet $KUBELET_EXTRA_ARGS --v=1\n"),
            f"{LIB}/kubelet.service.d/20-extra.conf": (
                "[Service]\nEnvironment=KUBELET_EXTRA_ARGS='--node-labels=a=b%%'\n"
            ),
        },
        ("/usr/bin/kubelet", "--node-labels=a=b%", "--v=1"),
        system="kubeadm",
    ),
    "everything in ExecStart": UnitSet(
        {
            f"{ETC}/kubelet.service": (
                "[Service]\nType=notify\nExecStart=/usr/local/bin/kubelet \\\n  --config=/etc/kubelet.yaml \\\n"
                "# a comment between\n  --node-labels='a=b,c=d' \\\n  --kubeconfig \"/etc/kube config\"\n"
                "Restart=always\n"
            )
        },
        (
            "/usr/local/bin/kubelet",
            "--config=/etc/kubelet.yaml",
            "--node-labels=a=b,c=d",
            "--kubeconfig",
            "/etc/kube config",
        ),
        executable="/usr/local/bin/kubelet",
    ),
    "CRLF, and no newline at the end": UnitSet(
        {
            f"{ETC}/kubelet.service": "[Service]\r\nExecStart=/usr/bin/kubelet \\\r\n $KUBELET_EXTRA_ARGS --v=1\r\n"
            "EnvironmentFile=/etc/default/kubelet",
            "/etc/default/kubelet": 'A=1\r\nKUBELET_EXTRA_ARGS="--v=3"',
        },
        ("/usr/bin/kubelet", "--v=3", "--v=1"),
        system="kubeadm",
    ),
    "values in quotes of both kinds": UnitSet(
        {
            f"{ETC}/kubelet.service": (
                "[Service]\nEnvironmentFile=-/etc/default/kubelet\n"
                "ExecStart=/usr/bin/kubelet $KUBELET_EXTRA_ARGS \"--a=${OTHER}\" $$HOME --b=\\x41\\n\\\\ '--c d'\n"
            ),
            "/etc/default/kubelet": "OTHER=one two  \n"
            "KUBELET_EXTRA_ARGS='--node-labels=\"x y\" --v=2'  # for 'later'\n",
        },
        (
            *("/usr/bin/kubelet", "--node-labels=x y", "--v=2#", "for", "later", "--a=one two", "$HOME"),
            *("--b=A\n\\", "--c d"),
        ),
        system="kubeadm",
    ),
    "prefixes and another first argument": UnitSet(
        {
            f"{ETC}/kubelet.service": "[Service]\nType=notify\nExecStart=-+@/usr/bin/kubelet kubelet-of-%p --name=%n\n",
        },
        ("kubelet-of-kubelet", "--name=kubelet.service"),
    ),
    "no variables with a colon": UnitSet(
        {
            f"{ETC}/kubelet.service": (
                "[Service]\nExecStart=:/usr/bin/kubelet $A ${B}\nEnvironment=A=1 B=2 1X=3 C 'D= e '\n"
            )
        },
        ("/usr/bin/kubelet", "$A", "${B}"),
    ),
    "a program without a folder": UnitSet(
        {f"{ETC}/kubelet.service": "[Service]\nExecStart=kubelet --v=2\n"}, ("kubelet", "--v=2")
    ),
    "a unit of another name": UnitSet(
        {
            f"{ETC}/node-agent.service": "[Service]\nExecStart=/opt/bin/kubelet --v=2\n",
            f"{ETC}/other.service": "[Service]\nExecStart=/opt/bin/check-kubelet --v=2\n",
            f"{LIB}/kubelet-check@.service": "[Service]\nExecStart=/opt/bin/kubelet --version\n",
        },
        ("/opt/bin/kubelet", "--v=2"),
        unit="node-agent.service",
        executable="/opt/bin/kubelet",
    ),
    "resets, files that mask others, and order": UnitSet(
        {
            f"{LIB}/kubelet.service": "[Service]\nExecStart=/usr/bin/old\nEnvironment=A=0 B=lib\nEnvironment=C=lib\n",
            f"{LIB}/kubelet.service.d/10-a.conf": "[Service]\nEnvironment=A=lib-10\n",
            f"{ETC}/kubelet.service.d/10-a.conf": "[Service]\nEnvironment=A=etc-10\n",
            f"{LIB}/kubelet.service.d/20-b.conf": "[Service]\nEnvironment=A=never\n",
            "/run/systemd/system/kubelet.service.d/15-c.conf": "[Service]\nEnvironment=\nEnvironment=A=run-15\n",
            f"{ETC}/kubelet.service.d/30-d.conf": "[Service]\nExecStart=\n[X]\nExecStart=/bin/no\n"
            "[Service]\nExecStart=/usr/bin/kubelet --a=${A} --b=${B} --c=${C} --d=${D} ${E}\n",
            f"{LIB}/service.d/05-all.conf": "[Service]\nEnvironment=D=all\n",
            f"{LIB}/service.d/90-all.conf": "[Service]\nEnvironment=D=all-later\n",
            f"{ETC}/kubelet.service.d/40-e.conf.bak": "[Service]\nExecStart=/bin/no\n",
            f"{ETC}/kubelet.service.d/.41-e.conf": "[Service]\nExecStart=/bin/no\n",
        },
        ("/usr/bin/kubelet", "--a=run-15", "--b=", "--c=", "--d=all-later", ""),
        links={f"{ETC}/kubelet.service.d/20-b.conf": "/dev/null"},
    ),
    "files of variables: order, patterns, and what is no assignment": UnitSet(
        {
            f"{ETC}/kubelet.service": (
                "[Service]\nEnvironment=A=unit\nEnvironmentFile=/etc/one.env\nEnvironmentFile=-/etc/absent.env\n"
                "EnvironmentFile=-/etc/kube*/*.env\nExecStart=/usr/bin/kubelet ${A} ${B} ${C} ${D} ${E} ${F}\n"
            ),
            "/etc/one.env": (
                '# A=no\n;A=no\n  A = \'one\'\nB=one\nexport C=no\nD="a \\"q\\" \\$ \\\\ \\n \\\ne"\n1X=no\n'
            ),
            "/etc/kubernetes/b.env": "B='two' \"three\" four \\\n  five\nE=x\\ y\\\\\nF=1\nF=\n",
            "/etc/kubernetes/.c.env": "A=hidden\n",
            "/etc/kubernetes/a.env": 'B=never\nC="from a\n in two lines"',
        },
        (
            "/usr/bin/kubelet",
            *("one", "twothreefour   five", "from a\n in two lines", 'a "q" $ \\ \\n e', "x y\\", ""),
        ),
    ),
    "the flags are set, as on EKS": UnitSet(
        {
            f"{ETC}/kubelet.service": (
                "[Service]\nEnvironmentFile=-/etc/eks/extra\nExecStart=/usr/bin/kubelet --config /etc/kubelet.json \\\n"
                "    --image-credential-provider-config /etc/eks/image-credential-provider/config.json \\\n"
                "    --image-credential-provider-bin-dir /etc/eks/image-credential-provider \\\n"
                "    $KUBELET_EXTRA_ARGS\n"
            )
        },
        (
            *("/usr/bin/kubelet", "--config", "/etc/kubelet.json", "--image-credential-provider-config"),
            *("/etc/eks/image-credential-provider/config.json", "--image-credential-provider-bin-dir"),
            "/etc/eks/image-credential-provider",
        ),
        system="kubeadm",
    ),
    "k3s server": UnitSet(
        {
            f"{ETC}/k3s.service": K3S_SERVICE.format(
                unit="k3s.service", duty="server", arguments="\t'--tls-san' \\\n\t'example.test' \\\n"
            ),
            "/etc/rancher/k3s/config.yaml": "token: of-no-concern\nkubelet-arg:\n- max-pods=200\n",
        },
        ("/usr/local/bin/k3s", "server", "--kubelet-arg=max-pods=200"),
        unit="k3s.service",
        system="k3s",
        executable="/usr/local/bin/k3s",
    ),
    "k3s agent": UnitSet(
        {
            f"{ETC}/k3s-agent.service": K3S_SERVICE.format(
                unit="k3s-agent.service", duty="agent", arguments="    --kubelet-arg v=3 --kubelet-arg=root-dir=/data\n"
            ),
            "/etc/rancher/k3s/config.yaml": "kubelet-arg: max-pods=200\ndata-dir: /srv/k3s\n",
            "/etc/rancher/k3s/config.yaml.d/10-a.yaml": "kubelet-arg+:\n- healthz-port=10350\n",
            "/etc/rancher/k3s/config.yaml.d/20-b.yml": "data-dir: /srv/other\n",
            "/etc/rancher/k3s/config.yaml.d/30-c.json": '{"data-dir": "/never"}\n',
        },
        (
            *("/usr/local/bin/k3s", "agent", "--kubelet-arg=max-pods=200", "--kubelet-arg=healthz-port=10350"),
            *("--data-dir=/srv/other", "--kubelet-arg=v=3", "--kubelet-arg=root-dir=/data"),
        ),
        unit="k3s-agent.service",
        system="k3s",
        executable="/usr/local/bin/k3s",
    ),
    "RKE2, of whose units one is enabled": UnitSet(
        {
            "/usr/local/lib/systemd/system/rke2-server.service": RKE2_SERVICE.format(duty="server"),
            "/usr/local/lib/systemd/system/rke2-agent.service": RKE2_SERVICE.format(duty="agent"),
            "/usr/local/lib/systemd/system/rke2-agent.env": "RKE2_CONFIG_FILE=/etc/rke2.yaml\n",
            "/etc/rke2.yaml": "kubelet-arg: []\nnode-label:\n- a=b\n",
        },
        ("/usr/local/bin/rke2", "agent"),
        unit="rke2-agent.service",
        system="rke2",
        links={f"{ETC}/multi-user.target.wants/rke2-agent.service": "/usr/local/lib/systemd/system/rke2-agent.service"},
        executable="/usr/local/bin/rke2",
    ),
    "an alias": UnitSet(
        {
            f"{LIB}/node-kubelet.service": "[Service]\nExecStart=/usr/bin/kubelet ${A}${B}${C}\n",
            f"{ETC}/kubelet.service.d/10.conf": "[Service]\nEnvironment=A=alias\n",
            f"{ETC}/node-kubelet.service.d/20.conf": "[Service]\nEnvironment=B=name\n",
            f"{ETC}/node-.service.d/30.conf": "[Service]\nEnvironment=C=prefix\n",
        },
        ("/usr/bin/kubelet", "aliasnameprefix"),
        unit="node-kubelet.service",
        links={f"{ETC}/kubelet.service": f"{LIB}/node-kubelet.service"},
    ),
}
