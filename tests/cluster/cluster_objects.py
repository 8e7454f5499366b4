"""Objects as users' clusters have them."""

from collections.abc import Mapping
from typing import Any

ALPHA = "alpha-registry-vpc.cn-hangzhou.cr.aliyuncs.com"
Manifest = dict[str, Any]


def namespace(name: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def machine(name: str, kubelet: str, **labels: str) -> Manifest:
    info = dict.fromkeys(
        ("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion", "kubeProxyVersion",
         "architecture"), "-")  # fmt: skip
    status = {"nodeInfo": {**info, "kubeletVersion": kubelet, "operatingSystem": "linux"}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "status": status}


def config_map(data: Mapping[str, str]) -> Manifest:
    metadata = {"namespace": "kube-system", "name": "acr-configuration"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def account(where: str, name: str, *pulls: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"namespace": where, "name": name},
        "imagePullSecrets": [{"name": pull} for pull in pulls],
    }


def pull_secret(where: str, name: str) -> Manifest:
    metadata = {"namespace": where, "name": name}
    content = {".dockerconfigjson": '{"auths": {}}'}
    kind = "kubernetes.io/dockerconfigjson"
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "stringData": content}


def _spec(image: str, pulls: str) -> Manifest:
    secrets = {"imagePullSecrets": [{"name": pulls}]} if pulls else {}
    return {"containers": [{"name": "main", "image": image}], "automountServiceAccountToken": False, **secrets}


def pod(where: str, name: str, image: str, pulls: str = "") -> Manifest:
    metadata = {"namespace": where, "name": name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": _spec(image, pulls)}


def deployment(where: str, name: str, image: str, pulls: str = "") -> Manifest:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": _spec(image, pulls)}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    metadata = {"namespace": where, "name": name}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def cron_job(where: str, name: str, image: str) -> Manifest:
    template = {"spec": {"template": {"spec": {**_spec(image, ""), "restartPolicy": "Never"}}}}
    spec = {"schedule": "0 0 * * *", "jobTemplate": template}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"namespace": where, "name": name}, "spec": spec}


def reader(where: str, name: str, *resources: str) -> tuple[Manifest, Manifest]:
    """A right to read some kinds of the core and of coordination, everywhere, for a ServiceAccount."""
    api = "rbac.authorization.k8s.io"
    rules = [{"apiGroups": ["", "coordination.k8s.io"], "resources": resources, "verbs": ["get", "list"]}]
    role = {"apiVersion": f"{api}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules}
    subject = {"kind": "ServiceAccount", "namespace": where, "name": name}
    reference = {"apiGroup": api, "kind": "ClusterRole", "name": name}
    binding = {
        "apiVersion": f"{api}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": reference,
        "subjects": [subject],
    }
    return role, binding
