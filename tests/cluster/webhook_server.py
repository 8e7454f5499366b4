"""The webhook as the writer runs it, and what the API server needs to find it."""

import asyncio
import base64
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightkube.resources.core_v1 import Event

from provider.config.values import Webhook
from provider.journal import Journal
from provider.kubernetes.client import open_async_client
from provider.secrets.admission import Rules
from provider.secrets.desired import Content, Desired
from provider.secrets.reconcile import Reconciler
from provider.secrets.selection import wanted_of
from provider.secrets.webhook import Server, serve_webhook
from tests.chart.helm import Object
from tests.cluster.api import Api
from tests.cluster.chart import of_kinds, rendered
from tests.cluster.place import ADVERTISED

SECRET = "acr-credential-secret-aggregation"
CHART_NAME = "aliyun-acr-credential-provider-webhook"
DOCKER_CONFIG = b'{"auths":{"registry.cn-hangzhou.aliyuncs.com":{"auth":"dTpw"}}}'


@dataclass(frozen=True)
class Installed:
    """A webhook that the API server knows. `name`: of its Service, its Secret and its configuration."""

    api: Api
    name: str
    folder: Path
    """Has tls.crt and tls.key."""

    @property
    def host(self) -> str:
        return f"{self.name}.kube-system.svc"

    def points_to(self, port: int) -> None:
        """Make the Service lead to a port of this machine, as endpoints of pods would."""
        self.api.apply(
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "name": self.name,
                    "namespace": "kube-system",
                    "labels": {"kubernetes.io/service-name": self.name},
                },
                "addressType": "IPv4",
                "ports": [{"name": "webhook", "port": port, "protocol": "TCP"}],
                "endpoints": [{"addresses": [ADVERTISED], "conditions": {"ready": True}}],
            }
        )


def manifests(name: str, *arguments: str) -> list[Object]:
    """Return the chart's webhook under a name of the test's own, so that several can be in one cluster."""
    kinds = ("Service", "Secret", "MutatingWebhookConfiguration")
    found = of_kinds(rendered(*arguments), *kinds)
    for item in found:
        if item["metadata"]["name"] == CHART_NAME or item["kind"] == "MutatingWebhookConfiguration":
            item["metadata"]["name"] = name
        for hook in item.get("webhooks", ()):
            hook["clientConfig"]["service"]["name"] = name
    return [item for item in found if item["metadata"]["name"] == name]


@contextmanager
def installed(api: Api, folder: Path, name: str, *values: str) -> Iterator[Installed]:
    """Install the chart's webhook; `values`: settings as Helm's --set-json takes them."""
    objects = manifests(name, "--set=webhook.enabled=true", *(f"--set-json={value}" for value in values))
    [secret] = of_kinds(objects, "Secret")
    authority = folder / "authority"
    authority.mkdir()
    for key, value in secret["data"].items():
        (authority / key).write_bytes(base64.b64decode(value))
    api.apply(*objects)
    try:
        yield Installed(api, name, authority)
    finally:
        api.kubectl("delete", "mutatingwebhookconfiguration", name)


class Answering:
    """The webhook and the reconciler behind it, in a thread of their own."""

    def __init__(self, webhook: Installed, desired: Desired, configured: Webhook, kubeconfig: Path) -> None:
        self._webhook, self._desired, self._kubeconfig = webhook, desired, kubeconfig
        self._rules = Rules(configured, wanted_of(desired), "aliyun-acr-credential-provider")
        self._ready: Future[int] = Future()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self.port = 0
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def __enter__(self) -> "Answering":
        self._thread.start()
        self._webhook.points_to(self._ready.result(timeout=30))
        return self

    def __exit__(self, *_: Any) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()
        self._loop.close()

    async def _run(self) -> None:
        async def tell(_: Event) -> bool:
            return True

        try:
            client = open_async_client(str(self._kubeconfig))
            reconciler = Reconciler(
                # Nobody leads: what is there was made for the webhook.
                client, clock=time.time, monotonic=time.monotonic, may_write=lambda: False, tell=tell,
            )  # fmt: skip
            reconciler.want(self._desired)
            running = asyncio.create_task(reconciler.run())
            server = await self._serve(reconciler)
        except BaseException as error:
            self._ready.set_exception(error)
            raise
        self.port = server.port
        self._ready.set_result(server.port)
        await self._stop.wait()
        await server.close(0)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await client.close()

    async def _serve(self, reconciler: Reconciler) -> Server:
        return await serve_webhook(
            f"{ADVERTISED}:0",
            str(self._webhook.folder),
            self._webhook.host,
            reconciler,
            lambda: self._rules,
            Journal(),
        )


def desired(*namespaces: str, accounts: tuple[str, ...] = ("*",)) -> Desired:
    now = int(time.time())
    content = Content(DOCKER_CONFIG, "key", now + 2700, now + 3600)
    return Desired(True, namespaces, accounts, takeover=False, content=content)
