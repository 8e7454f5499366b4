"""Tokens end and are renewed while pulls go on, whatever the cloud's clock says."""

import time

import pytest

from tests.e2e.conftest import NewNode
from tests.e2e.identities import worker_role
from tests.e2e.pods import PRIVATE

TOKEN_SECONDS = 80
PULL_SECONDS = 130


@pytest.mark.parametrize("offset", [0, 300, -300], ids=["right", "cloud ahead", "cloud behind"])
def test_renewal_while_pulls_go_on(new_node: NewNode, offset: int) -> None:
    node = new_node()
    node.site.ask("turn_clock", offset=offset)
    node.site.ask("world", authorization_token_seconds=TOKEN_SECONDS)
    worker_role(node)
    node.install()
    end = time.monotonic() + PULL_SECONDS
    pulls = 0
    while time.monotonic() < end:
        pulls += 1
        # One that is refused would be tried again after ten seconds, so a short wait shows it.
        node.pod(f"private-{pulls}", PRIVATE["enterprise"])
        node.wait_running(f"private-{pulls}", 9)
        node.remove_pod(f"private-{pulls}")
    assert pulls > 20
    tokens = [call for call in node.site.calls("acr", "GetAuthorizationToken") if call["status"] == 200]
    assert len(tokens) >= 3
    refused = [call for call in node.site.calls("auth") if call["status"] == 401]
    assert refused == []
