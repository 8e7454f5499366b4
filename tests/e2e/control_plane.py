"""etcd and kube-apiserver on the node itself, its kubelet known there by a certificate as on every real node."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import trustme

from tests.e2e.layouts import KUBECONFIG
from tests.e2e.node import Node
from tests.e2e.parts import PROGRAMS, ROOT
from tests.e2e.site import NODE
from tests.systems.system import succeeded

PKI = "/etc/kubernetes/pki"
SERVER = f"https://{NODE}:6443"
ADMIN = "/srv/kubernetes/admin.conf"
READY_SECONDS = 60
RUNNING_SECONDS = 90
REFUSED = ("ErrImagePull", "ImagePullBackOff")
AUDIENCE_RBAC = ROOT / "packaging/manifests/kubelet-audience-rbac.yaml"
# In memory: nothing here is to outlive the node, and etcd waits for its disk at each write.
ETCD = """\
[Unit]
Description=etcd
[Service]
ExecStart=/usr/bin/etcd --data-dir=/run/etcd --listen-client-urls=http://127.0.0.1:2379 \
--advertise-client-urls=http://127.0.0.1:2379 --listen-peer-urls=http://127.0.0.1:2380 --logger=zap --log-level=error
Restart=always
"""
API_SERVER = f"""\
[Unit]
Description=kube-apiserver
Wants=control-plane-etcd.service
After=control-plane-etcd.service
[Service]
ExecStart={PROGRAMS}/kube-apiserver --etcd-servers=http://127.0.0.1:2379 --advertise-address={NODE} \
--tls-cert-file={PKI}/server.pem --tls-private-key-file={PKI}/server.pem --client-ca-file={PKI}/ca.pem \
--authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
--service-account-issuer={{issuer}} --service-account-key-file={PKI}/tokens.pem \
--service-account-signing-key-file={PKI}/tokens.pem --service-cluster-ip-range=10.96.0.0/24
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
"""
USERS = {"admin": ("admin", "system:masters", ADMIN), "kubelet": ("system:node:node", "system:nodes", KUBECONFIG)}
"""By file: common name, organization, kubeconfig."""


class ControlPlane:
    """The cluster of one node, which must not be booted yet. Objects are made with kubectl, as people make them."""

    def __init__(self, node: Node, folder: Path) -> None:
        self._node = node
        authority = trustme.CA()
        node.put(f"{PKI}/ca.pem", authority.cert_pem.bytes())
        node.put(f"{PKI}/server.pem", authority.issue_cert(NODE, "127.0.0.1").private_key_and_cert_chain_pem.bytes())
        for file, (name, organization, kubeconfig) in USERS.items():
            issued = authority.issue_cert(f"{file}.example.com", common_name=name, organization_name=organization)
            node.put(f"{PKI}/{file}.pem", issued.private_key_and_cert_chain_pem.bytes(), 0o600)
            node.put(kubeconfig, _kubeconfig(f"{PKI}/{file}.pem"), 0o600)
        key = folder / "tokens.pem"
        issuer = node.site.ask("signing_key", file=str(key))["issuer"]
        node.put(f"{PKI}/tokens.pem", key.read_bytes(), 0o600)
        node.put("/etc/systemd/system/control-plane-etcd.service", ETCD)
        node.put("/etc/systemd/system/kube-apiserver.service", API_SERVER.format(issuer=issuer))
        wanted = node.disk / "etc/systemd/system/multi-user.target.wants"
        (wanted / "kube-apiserver.service").symlink_to("/etc/systemd/system/kube-apiserver.service")

    def wait_ready(self) -> None:
        """Wait until the API server answers, and knows the node."""
        node = self._node
        asked = f"{PROGRAMS}/kubectl --kubeconfig={ADMIN} get node node"
        node.wait(lambda: node.attempt(asked).returncode == 0, READY_SECONDS, "the API server to know the node")

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run kubectl as the administrator; return its stdout."""
        command = [f"{PROGRAMS}/kubectl", f"--kubeconfig={ADMIN}", *arguments]
        done = subprocess.run(
            self._node.booted.inside(*command), input=stdin, capture_output=True, text=True, timeout=60, check=False
        )
        return succeeded(done)

    def apply(self, *objects: Mapping[str, object]) -> None:
        """Make objects, or change them."""
        items = {"apiVersion": "v1", "kind": "List", "items": objects}
        self.kubectl("apply", "--validate=false", "--filename=-", stdin=json.dumps(items))

    def allow_audience(self) -> None:
        """Put there what the chart has for it."""
        self.kubectl("apply", "--validate=false", "--filename=-", stdin=AUDIENCE_RBAC.read_text())

    def forbid_audience(self) -> None:
        self.kubectl("delete", "--filename=-", stdin=AUDIENCE_RBAC.read_text())

    def service_account(self, namespace: str, name: str, annotations: Mapping[str, str] | None = None) -> None:
        """Make a ServiceAccount, and its namespace."""
        metadata = {"namespace": namespace, "name": name, "annotations": annotations or {}}
        self.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        )

    def pods(self, namespace: str, account: str, images: Mapping[str, str], pull: str = "Always") -> None:
        """Make pods of a ServiceAccount on the node, by name with their images; `pull`: their imagePullPolicy."""
        self.apply(*(_pod(namespace, account, name, image, pull) for name, image in images.items()))

    def running(self, namespace: str) -> set[str]:
        """The names of the namespace's pods whose container runs."""
        return {name for name, state in self._states(namespace).items() if "running" in state}

    def wait_running(self, namespace: str, names: Sequence[str]) -> None:
        wanted = set(names)
        what = f"pods {', '.join(names)} of {namespace} to run"
        self._node.wait(lambda: wanted <= self.running(namespace), RUNNING_SECONDS, what)

    def wait_refused(self, namespace: str, name: str) -> None:
        """Wait until the kubelet has not got the pod's image."""

        def is_refused() -> bool:
            waiting = self._states(namespace).get(name, {}).get("waiting", {})
            return waiting.get("reason") in REFUSED

        self._node.wait(is_refused, RUNNING_SECONDS, f"the image of pod {name} of {namespace} to be refused")

    def _states(self, namespace: str) -> dict[str, dict[str, Any]]:
        """`state` of the containers, by the names of their pods."""
        listed = json.loads(self.kubectl("get", "pods", f"--namespace={namespace}", "--output=json"))
        return {
            pod["metadata"]["name"]: status["state"]
            for pod in listed["items"]
            for status in pod["status"].get("containerStatuses", [])
        }


def _pod(namespace: str, account: str, name: str, image: str, pull: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "nodeName": "node",
            "serviceAccountName": account,
            "automountServiceAccountToken": False,
            "hostNetwork": True,
            "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "main", "image": image, "imagePullPolicy": pull}],
        },
    }


def _kubeconfig(certificate: str) -> str:
    cluster = {"server": SERVER, "certificate-authority": f"{PKI}/ca.pem"}
    user = {"client-certificate": certificate, "client-key": certificate}
    configuration = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": cluster}],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": "context", "context": {"cluster": "cluster", "user": "user"}}],
        "current-context": "context",
    }
    return json.dumps(configuration)
