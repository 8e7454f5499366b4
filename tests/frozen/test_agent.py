"""The agent's duties, frozen: what they need is in the bundle, the plugin needs none of it, and they stay small."""

import http.client
import marshal
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from provider.commands.agent import DUTIES
from provider.node.bundle.contents import LIBRARIES
from provider.places import PROGRAM
from tests.cloud import SimulatedCloud
from tests.frozen.enter import INSTALLED
from tests.frozen.node_root import STORES, NodeRoot
from tests.frozen.test_any_node import IMAGE, names_by
from tests.frozen.test_on_the_node import by_its_loader
from tests.integration.node import ALPHA
from tests.unit.tls_api_server import ApiServer, always
from tests.unit.webhook_authorities import Key, certificate, key_text, rsa_key

AGENTS = (
    "aiohttp", "anyio", "asn1crypto", "asyncio", "httpcore2", "httpx2", "lightkube", "msgspec", "prometheus_client",
    "provider/agent", "provider/kubernetes", "provider/secrets", "yarl",
)  # fmt: skip
"""What is in the bundle for the agent alone."""
AT_REST_BYTES = 45_000_000
SECONDS = 30
SERVICE = "webhook.kube-system.svc"

WEBHOOK = """
import asyncio, sys
from provider.secrets.webhook import serve_webhook
async def serve(folder):
    server = await serve_webhook("127.0.0.1:0", folder, "webhook.kube-system.svc", None, None, lambda line, level="": 0)
    print(server.port, flush=True)
    await asyncio.sleep(60)
def run(arguments, stdin, stdout, stderr):
    asyncio.run(serve(arguments[0]))
"""
LIST = """
import asyncio
from lightkube.resources.core_v1 import Node
from provider.kubernetes.client import open_async_client, open_client
async def names(kubeconfig):
    return [node.metadata.name async for node in open_async_client(kubeconfig).list(Node)]
def run(arguments, stdin, stdout, stderr):
    with open_client(arguments[0]) as client:
        stdout.write(" ".join([node.metadata.name for node in client.list(Node)] + asyncio.run(names(arguments[0]))))
    return 0
"""


@pytest.mark.parametrize("duty", DUTIES)
def test_each_duty_is_in_it(empty_root: NodeRoot, duty: str) -> None:
    run = empty_root.run(["agent", duty, "--help"])
    assert (run.status, run.stderr) == (0, "")
    assert run.stdout.split()[3] == duty


def test_the_plugin_needs_nothing_of_the_agents(empty_root: NodeRoot, cloud: SimulatedCloud) -> None:
    empty_root.write(STORES["Debian"], cloud.ca_file.read_text())
    hidden = [f"{LIBRARIES}/{name}" for name in AGENTS]
    assert all((INSTALLED / name).is_dir() for name in hidden)
    with names_by("hosts", empty_root):
        assert list(empty_root.request(IMAGE, hidden=hidden).auth) == [ALPHA]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ApiServer]:
    server = ApiServer(tmp_path, wants_certificate=False)
    with server.running():
        yield server


def kubeconfig(api: ApiServer, place: Path) -> None:
    """Write one that names no file, whose authority is beside it."""
    content = yaml.safe_load(Path(api.kubeconfig({"token": "a-service-accounts-token"})).read_text())
    place.with_name("ca.crt").write_bytes(api.authority.cert_pem.bytes())
    content["clusters"][1]["cluster"] = {"server": api.url, "certificate-authority": "ca.crt"}
    place.write_text(yaml.safe_dump(content))


def until_listening(port: int) -> None:
    end = time.monotonic() + SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < end, f"nobody listens on {port}"
            time.sleep(0.05)


def get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def resident(process: int) -> int:
    [line] = [line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def test_agent_node_serves_probes_and_is_small_at_rest(empty_root: NodeRoot, api: ApiServer) -> None:
    kubeconfig(api, empty_root.folder / "kubeconfig")
    arguments = ["agent", "node", "--node=node-1", "--kubeconfig=/kubeconfig", "--listen=127.0.0.1:10358"]
    with empty_root.started(arguments) as process:
        until_listening(10358)
        assert get(10358, "/healthz")[0] == 200
        end = time.monotonic() + SECONDS
        while not any(asked.method != "GET" for asked in api.asked):  # it has told the API server how the node is
            assert time.monotonic() < end, "it tells the API server nothing"
            time.sleep(0.05)
        assert "acr_credential_provider_" in get(10358, "/metrics")[1]
        size = resident(process.pid)
        print(f"agent node at rest: {size / 1e6:.1f} MB resident")
        assert size <= AT_REST_BYTES


def as_command_version(source: str, folder: Path) -> Path:
    """Return a copy of the bundle in which `version` does something else."""
    bundle = folder / "probe"
    shutil.copytree(INSTALLED, bundle, symlinks=True)
    module = bundle / LIBRARIES / "provider/commands/version.pyc"
    module.write_bytes(module.read_bytes()[:16] + marshal.dumps(compile(source, "probe.py", "exec")))
    return bundle


def test_both_clients_of_the_api_server_work(api: ApiServer, tmp_path: Path) -> None:
    listed = {"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "node-1"}}]}
    api.answer = always(200, listed)
    kubeconfig(api, tmp_path / "kubeconfig")
    done = by_its_loader(as_command_version(LIST, tmp_path), "version", str(tmp_path / "kubeconfig"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "node-1 node-1", "")


@pytest.mark.parametrize("make", [rsa_key, lambda: ec.generate_private_key(ec.SECP384R1())], ids=["rsa", "ecdsa"])
def test_the_webhook_shows_a_certificate_that_it_issued(tmp_path: Path, make: Callable[[], Key]) -> None:
    key = make()
    authority = certificate(key)
    (tmp_path / "tls.crt").write_bytes(authority)
    (tmp_path / "tls.key").write_bytes(key_text(key))
    bundle = as_command_version(WEBHOOK, tmp_path)
    [loader] = (bundle / LIBRARIES).glob("ld-*.so.*")
    command = [str(part) for part in (loader, bundle / PROGRAM, "version", tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={}) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            context = ssl.create_default_context(cadata=authority.decode())
            with (
                socket.create_connection(("127.0.0.1", port), 10) as plain,
                context.wrap_socket(plain, server_hostname=SERVICE) as connection,
            ):
                connection.sendall(b"GET /mutate HTTP/1.1\r\nHost: webhook\r\nConnection: close\r\n\r\n")
                assert connection.recv(100).startswith(b"HTTP/1.1 405 ")
        finally:
            process.kill()
