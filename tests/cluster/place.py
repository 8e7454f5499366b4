"""How etcd and kube-apiserver are started: their keys and flags, and what is written before there is an API server."""

import base64
import json
import uuid
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ADVERTISED = "10.0.0.2"
"""Address of every API server; one on loopback is refused."""
ISSUER = "https://kubernetes.default.svc"
PUT = """\
import sys, urllib.error, urllib.request
try:
    urllib.request.urlopen(sys.argv[1], sys.argv[2].encode()).read()
except urllib.error.URLError as error:
    sys.exit(1)
"""
"""A program that sends its second argument to its first."""


@dataclass(frozen=True)
class Place:
    """Where an API server listens, and who it is. `network`: path of its network namespace; empty for the caller's."""

    port: int
    store_port: int
    """etcd's; the next one is taken too."""
    address: str = "127.0.0.1"
    network: str = ""
    issuer: str = ISSUER
    """Of ServiceAccounts' tokens."""
    signing_key: bytes = b""
    """PEM; empty: a new one."""
    created: str = ""
    """When the cluster was made, as Kubernetes writes times; empty: now."""


def make_keys(folder: Path, place: Place) -> None:
    """Put authority, server's certificate and the key of ServiceAccounts' tokens there."""
    authority = trustme.CA()
    (folder / "ca.pem").write_bytes(authority.cert_pem.bytes())
    (folder / "ca.key").write_bytes(authority.private_key_pem.bytes())
    names = ("127.0.0.1", place.address, ADVERTISED, "kubernetes.default.svc")
    (folder / "server.pem").write_bytes(authority.issue_cert(*names).private_key_and_cert_chain_pem.bytes())
    (folder / "tokens.pem").write_bytes(place.signing_key or _new_key())


def dated_namespace(created: str) -> str:
    """The request that writes namespace kube-system into etcd, made at that time, as Kubernetes writes times."""
    metadata = {"name": "kube-system", "uid": str(uuid.uuid4()), "creationTimestamp": created}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata, "spec": {"finalizers": ["kubernetes"]}}
    stored = {"key": "/registry/namespaces/kube-system", "value": json.dumps(namespace)}
    return json.dumps({name: in_base64(text.encode()) for name, text in stored.items()})


def _new_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kind = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption())


def etcd_flags(folder: Path, port: int) -> list[str]:
    """`folder`: where its data is, in `etcd`; `port`: its clients'."""
    url, peer = (f"http://127.0.0.1:{number}" for number in (port, port + 1))
    return [
        *(f"--data-dir={folder}/etcd", f"--listen-client-urls={url}", f"--advertise-client-urls={url}"),
        *(f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}"),
        # Where nothing happens the API server learns by this how far its own copy goes; it cannot ask an etcd that old.
        *("--experimental-watch-progress-notify-interval=1s", "--logger=zap", "--log-level=error"),
    ]


def server_flags(folder: Path, place: Place) -> list[str]:
    """`folder`: where the keys are."""
    return [
        *(f"--etcd-servers=http://127.0.0.1:{place.store_port}", f"--advertise-address={ADVERTISED}"),
        *(f"--bind-address={place.address}", f"--secure-port={place.port}", f"--cert-dir={folder}"),
        *(f"--tls-cert-file={folder}/server.pem", f"--tls-private-key-file={folder}/server.pem"),
        *(f"--client-ca-file={folder}/ca.pem", "--authorization-mode=Node,RBAC"),
        "--enable-admission-plugins=NodeRestriction,MutatingAdmissionWebhook,ValidatingAdmissionPolicy",
        *("--allow-privileged=true", f"--service-account-issuer={place.issuer}"),
        *(f"--service-account-key-file={folder}/tokens.pem", f"--service-account-signing-key-file={folder}/tokens.pem"),
        # Services are called by their endpoints: nobody routes their addresses here.
        *(
            "--enable-aggregator-routing=true",
            "--kubelet-preferred-address-types=InternalIP",
            "--service-cluster-ip-range=10.96.0.0/24",
        ),
    ]


def in_base64(data: bytes) -> str:
    """As kubeconfigs and etcd have it."""
    return base64.b64encode(data).decode()
