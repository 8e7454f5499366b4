"""Compatibility Secrets: pods pull through them where no node has the plugin, and another writer is not disturbed."""

import base64
import json

from provider.kubernetes.names import CONFIG_MAP, SECRET, SYSTEM_NAMESPACE
from tests.e2e.chart import Chart
from tests.e2e.cluster_of_two import NODES, ClusterOfTwo
from tests.e2e.parts import Parts
from tests.e2e.pods import PERSONAL, PRIVATE
from tests.e2e.scenarios import CONFIGURATION, entries, object_of, take_plugin_away, wait_served

INCUMBENT = "aliyun-acr-credential-helper"
THEIRS = base64.b64encode(json.dumps({"auths": {PERSONAL: {"auth": "dGhlaXJzOnRoZWlycw=="}}}).encode()).decode()
EVENT_SECONDS = 60
SETTLED_SECONDS = 20


def test_without_the_plugin_and_beside_another_writer(old: ClusterOfTwo, parts: Parts) -> None:
    chart = Chart(parts, old)
    for namespace in ("team", "taken", "other"):
        old.api.apply(object_of("Namespace", "", namespace))
    write_as_incumbent(old, "taken")
    watched = {**CONFIGURATION, "watch-namespace": "team,taken"}
    old.configure(watched)
    chart.install()
    wait_served(old, "team")
    chart.wait_ready()
    chart.wait_rolled_out()
    # Nobody's pods are helped by the plugin from here on.
    for node in old.nodes:
        take_plugin_away(node)
    for name in NODES:
        old.pod(f"selected-{name}", PRIVATE["personal"], name, "team")
    old.pod("not-selected", PRIVATE["personal"], NODES[0], "other")
    old.wait_running(*(f"selected-{name}" for name in NODES), namespace="team")
    old.wait_refused("not-selected", "other")

    def told() -> bool:
        return any(event["reason"] == "AnotherWriter" for event in chart.events("taken"))

    old.wait(told, EVENT_SECONDS, "an Event about the other writer")
    assert secret_of(old, "taken")["data"][".dockerconfigjson"] == THEIRS
    assert entries(old, "taken") == []
    chart.install({"secrets": {"takeover": True}})
    wait_served(old, "taken", seconds=120)
    assert secret_of(old, "taken")["data"][".dockerconfigjson"] != THEIRS
    # No longer selected, and so no longer served.
    old.configure({**watched, "watch-namespace": "taken"})
    old.wait(lambda: entries(old, "team") == [], 60, "the entry to go")
    old.wait(lambda: not secret_there(old, "team"), 60, "the Secret to go")
    old.configure({**watched, "compat-secrets": "off"})
    old.wait(lambda: entries(old, "taken") == [] and not secret_there(old, "taken"), 60, "all of them to go")
    assert not any(event["involvedObject"]["name"] == CONFIG_MAP for event in chart.events(SYSTEM_NAMESPACE))


def write_as_incumbent(cluster: ClusterOfTwo, namespace: str) -> None:
    """Write the Secret as the other program does."""
    secret = object_of(
        "Secret", namespace, SECRET, type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": THEIRS}
    )
    arguments = ("apply", "--server-side", f"--field-manager={INCUMBENT}", "--filename=-")
    cluster.api.kubectl(*arguments, stdin=json.dumps(secret))


def secret_of(cluster: ClusterOfTwo, namespace: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = cluster.get("secret", SECRET, namespace=namespace)
    return found


def secret_there(cluster: ClusterOfTwo, namespace: str) -> bool:
    return "NotFound" not in cluster.api.attempt("get", "secret", SECRET, f"--namespace={namespace}").stderr
