"""Monitors and alerts: they name ports and figures that are there."""

import re

from provider.agent.node_metrics import NodeMetrics
from provider.secrets.metrics import Metrics
from tests.chart.helm import one, rendered
from tests.chart.value_sets import VALUE_SETS

FIGURES = re.compile(r"acr_credential_provider_\w+")


def known() -> set[str]:
    """The names of all figures."""
    registries = (NodeMetrics().registry, Metrics().registry)
    return {metric.name for registry in registries for metric in registry.collect()}


def test_there_are_none_without_asking() -> None:
    assert not [each for each in rendered() if each["apiVersion"].startswith("monitoring")]


def test_monitors_ask_the_ports_of_the_pods() -> None:
    for placement, kinds in (("separate", ("DaemonSet", "Deployment")), ("daemonset", ("DaemonSet", "DaemonSet"))):
        made = rendered(**VALUE_SETS["metrics"], secrets__placement=placement)
        monitors = [each for each in made if each["kind"] == "PodMonitor"]
        assert len(monitors) == 2
        for monitor, kind in zip(monitors, kinds, strict=True):
            pods = one(made, kind)["spec"]["template"]
            assert monitor["spec"]["selector"]["matchLabels"].items() <= pods["metadata"]["labels"].items()
            ports = {port["name"] for each in pods["spec"]["containers"] for port in each["ports"]}
            assert {each["port"] for each in monitor["spec"]["podMetricsEndpoints"]} <= ports
            assert monitor["metadata"]["labels"]["release"] == "prometheus"


def test_alerts_are_about_figures_that_there_are() -> None:
    rule = one(rendered(**VALUE_SETS["metrics"]), "PrometheusRule")
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    [group] = rule["spec"]["groups"]
    assert [each["alert"] for each in group["rules"]] == [
        "AcrCredentialNodeFailed",
        "AcrCredentialTokensEnd",
        "AcrCredentialSecretsEnd",
        "AcrCredentialConfigurationWrong",
    ]
    for each in group["rules"]:
        named = set(FIGURES.findall(each["expr"]))
        assert named and named <= known()
        assert each["annotations"]["summary"] and each["annotations"]["description"]


def test_a_target_without_a_token_is_told_of_for_as_long_as_it_has_none() -> None:
    [group] = one(rendered(**VALUE_SETS["metrics"]), "PrometheusRule")["spec"]["groups"]
    [expression] = [each["expr"] for each in group["rules"] if each["alert"] == "AcrCredentialTokensEnd"]
    # An end that is past, or 0, is less than any threshold; a filter would end the alert when the outage begins.
    ended, _, threshold = expression.partition(" < ")
    assert ended == "min by (target) (acr_credential_provider_token_end_timestamp_seconds) - time()"
    assert threshold == "scalar(max(acr_credential_provider_token_expiring_threshold_seconds)) * 2 / 3"


def test_a_node_that_was_scaled_away_wakes_nobody() -> None:
    """Its Lease stays for a day, and nobody renews it."""
    [group] = one(rendered(**VALUE_SETS["metrics"]), "PrometheusRule")["spec"]["groups"]
    assert [each["expr"] for each in group["rules"] if "nodes{" in each["expr"]] == [
        'sum(acr_credential_provider_nodes{state="failed"}) > 0'
    ]
