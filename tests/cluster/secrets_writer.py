"""The writer of compatibility Secrets beside an API server, and what its tests do there."""

import asyncio
import base64
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from lightkube import ApiError, Client
from lightkube.models.core_v1 import LocalObjectReference
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Event, Namespace, Secret, ServiceAccount
from lightkube.types import PatchType

from provider.kubernetes.client import open_async_client
from provider.kubernetes.names import SECRET
from provider.secrets.desired import Content, Desired
from provider.secrets.reconcile import Progress, Reconciler
from tests.cluster.api import Api
from tests.systems.system import wait_for

SECONDS = 20
"""For anything to happen that happens at once."""
HOUR = 3600
INCUMBENT = "aliyun-acr-credential-helper"
Result = TypeVar("Result")


def content(text: str = "first", *, key: str = "key", lives: int = HOUR, now: float | None = None) -> Content:
    """Tokens called `text`, to be renewed a quarter of an hour before they end."""
    end = int(time.time() if now is None else now) + lives
    docker_config = json.dumps({"auths": {"registry.cn-hangzhou.aliyuncs.com": {"password": text}}})
    return Content(docker_config.encode(), key, end - 900, end)


def desired(*namespaces: str, accounts: tuple[str, ...] = ("default",), holds: Content | None = None) -> Desired:
    return Desired(True, namespaces, accounts, takeover=False, content=holds or content())


NOTHING = Desired(False, (), (), takeover=False, content=None)


