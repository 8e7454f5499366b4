"""A node of the simulated cloud: the directories that the program uses, and the program as a process.

Every run is searched for the cloud's secrets: none may be in stderr, and none in stdout but in the protocol's answer.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cloud import SimulatedCloud
from tests.cloud import clients as registry_clients
from tests.cloud.default_world import WORKER_ROLE
from tests.cloud.world import Role

ROOT = Path(__file__).parents[2]
GROUP = "credentialprovider.kubelet.k8s.io"
ALPHA = "alpha-registry.cn-hangzhou.cr.aliyuncs.com"
ALPHA_VPC = "alpha-registry-vpc.cn-hangzhou.cr.aliyuncs.com"
PERSONAL = "registry-vpc.cn-hangzhou.aliyuncs.com"

BUSY_SECONDS = 10.0
"""What a loaded machine may add to a limit: it still tells what ends in time from what waits for the deadline."""


def program() -> list[str]:
    """The program under test: what PROGRAM names (a frozen one), else this source tree."""
    frozen = os.environ.get("PROGRAM")
    return [frozen] if frozen else [sys.executable, "-I", "-c", SOURCE_PROGRAM]


SOURCE_PROGRAM = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from provider.__main__ import main; sys.exit(main())"


@dataclass(frozen=True)
class Result:
    """What a run of the program left."""

    status: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def response(self) -> dict[str, Any]:
        """The kubelet's response; the run must have been good."""
        assert self.status == 0, f"exit status {self.status}: {self.stderr}"
        parsed = json.loads(self.stdout)
        assert isinstance(parsed, dict)
        return parsed

    @property
    def auth(self) -> dict[str, dict[str, str]]:
        auth = self.response["auth"]
        assert isinstance(auth, dict)
        return auth

    @property
    def cache_seconds(self) -> int:
        text = self.response["cacheDuration"]
        assert text.endswith("s")
        return int(text[:-1])

    @property
    def refusal(self) -> str:
        """The one line on stderr of a run that refused."""
        assert self.status != 0, self.stdout
        assert self.stdout == ""
        assert self.stderr.count("\n") == 1, self.stderr
        return self.stderr.strip()


class Node:
    """One node; `cloud` is where it lives."""

    def __init__(self, cloud: SimulatedCloud, directory: Path) -> None:
        self.cloud = cloud
        self.directory = directory
        self.state = directory / "run"
        self.data = directory / "data"
        self.config = directory / "config.yaml"
        self.local_file = directory / "local.yaml"
        self.environment = cloud.environment()
        self.data.mkdir()
        self.local(f"endpoints:\n  metadata: {cloud.metadata_address}\n")

    def configure(self, text: str) -> None:
        self._write(self.config, text)

    def local(self, text: str) -> None:
        self._write(self.local_file, text)

    def identity(self, name: str, text: str) -> Path:
        """Put a file where the agent puts it: `managed-role.json` or `rrsa-token`."""
        path = self.state / "identities" / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.state.chmod(0o700)
        self._write(path, text)
        return path

    def role(self, name: str = WORKER_ROLE) -> Role:
        """A RAM role of the cloud's, to be changed at will; by default the node's own."""
        found = self.cloud.world.role(name)
        assert found is not None
        return found

    def cluster_created(self, day: str) -> None:
        path = self.data / "cluster/cluster.json"
        path.parent.mkdir(exist_ok=True)
        self._write(path, json.dumps({"created": f"{day}T00:00:00Z"}))

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o600)

    @property
    def options(self) -> list[str]:
        places = {
            "--config": self.config,
            "--local": self.local_file,
            "--state-dir": self.state,
            "--data-dir": self.data,
        }
        return [f"{name}={path}" for name, path in places.items()]

    def start(self, environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start the plugin; the request is still to be written."""
        given = self.environment if environment is None else environment
        pipe = subprocess.PIPE
        return subprocess.Popen([*program(), *self.options], env=given, stdin=pipe, stdout=pipe, stderr=pipe)

    def request(self, image: str, version: str = "v1", **fields: object) -> Result:
        """Send the kubelet's request for an image."""
        asked = {"kind": "CredentialProviderRequest", "apiVersion": f"{GROUP}/{version}", "image": image, **fields}
        return self.run([], json.dumps(asked))

    def run(self, arguments: Sequence[str], stdin: str = "", *, timeout: float = 60, secret: bool = False) -> Result:
        """Run the program: with arguments a command, without the plugin. `secret`: its output may hold secrets."""
        started = time.monotonic()
        options = [] if arguments and arguments[0] in ("version", "config") else self.options
        done = subprocess.run(
            [*program(), *arguments, *options],
            input=stdin.encode(),
            capture_output=True,
            env=self.environment,
            timeout=timeout,
            check=False,
        )
        result = Result(done.returncode, done.stdout.decode(), done.stderr.decode(), time.monotonic() - started)
        self.no_secret_in(result.stderr)
        if arguments and not secret:
            self.no_secret_in(result.stdout)
        return result

    def no_secret_in(self, text: str) -> None:
        found = [secret for secret in self.cloud.secrets() if secret in text]
        assert not found, f"{len(found)} secrets in the output"

    def login(self, result: Result, host: str) -> int:
        """Return the status of a login at the simulated registry with what the plugin answered."""
        auth = result.auth[host]
        return registry_clients.login(self.cloud, host.partition(":")[0], auth["username"], auth["password"])

    def pull(self, result: Result, host: str, repository: str) -> int:
        auth = result.auth[host]
        return registry_clients.pull(self.cloud, host, repository, auth["username"], auth["password"])
