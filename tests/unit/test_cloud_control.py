"""The simulated cloud as a process, driven over its control channel."""

import json
import signal
import subprocess
import sys
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

ROOT = Path(__file__).parents[2]


class Process:
    """The process, its ready line, and one command at a time."""

    def __init__(self, directory: Path) -> None:
        command = [sys.executable, "-m", "tests.cloud", "--directory", str(directory)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.ready = self._read()

    def __call__(self, command: str, **options: Any) -> dict[str, Any]:
        return self.send(json.dumps({"command": command, **options}))

    def send(self, line: str) -> dict[str, Any]:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n")
        return self._read()

    def region(self) -> int:
        with requests.Session() as client:
            client.trust_env = False
            url = f"http://{self.ready['metadata_address']}/latest/meta-data/region-id"
            return client.get(url, timeout=20).status_code

    def end(self) -> int:
        with self.process:
            assert self.process.stdin
            self.process.stdin.close()
            return self.process.wait(10)

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@pytest.fixture
def driven(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path)
    try:
        yield process
    finally:
        process.end()


def test_ready_line(driven: Process) -> None:
    assert driven.ready["ready"] is True
    assert "BEGIN CERTIFICATE" in Path(driven.ready["ca_file"]).read_text()
    assert driven.region() == 200
    assert driven.end() == 0


def test_sigterm_ends_it(driven: Process) -> None:
    driven.process.send_signal(signal.SIGTERM)
    assert driven.process.wait(10) == 0


def test_faults_calls_and_node(driven: Process) -> None:
    assert driven("set_fault", service="metadata", kind="status", status=500)["ok"] is True
    assert driven.region() == 500
    assert driven("clear_faults")["ok"] is True
    assert driven("node", mode="hardened")["mode"] == "hardened"
    assert driven.region() == 403
    calls = driven("calls", service="metadata")["calls"]
    assert [(call["status"], call["code"]) for call in calls] == [(500, "fault:status"), (403, "403")]
    driven("clear_calls")
    assert driven("calls")["calls"] == []
    assert driven("trapped")["trapped"] == []


def test_files_and_secrets(driven: Process, tmp_path: Path) -> None:
    file = tmp_path / "token"
    driven("service_account_token", namespace="team-a", name="app", file=str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    text = driven("managed_role_secret", seconds=-1)["text"]
    kept = driven("secrets")["secrets"]
    assert file.read_text() in kept
    assert json.loads(text)["keyring"] in kept
    assert driven("users")["users"][0]["access_key_secret"] in kept
    assert driven("world", authorization_token_seconds=60)["authorization_token_seconds"] == 60
    assert driven("turn_clock", offset=100000)["now"] > driven("turn_clock", offset=0)["now"] + 99000
    assert driven("challenge", instance="alpha", challenge="")["ok"] is True


def test_a_real_issuer_gets_the_key_that_the_cloud_checks_with(driven: Process, tmp_path: Path) -> None:
    file = tmp_path / "tokens.pem"
    answer = driven("signing_key", file=str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    key = load_pem_private_key(file.read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    header, claims, signature = driven("service_account_token")["text"].split(".")
    signed = f"{header}.{claims}".encode()
    key.public_key().verify(decoded(signature), signed, PKCS1v15(), SHA256())
    assert json.loads(decoded(claims))["iss"] == answer["issuer"]
    assert "PRIVATE KEY" not in json.dumps(answer)


def decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.mark.parametrize(
    "line",
    [
        "no JSON",
        "[]",
        '"calls"',
        '{"command": "dance"}',
        "{}",
        '{"command": "set_fault", "service": "acr"}',
        '{"command": "set_fault", "service": "acr", "kind": "boom"}',
        '{"command": "node", "colour": "red"}',
        '{"command": "world", "roles": []}',
        '{"command": "challenge", "instance": "none", "challenge": ""}',
        '{"command": "signing_key"}',
    ],
)
def test_wrong_commands_are_answered(driven: Process, line: str) -> None:
    answer = driven.send(line)
    assert answer["ok"] is False
    assert answer["error"]
    assert driven("calls")["ok"] is True