class Writer:
    """A Reconciler in a thread of its own, which leads from the beginning unless it is told not to."""

    def __init__(self, kubeconfig: Path, wanted: Desired, *, leads: bool = True) -> None:
        self._kubeconfig = kubeconfig
        self.wanted = wanted
        self.leads = leads
        self.may_write: Callable[[], bool] = lambda: self.leads
        self._looks = 0
        self.clock_is_ahead = 0.0
        self.takes_events = 1000
        self.events: list[Event] = []
        self.requests: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()
        self.lines: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready: Future[Reconciler] = Future()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def __enter__(self) -> "Writer":
        self._thread.start()
        self.reconciler = self._ready.result(timeout=SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=SECONDS)
        assert not self._thread.is_alive()
        self._loop.close()

    def want(self, wanted: Desired, **changes: Any) -> None:
        self.wanted = replace(wanted, **changes)
        self._call(lambda: self.reconciler.want(self.wanted))

    def progress(self) -> Progress:
        return self._call(lambda: self.reconciler.progress())

    def ensure(self, *namespaces: str) -> list[bool]:
        async def together() -> list[bool]:
            return await asyncio.gather(*map(self.reconciler.ensure, namespaces))

        return self._await(together())

    def settles(self) -> "Writer":
        """Wait until everything is done that is to be done."""
        wait_for(self._is_settled, SECONDS, f"the writer to be done: {self.requests} {self.lines}")
        return self

    def requests_in(self, seconds: float) -> Counter[str]:
        """What it asks in that time."""
        before = Counter(self.requests)
        time.sleep(seconds)
        return self.requests - before

    def notices(self) -> None:
        """Wait until it has looked again whether it leads: every second, and before each write."""
        before = self._looks
        wait_for(lambda: self._looks >= before + 3, SECONDS, "the writer to look whether it leads")

    def _may_write(self) -> bool:
        self._looks += 1
        return self.may_write()

    def reasons(self) -> list[str]:
        return [str(event.reason) for event in self.events]

    def _is_settled(self) -> bool:
        progress = self.progress()
        return progress.is_synced and not progress.pending

    def _call(self, action: Callable[[], Result]) -> Result:
        async def act() -> Result:
            return action()

        return self._await(act())

    def _await(self, awaitable: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(awaitable, self._loop).result(timeout=SECONDS)

    async def _run(self) -> None:
        async def tell(event: Event) -> bool:
            taken = len(self.events) < self.takes_events
            if taken:
                self.events.append(event)
            return taken

        def asked(method: str, status: int) -> None:
            self.requests[f"{method} {status}"] += 1

        def wrote(result: str) -> None:
            self.writes[result] += 1

        client = open_async_client(str(self._kubeconfig))
        reconciler = Reconciler(
            client,
            clock=lambda: time.time() + self.clock_is_ahead,
            monotonic=time.monotonic,
            may_write=self._may_write,
            tell=tell,
            wrote=wrote,
            asked=asked,
            log=self.lines.append,
        )
        reconciler.want(self.wanted)
        running = asyncio.create_task(reconciler.run())
        self._ready.set_result(reconciler)
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await client.close()


class Cluster:
    """The objects that these tests make and look at, with the administrator's rights."""

    def __init__(self, api: Api, client: Client) -> None:
        self.api = api
        self.kubeconfig = api.kubeconfig
        self.client = client

    def namespace(self, name: str, **accounts: Sequence[str] | None) -> None:
        """Make a namespace with ServiceAccounts, each with these imagePullSecrets; None: it has no such list."""
        self.client.create(Namespace(metadata=ObjectMeta(name=name)))
        for account, pulls in accounts.items():
            self.account(name, account, pulls)

    def account(self, namespace: str, name: str, pulls: Sequence[str] | None = None) -> None:
        names = None if pulls is None else [LocalObjectReference(name=pull) for pull in pulls]
        metadata = ObjectMeta(name=name, namespace=namespace)
        self.client.create(ServiceAccount(metadata=metadata, imagePullSecrets=names))

    def pulls(self, namespace: str, account: str) -> list[str] | None:
        found = self.client.get(ServiceAccount, account, namespace=namespace).imagePullSecrets
        return None if found is None else [str(pull.name) for pull in found]

    def secret(self, namespace: str) -> Secret | None:
        try:
            return self.client.get(Secret, SECRET, namespace=namespace)
        except ApiError as error:
            assert error.status.reason == "NotFound"
            return None

    def password(self, namespace: str) -> str | None:
        """What the Secret holds; None where there is none, or no login in it."""
        secret = self.secret(namespace)
        if secret is None or secret.data is None:
            return None
        config = json.loads(base64.b64decode(secret.data[".dockerconfigjson"]))
        return next((str(login["password"]) for login in config["auths"].values()), None)

    def incumbent_writes(self, namespace: str, text: str = "theirs", **fields: Any) -> None:
        """Write the Secret as another program does that knows nothing of us: whole, by an update."""
        data = {".dockerconfigjson": base64.b64encode(content(text).docker_config).decode()}
        metadata = ObjectMeta(name=SECRET, namespace=namespace)
        parts = {"type": "kubernetes.io/dockerconfigjson", "data": data, **fields}
        secret = Secret(metadata=metadata, **parts)
        if self.secret(namespace) is None:
            self.client.create(secret, field_manager=INCUMBENT)
        else:
            self.client.replace(secret, field_manager=INCUMBENT)

    def patch_secret(self, namespace: str, changes: dict[str, Any], manager: str = "somebody") -> None:
        self.client.patch(
            Secret, SECRET, changes, namespace=namespace, patch_type=PatchType.MERGE, field_manager=manager
        )

    def attempt_to_patch_secret(self, namespace: str, changes: dict[str, Any]) -> bool:
        try:
            self.patch_secret(namespace, changes)
        except ApiError:
            return False
        return True

    def refuse(self, resource: str, unless: str) -> None:
        """Have the API server refuse changes of a resource, as a policy of the cluster's does; not at once."""
        metadata, group = {"name": f"refuse-{resource}"}, "admissionregistration.k8s.io/v1"
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": [resource]}
        says = [{"expression": unless, "message": "it stays as it is"}]
        self.api.apply(
            {
                "apiVersion": group,
                "kind": "ValidatingAdmissionPolicy",
                "metadata": metadata,
                "spec": {"matchConstraints": {"resourceRules": [rule]}, "validations": says},
            },
            {
                "apiVersion": group,
                "kind": "ValidatingAdmissionPolicyBinding",
                "metadata": metadata,
                "spec": {"policyName": metadata["name"], "validationActions": ["Deny"]},
            },
        )

    def allow(self, resource: str) -> None:
        """Have it refuse them no more."""
        self.api.kubectl("delete", "validatingadmissionpolicybinding", f"refuse-{resource}")

    def until(self, condition: Callable[[], object], what: str) -> None:
        wait_for(lambda: bool(condition()), SECONDS, what)
