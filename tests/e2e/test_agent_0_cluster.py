"""That the cluster of two is one: a DaemonSet and a Deployment run, pods reach the API server, logs can be read."""

from typing import Any

from tests.e2e.cluster_of_two import NODES, ClusterOfTwo
from tests.e2e.images import PUBLIC
from tests.e2e.layouts import LOCAL_REGISTRY
from tests.e2e.pods import PERSONAL
from tests.e2e.site import CLOUD

IMAGE = f"{LOCAL_REGISTRY}/{PUBLIC}:v1"


def workload(kind: str, name: str, **more: object) -> dict[str, object]:
    labels = {"app": name}
    containers = [{"name": "main", "image": IMAGE}]
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
            **more,
        },
    }


def test_it_is_a_cluster(two: ClusterOfTwo) -> None:
    two.api.apply(workload("DaemonSet", "everywhere"), workload("Deployment", "somewhere", replicas=1))
    status = ("rollout", "status", "--timeout=60s")
    two.api.kubectl(*status, "daemonset/everywhere")
    two.api.kubectl(*status, "deployment/somewhere")
    pods = two.get("pods", "--selector=app=everywhere", namespace="default")["items"]
    assert sorted(pod["spec"]["nodeName"] for pod in pods) == list(NODES)
    for pod in pods:
        assert two.api.kubectl("logs", pod["metadata"]["name"]) == f"{PUBLIC}\n"
        # Its own TLS is too old for the API server, which says in plain text that it wants TLS.
        asked = inside(two, pod, "wget -O- http://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/ 2>&1 || true")
        assert "400 Bad Request" in asked
        assert CLOUD in inside(two, pod, f"nslookup {PERSONAL}")


def inside(two: ClusterOfTwo, pod: dict[str, Any], script: str) -> str:
    """What a script of busybox's shell says in a pod."""
    command = ("/bin/busybox", "sh", "-c", f"busybox {script}")
    return two.api.kubectl("exec", pod["metadata"]["name"], "--", *command)
