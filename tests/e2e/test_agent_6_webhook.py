"""The webhook, with each failure policy: entries are there before the first pod, and outside nothing is held up."""

import json

import pytest

from provider.kubernetes.names import SECRET, SYSTEM_NAMESPACE, WRITER
from tests.e2e.chart import Chart
from tests.e2e.cluster_of_two import NODES, ClusterOfTwo
from tests.e2e.parts import Parts
from tests.e2e.pods import PRIVATE
from tests.e2e.scenarios import CONFIGURATION, entries, object_of, take_plugin_away, wait_served


@pytest.mark.parametrize("policy", ["Ignore", "Fail"])
def test_there_and_gone(old: ClusterOfTwo, parts: Parts, policy: str) -> None:
    chart = Chart(parts, old)
    for namespace in ("team", "outside"):
        old.api.apply(object_of("Namespace", "", namespace))
    webhook = f"enable: true\nfailure-policy: {policy}\ntimeout-seconds: 5\n"
    watched = {"watch-namespace": "team", "service-account": "*", "webhook-configuration": webhook}
    old.configure({**CONFIGURATION, **watched})
    chart.install()
    wait_served(old, "team")
    chart.wait_ready()
    chart.wait_rolled_out()
    for node in old.nodes:
        take_plugin_away(node)
    # As charts make them, both at once; the pod's image cannot be pulled in another way.
    old.api.apply(object_of("ServiceAccount", "team", "app"), pod_of("team", "app"))
    assert entries(old, "team", "app") == [SECRET]
    old.wait_running("app", namespace="team")
    pulls = old.get("pod", "app", namespace="team")["spec"]["imagePullSecrets"]
    assert [one["name"] for one in pulls] == [SECRET]
    old.api.apply(object_of("ServiceAccount", "outside", "app"))
    assert entries(old, "outside", "app") == []

    old.api.kubectl("scale", f"deployment/{WRITER}", f"--namespace={SYSTEM_NAMESPACE}", "--replicas=0")
    old.wait(lambda: not chart.pods("secrets"), 120, "the writers to go")
    made = old.api.attempt("apply", "--filename=-", stdin=json.dumps(object_of("ServiceAccount", "team", "late")))
    assert (made.returncode == 0) == (policy == "Ignore"), made.stderr
    for namespace in ("outside", SYSTEM_NAMESPACE):
        old.api.apply(object_of("ServiceAccount", namespace, "free"))


def pod_of(namespace: str, account: str) -> dict[str, object]:
    container = {"name": "main", "image": PRIVATE["personal"], "imagePullPolicy": "Always"}
    spec = {"serviceAccountName": account, "nodeName": NODES[0], "containers": [container]}
    return {**object_of("Pod", namespace, account), "spec": spec}
