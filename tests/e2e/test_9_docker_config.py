"""Without flags and without a restart: entries in the kubelet's own config.json, across a renewal."""

import time

from provider.places import PROGRAM
from tests.e2e.conftest import NewNode
from tests.e2e.identities import worker_role
from tests.e2e.pods import ENTERPRISE, PRIVATE
from tests.e2e.tree import differences

TOKEN_SECONDS = 1280
"""An entry is renewed when its token is good for less than 1200."""
DELAY_SECONDS = 90
"""Not all nodes ask at once: up to a minute, and the cloud's time."""
RENEWAL_SECONDS = 80 + 300 + 120
"""Until that, until the timer comes, its inaccuracy and its random delay."""
READ_AGAIN_SECONDS = 305
"""The kubelet reads the file every five minutes."""
CONFIG = "/var/lib/kubelet/config.json"


def test_across_a_renewal(new_node: NewNode) -> None:
    node = new_node()
    node.site.ask("world", authorization_token_seconds=TOKEN_SECONDS)
    worker_role(node)
    before, started = node.tree(), node.kubelet_started()
    node.install("--delivery=docker-config")
    node.wait(lambda: node.attempt(f"test -e {CONFIG}").returncode == 0, DELAY_SECONDS, f"{CONFIG} to come")
    assert node.run(f"stat -c '%a %U' {CONFIG}") == "600 root\n"
    node.runs("first", PRIVATE["enterprise"])
    read = time.monotonic()
    first = node.run(f"cat {CONFIG}")
    assert ENTERPRISE in first
    node.wait(lambda: node.run(f"cat {CONFIG}") != first, RENEWAL_SECONDS, "the timer to renew the entry")
    node.wait(lambda: time.monotonic() > read + READ_AGAIN_SECONDS, READ_AGAIN_SECONDS, "the kubelet's five minutes")
    # The first token ends, the last one not yet.
    given = [call["time"] for call in node.site.calls("acr", "GetAuthorizationToken") if call["status"] == 200]
    node.site.ask("turn_clock", offset=(given[0] + given[-1]) / 2 + TOKEN_SECONDS - time.time())
    node.runs("second", PRIVATE["enterprise"])
    node.site.ask("turn_clock", offset=0)
    node.run(f"/opt/{PROGRAM}/bin/{PROGRAM} uninstall")
    assert differences(before, node.tree(), (f"etc/{PROGRAM}",)) == []
    assert node.kubelet_started() == started
