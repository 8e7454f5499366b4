"""What the duties of the agent have in common: where things are mounted, and options."""

import argparse

from provider.cluster import CLUSTER_ID
from provider.errors import ConfigurationError
from provider.kubernetes.names import CONFIG_MAP

MOUNTS = "/mnt"
"""Below it are a folder for the ConfigMap, and one for each identity."""
TOKEN_MODES = ("auto", "workerRole", "managedRole")


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Add what the chart gives to both duties on a node."""
    parser.add_argument("--node", metavar="NAME", required=True, help="the node that this pod is on")
    add_identity_options(parser)


def add_identity_options(parser: argparse.ArgumentParser) -> None:
    """Add what decides the identity beside the ConfigMap."""
    parser.add_argument(
        "--token-mode",
        choices=TOKEN_MODES,
        default="",
        help=f"counts where ConfigMap {CONFIG_MAP} does not say it (default: auto)",
    )
    parser.add_argument("--cluster-id", metavar="ID", default="", help="of the ACK cluster, as its console shows it")


def check_cluster_id(parsed: argparse.Namespace) -> None:
    """Raise ConfigurationError for a --cluster-id that is none."""
    if parsed.cluster_id and not CLUSTER_ID.fullmatch(parsed.cluster_id):
        raise ConfigurationError(
            f"--cluster-id {parsed.cluster_id}: is no id of an ACK cluster, such as c0123456789abcdef"
        )
