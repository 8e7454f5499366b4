"""Values that the chart is rendered with, each for a way that it is used in."""

from typing import Any

VALUE_SETS: dict[str, dict[str, Any]] = {
    "none": {},
    "daemonset": {"secrets__placement": "daemonset"},
    "daemonset with all": {
        "secrets__placement": "daemonset",
        "webhook__enabled": True,
        "metrics__enabled": True,
        "metrics__podMonitor__enabled": True,
        "secrets__localSecret": "private-cloud",
    },
    "uninstall": {"uninstall": True, "webhook__enabled": True},
    "uninstall daemonset": {"uninstall": True, "secrets__placement": "daemonset"},
    "webhook": {
        "webhook__enabled": True,
        "webhook__failurePolicy": "Fail",
        "webhook__timeoutSeconds": 5,
        "webhook__namespaces": ["team-a", "team-b"],
    },
    "metrics": {
        "metrics__enabled": True,
        "metrics__podMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "metrics__prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
    },
    "incumbent's account": {"serviceAccount__name": "aliyun-acr-credential-helper", "secrets__takeover": True},
    "one account": {"serviceAccount__name": "acr", "secrets__serviceAccountName": "acr"},
    "everything else": {
        "image__repository": "registry.example.com/team/agent",
        "image__tag": f"9.9.9@sha256:{64 * 'a'}",
        "image__pullSecrets": ["registry"],
        "namespace": "acr",
        "tokenMode": "managedRole",
        "clusterId": "c0123456789abcdef0123456789abcdef",
        "rollout": {"slots": 3, "restart": "never", "delivery": "docker-config"},
        "secrets__replicas": 1,
        "secrets__tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
        "secrets__environment": {"HTTPS_PROXY": "http://proxy.example.com:3128", "NO_PROXY": "10.0.0.0/8"},
        "kubeletAudience__enabled": True,
        "validatingAdmissionPolicy__enabled": False,
    },
}
