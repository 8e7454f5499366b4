"""What `agent node` loads: it is on every node, and may take 45 MB there."""

import subprocess
import sys

import pytest

HEAVY = ("aiohttp", "pydantic", "requests", "alibabacloud_cr20181201", "alibabacloud_credentials", "Tea", "Crypto")


@pytest.mark.parametrize(
    "module", ["provider.agent.node", "provider.agent.configuration", "provider.kubernetes.probes"]
)
def test_nothing_heavy_is_loaded(module: str) -> None:
    program = f"import sys, {module}\nprint(*(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []
