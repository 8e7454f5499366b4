"""`agent secrets`: keeps the compatibility Secrets, and answers the webhook.

Several run at a time, and one of them, the leader, writes. All of them follow the configuration and have tokens, so
that who becomes the leader has nothing to wait for, and each can answer the webhook.
"""

import argparse
import asyncio
from typing import TextIO

from provider.agent.options import MOUNTS, add_identity_options, check_cluster_id
from provider.errors import ConfigurationError
from provider.node.private_folder import make_private
from provider.places import DEFAULTS, Places
from provider.secrets.run_lines import Lines
from provider.secrets.run_process import Process

LISTEN = "0.0.0.0:10359"
OWN_FOLDER = "writer"
"""Below the state directory, which the kubelet makes for everybody."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the chart gives."""
    parser.add_argument("--identity", metavar="NAME", required=True, help="the pod's name: who leads, by the Lease")
    parser.add_argument("--listen", metavar="HOST:PORT", default=LISTEN, help="for probes and metrics (%(default)s)")
    add_identity_options(parser)
    parser.add_argument(
        "--takeover", action="store_true", help="take over Secrets of the same name that another program wrote"
    )
    parser.add_argument(
        "--remove", action="store_true", help="take all Secrets and entries away; ready when all is gone"
    )
    parser.add_argument("--webhook-listen", metavar="HOST:PORT", default="", help="answer the webhook there")
    parser.add_argument(
        "--webhook-authority", metavar="DIR", default="", help="where its authority's tls.crt and tls.key are"
    )
    parser.add_argument("--webhook-service", metavar="HOST", default="", help="its Service: NAME.NAMESPACE.svc")
    parser.add_argument(
        "--local", metavar="PATH", default=DEFAULTS["--local"], help="endpoints and ca-file (default: %(default)s)"
    )
    parser.add_argument(
        "--state-dir",
        metavar="DIR",
        default=DEFAULTS["--state-dir"],
        help="for tokens and identities, in memory (default: %(default)s)",
    )


def run(parsed: argparse.Namespace, stdout: TextIO, stderr: TextIO, mounts: str = MOUNTS) -> int:
    """Go on until a signal ends it, 0; or one of its parts fails, 1. Raises ProviderError where it cannot begin."""
    if parsed.webhook_listen and not (parsed.webhook_authority and parsed.webhook_service):
        raise ConfigurationError("--webhook-listen: needs --webhook-authority and --webhook-service as well")
    check_cluster_id(parsed)
    return asyncio.run(Process(parsed, _places(parsed), mounts, Lines(stderr)).run())


def _places(parsed: argparse.Namespace) -> Places:
    own = f"{parsed.state_dir}/{OWN_FOLDER}"
    try:
        make_private(own)
    except OSError as error:
        raise ConfigurationError(f"--state-dir {parsed.state_dir}: {error.strerror}") from None
    return Places(
        {
            "--config": f"{own}/config.yaml",
            "--local": parsed.local,
            "--state-dir": own,
            "--data-dir": f"{own}/data",
        }
    )
