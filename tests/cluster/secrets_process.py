"""`agent secrets` as a process, beside an API server and the simulated cloud."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lightkube import ApiError, Client
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.coordination_v1 import Lease
from lightkube.resources.core_v1 import ConfigMap, Namespace

from provider.kubernetes.names import CONFIG_MAP, SYSTEM_NAMESPACE
from provider.secrets.leader import NAME
from tests.integration.node import ROOT, Node, program
from tests.systems.system import wait_for

NAMESPACE = "acr-writers"
SECONDS = 40
"""For what happens at once on a machine that has other things to do."""


class Process:
    """One writer."""

    def __init__(self, kubeconfig: Path, node: Node, name: str, *options: str) -> None:
        self.name = name
        self.state = node.directory / name
        self.state.mkdir()
        self._port = free_port()
        hooks = [option.rpartition(":")[2] for option in options if option.startswith("--webhook-listen=")]
        self.webhook_port = int(hooks[0]) if hooks else 0
        self._log = node.directory / f"{name}.log"
        arguments = [
            *("agent", "secrets", f"--namespace={NAMESPACE}", f"--identity={name}", f"--kubeconfig={kubeconfig}"),
            *(f"--listen=127.0.0.1:{self._port}", f"--state-dir={self.state}", f"--local={node.local_file}"),
            *("--token-mode=workerRole", *options),
        ]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*program(), *arguments],
                env={**node.environment, "TMPDIR": os.environ["TMPDIR"]},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def page(self, path: str) -> tuple[int, str]:
        """Status and text of a page; status 0 where nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str) -> float | None:
        """The value of a metric, labels included in its name."""
        for line in self.page("/metrics")[1].splitlines():
            metric, _, value = line.rpartition(" ")
            if metric == f"acr_credential_provider_{name}":
                return float(value)
        return None

    def leads(self) -> bool:
        return self.metric("leader") == 1

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.log[-4000:]
        return self.page("/readyz")[0] == 200

    def until_ready(self) -> None:
        wait_for(self.is_ready, SECONDS, f"{self.name} to be ready: {self.page('/readyz')}")

    def maps(self) -> str:
        """The files that are in its memory."""
        return Path(f"/proc/{self.process.pid}/maps").read_text()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> int:
        """Ask it to end; returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def running(client: Client, kubeconfig: Path, node: Node, name: str, *options: str) -> Iterator[Process]:
    """A writer that is killed in the end. The namespace of its Lease is there."""
    make_namespace(client, NAMESPACE)
    process = Process(kubeconfig, node, name, *options)
    try:
        yield process
        assert not [secret for secret in node.cloud.secrets() if secret in process.log]
    finally:
        process.process.kill()
        process.process.wait()


def make_namespace(client: Client, name: str) -> None:
    try:
        client.create(Namespace(metadata=ObjectMeta(name=name)))
    except ApiError as error:
        assert error.status.reason == "AlreadyExists"


def holder(client: Client) -> str:
    """Who the Lease says leads; empty where nobody does."""
    lease = Lease()
    with absent_allowed():
        lease = client.get(Lease, NAME, namespace=NAMESPACE)
    return (lease.spec.holderIdentity or "") if lease.spec is not None else ""


def configure(client: Client, **data: str) -> None:
    """Make the ConfigMap say this and nothing else; names with _ for -."""
    remove_configuration(client)
    keys = {key.replace("_", "-"): value for key, value in data.items()}
    client.create(ConfigMap(metadata=ObjectMeta(name=CONFIG_MAP, namespace=SYSTEM_NAMESPACE), data=keys))


def edit(client: Client, data: Mapping[str, str | None]) -> None:
    """Change some keys of it; None takes one away."""
    client.patch(ConfigMap, CONFIG_MAP, {"data": dict(data)}, namespace=SYSTEM_NAMESPACE)


def remove_configuration(client: Client) -> None:
    with absent_allowed():
        client.delete(ConfigMap, CONFIG_MAP, namespace=SYSTEM_NAMESPACE)


def remove_lease(client: Client) -> None:
    """Take it from writers that were killed, so that the next one need not wait for its end."""
    with absent_allowed():
        client.delete(Lease, NAME, namespace=NAMESPACE)


@contextmanager
def absent_allowed() -> Iterator[None]:
    try:
        yield
    except ApiError as error:
        assert error.status.reason == "NotFound"


def seconds_until(condition: Callable[[], bool], what: str, seconds: float = SECONDS) -> float:
    """Wait for it and tell how long that took."""
    began = time.monotonic()
    wait_for(condition, seconds, what)
    return time.monotonic() - began
