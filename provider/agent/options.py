"""What both duties of the agent on a node have in common: where things are mounted, and options."""

import argparse

from provider.kubernetes.names import CONFIG_MAP

MOUNTS = "/mnt"
"""Below it are a folder for the ConfigMap, and one for each identity."""
TOKEN_MODES = ("auto", "workerRole", "managedRole")


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Add what the chart gives to both."""
    parser.add_argument("--node", metavar="NAME", required=True, help="the node that this pod is on")
    parser.add_argument(
        "--token-mode",
        choices=TOKEN_MODES,
        default="",
        help=f"counts where ConfigMap {CONFIG_MAP} does not say it (default: auto)",
    )
    parser.add_argument("--cluster-id", metavar="ID", default="", help="of the ACK cluster, as its console shows it")
