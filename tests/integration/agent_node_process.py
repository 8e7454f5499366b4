"""The process of `agent node` with fast rounds, below a directory; it loads nothing else, so that it can be measured.

`python -m tests.integration.agent_node_process DIRECTORY ARGUMENT...`
"""

import argparse
import sys
from collections.abc import Sequence

from provider.agent import node
from provider.errors import ProviderError
from provider.places import PROGRAM, Places

ROUND_SECONDS = 0.2
PLACES = {"--config": "etc/config.yaml", "--local": "etc/local.yaml", "--state-dir": "run", "--data-dir": "data"}


def main(directory: str, arguments: Sequence[str]) -> int:
    """Be the agent."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--namespace")
    parser.add_argument("--kubeconfig")
    node.add_options(parser)
    places = Places({name: f"{directory}/{path}" for name, path in PLACES.items()})
    parsed = parser.parse_args(list(arguments))
    try:
        return node.run(parsed, sys.stdout, sys.stderr, places, f"{directory}/mnt", ROUND_SECONDS)
    except ProviderError as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return error.exit_status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
