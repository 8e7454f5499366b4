"""The objects in the cluster that we read or write, by name."""

from provider.places import PROGRAM

NAMESPACE = PROGRAM
"""Ours by default: Leases alone are in it."""
SYSTEM_NAMESPACE = "kube-system"
CONFIG_MAP = "acr-configuration"
SECRET = "acr-credential-secret-aggregation"  # noqa: S105
"""The compatibility Secret, as the incumbent calls it: manifests and scripts name it."""
MANAGED_ROLE_SECRET = "addon.aliyuncsmanagedacrrole.token"  # noqa: S105
MANAGED_ROLE_KEY = "addon.token.config"
DAEMON_SET = PROGRAM
WRITER = f"{PROGRAM}-secrets"
"""Deployment and ServiceAccount of the writer of compatibility Secrets."""
FIELD_MANAGER = PROGRAM
PREFIX = f"{PROGRAM}/"
"""What our labels and annotations begin with."""
