"""A process that uses the cloud package as the plugin does: bare, with everything left out that can be."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import SimulatedCloud
from tests.cloud.default_world import ALPHA, CUSTOM_DOMAIN, REGION

pytestmark = pytest.mark.source

ROOT = Path(__file__).parents[2]

SCRIPT = """
import os
from provider import environment
taken = environment.take(os.environ)
from provider.cloud.cloud import Cloud
from provider.config.values import Endpoints, Local
from provider.deadline import Deadline
from provider.errors import ProviderError
import atexit, json, sys, threading
before = set(sys.modules)
hooks = {}
register, unregister = atexit.register, atexit.unregister
atexit.register = lambda hook, *_, **__: hooks.update({hook: hook.__module__})
atexit.unregister = lambda hook: hooks.pop(hook, None)
cloud = Cloud(taken, Local(Endpoints(metadata=sys.argv[1])), Deadline(float(sys.argv[2])))
light = sorted(set(sys.modules) - before)
found = {"light": light}
try:
    session = cloud.metadata.worker_role_session()
    token = cloud.enterprise.authorization_token(session, "cn-hangzhou", "INSTANCE")
    found["domains"] = cloud.enterprise.instance_domains(session, "cn-hangzhou", "INSTANCE")
    found["instance"] = cloud.enterprise.find_instance(session, "cn-hangzhou", "alpha")
    found["registry"] = cloud.registry.challenge("alpha-registry.cn-hangzhou.cr.aliyuncs.com").instance_id
    cloud.registry.login("alpha-registry.cn-hangzhou.cr.aliyuncs.com", token.username, token.password)
    personal = cloud.personal.authorization_token(session, "cn-hangzhou")
    cloud.registry.login("registry.cn-hangzhou.aliyuncs.com", personal.username, personal.password)
except ProviderError as error:
    found["error"] = str(error)
found["hooks"] = sorted(hooks.values())
found["threads"] = threading.active_count()
found["modules"] = sorted(sys.modules)
print(json.dumps(found))
""".replace("INSTANCE", ALPHA)


def run(
    simulated: SimulatedCloud, extra: dict[str, str] | None = None, seconds: int = 30
) -> tuple[dict[str, Any], str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, simulated.metadata_address, str(seconds)],
        cwd=ROOT,
        env=simulated.environment() | (extra or {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    return found, done.stdout


def test_a_whole_run_without_the_parts_left_out(tmp_path: Path) -> None:
    with SimulatedCloud(tmp_path) as simulated:
        found, _ = run(simulated)
    assert "error" not in found
    assert CUSTOM_DOMAIN in found["domains"]
    assert found["instance"] == found["registry"] == ALPHA
    assert found["light"] == []
    assert found["threads"] == 1
    assert set(found["hooks"]) <= {"logging", "weakref"}  # the standard library's own
    assert not {"aiohttp", "asyncio", "certifi", "cryptography", "charset_normalizer"} & set(found["modules"])


def test_a_poisoned_environment_changes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".aliyun").mkdir(parents=True)
    (home / ".alibabacloud").mkdir()
    (home / ".aliyun" / "config.json").write_text('{"current":"x","profiles":[{"name":"x","mode":"External"}]}')
    (home / ".alibabacloud" / "credentials.ini").write_text("[default]\nenable = true\ntype = access_key\n")
    poison = {
        "HOME": str(home),
        "DEBUG": "sdk",
        "REQUESTS_CA_BUNDLE": "/nonexistent.pem",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "poison",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "poison",
        "ALIBABA_CLOUD_SECURITY_TOKEN": "poison",
        "ALIBABA_CLOUD_ECS_METADATA": "poison-role",
        "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true",
        "ALIBABA_CLOUD_ROLE_ARN": "poison",
        "ALIBABA_CLOUD_USER_AGENT": "poison",
    }
    with SimulatedCloud(tmp_path / "cloud") as simulated:
        found, _ = run(simulated, poison)
        assert "error" not in found
        assert {call.identity for call in simulated.calls.of("acr", "GetAuthorizationToken")} == {
            call.identity for call in simulated.calls.of("acr", "ListInstance")
        }
    assert found["instance"] == ALPHA


def test_failures_leave_nothing_on_stderr_and_no_secret_anywhere(tmp_path: Path) -> None:
    with SimulatedCloud(tmp_path) as simulated:
        for kind in ("drop", "torn", "html"):
            simulated.faults.clear()
            simulated.faults.set("acr", kind)
            found, output = run(simulated, seconds=2)
            assert f"cr-vpc.{REGION}.aliyuncs.com" in found["error"]
            assert not [secret for secret in simulated.secrets() if secret in output]
        simulated.world.node.credentials_code = "Failed"  # which the SDK logs, with a trace
        found, output = run(simulated, seconds=2)
        assert "has no credentials of role KubernetesWorkerRole-test ready" in found["error"]
        assert not [secret for secret in simulated.secrets() if secret in output]
