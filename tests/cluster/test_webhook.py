"""The API server asks our webhook: what new ServiceAccounts become, and what it does while nobody answers."""

import base64
import itertools
import json
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import trustme
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Namespace, ServiceAccount

from provider.config.values import Webhook
from provider.kubernetes.client import ask
from provider.secrets.desired import Desired
from tests.cluster.api import Api
from tests.cluster.place import ADVERTISED
from tests.cluster.webhook_server import SECRET, Answering, Installed, desired, installed
from tests.systems.system import wait_for

ON = Webhook(enable=True)
FAIL = Webhook(enable=True, failure_policy="Fail")
OURS = {"name": SECRET}
KNOWN_SECONDS = 30
ANOTHERS = ("--docker-server=r", "--docker-username=u", "--docker-password=p")
WORKERS, RENEWALS = 4, 8


@pytest.fixture
def name() -> str:
    """Of the test's webhook, and what its namespaces begin with."""
    return f"webhook-{uuid4().hex[:8]}"


@pytest.fixture
def team(api: Api, name: str) -> Iterator[str]:
    """A namespace that is watched."""
    api.kubectl("create", "namespace", f"{name}-team")
    yield f"{name}-team"
    api.kubectl("delete", "namespace", f"{name}-team", "--wait=false")


@pytest.fixture
def hook(api: Api, name: str, team: str, tmp_path: Path) -> Iterator[Installed]:
    """A webhook with policy Fail for `team`, which nobody answers yet."""
    watched = json.dumps([team, f"{name}-new"])
    with installed(api, tmp_path, name, 'webhook.failurePolicy="Fail"', f"webhook.namespaces={watched}") as made:
        # A dry run leaves nothing behind, and is asked as well.
        asked = ("create", "serviceaccount", "probe", f"--namespace={team}", "--dry-run=server")
        wait_for(lambda: api.attempt(*asked).returncode != 0, KNOWN_SECONDS, "the API server to know the webhook")
        yield made


def account(api: Api, namespace: str, name: str) -> dict[str, Any]:
    return dict(json.loads(api.kubectl("get", "serviceaccount", name, f"--namespace={namespace}", "--output=json")))


def create(api: Api, namespace: str, name: str, *pulls: str) -> dict[str, Any]:
    """Create a ServiceAccount and return it as it became."""
    metadata = {"name": name, "namespace": namespace}
    made = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    entries = {"imagePullSecrets": [{"name": pull} for pull in pulls]} if pulls else {}
    created = api.kubectl("create", "--filename=-", "--output=json", stdin=json.dumps({**made, **entries}))
    return dict(json.loads(created))


def answers(hook: Installed, *namespaces: str, configured: Webhook = FAIL) -> Answering:
    return Answering(hook, desired(*namespaces), configured, hook.api.kubeconfig)


def test_a_new_service_account_has_its_entry_and_the_secret_is_there(api: Api, hook: Installed, team: str) -> None:
    with answers(hook, team):
        assert create(api, team, "plain")["imagePullSecrets"] == [OURS]
        secret = json.loads(api.kubectl("get", "secret", SECRET, f"--namespace={team}", "--output=json"))
        assert secret["type"] == "kubernetes.io/dockerconfigjson"
        assert create(api, team, "with-own", "own")["imagePullSecrets"] == [{"name": "own"}, OURS]
        assert create(api, team, "with-ours", SECRET, "own")["imagePullSecrets"] == [OURS, {"name": "own"}]
        generated = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"generateName": "g-", "namespace": team},
        }
        made = json.loads(api.kubectl("create", "--filename=-", "--output=json", stdin=json.dumps(generated)))
        assert made["imagePullSecrets"] == [OURS]
    assert account(api, team, "plain")["imagePullSecrets"] == [OURS]


def test_a_namespace_and_its_service_account_made_together_are_served(api: Api, hook: Installed, name: str) -> None:
    new = f"{name}-new"
    with answers(hook, new), api.client() as client:
        ask("create", lambda: client.create(Namespace(metadata=ObjectMeta(name=new))))
        made = ask("create", lambda: client.create(ServiceAccount(metadata=ObjectMeta(name="app", namespace=new))))
    assert [entry.name for entry in made.imagePullSecrets or []] == [SECRET]
    assert api.attempt("get", "secret", SECRET, f"--namespace={new}").returncode == 0
    api.kubectl("delete", "namespace", new, "--wait=false")


def test_a_dry_run_shows_the_entry_and_makes_nothing(api: Api, hook: Installed, team: str) -> None:
    with answers(hook, team):
        asked = ("create", "serviceaccount", "app", f"--namespace={team}", "--dry-run=server", "--output=json")
        assert json.loads(api.kubectl(*asked))["imagePullSecrets"] == [OURS]
        assert "NotFound" in api.attempt("get", "secret", SECRET, f"--namespace={team}").stderr


def test_with_fail_and_nobody_there_namespaces_outside_are_free(
    api: Api, hook: Installed, team: str, name: str
) -> None:
    refused = api.attempt("create", "serviceaccount", "app", f"--namespace={team}")
    assert "failed calling webhook" in refused.stderr
    api.kubectl("create", "namespace", f"{name}-outside")
    assert "imagePullSecrets" not in create(api, f"{name}-outside", "app")
    # Those that are there already can be changed.
    api.kubectl("label", "namespace", team, "a=b")


def test_with_ignore_and_nobody_there_service_accounts_are_made_without_entry(
    api: Api, team: str, name: str, tmp_path: Path
) -> None:
    with installed(api, tmp_path, name, 'webhook.failurePolicy="Ignore"', f'webhook.namespaces=["{team}"]') as hook:

        def is_asked() -> bool:
            return "imagePullSecrets" in create(api, team, f"a-{time.monotonic_ns()}")

        with answers(hook, team, configured=ON):
            wait_for(is_asked, KNOWN_SECONDS, "the API server to know the webhook")
        assert "imagePullSecrets" not in create(api, team, "app")


@pytest.mark.parametrize("configured", [ON, FAIL], ids=lambda configured: str(configured.failure_policy))
def test_a_secret_that_cannot_be_made_goes_by_the_failure_policy(
    api: Api, hook: Installed, team: str, configured: Webhook
) -> None:
    without_tokens = Desired(True, (team,), ("*",), takeover=False, content=None)
    with Answering(hook, without_tokens, configured, api.kubeconfig):
        done = api.attempt("create", "serviceaccount", "app", f"--namespace={team}", "--output=json")
        assert f"no Secret {SECRET} yet in namespace {team}: no token could be had yet" in done.stderr
        if configured is FAIL:
            assert "failed calling webhook" in done.stderr
        else:
            assert done.stderr.startswith("Warning: ")
            assert "imagePullSecrets" not in json.loads(done.stdout)


def take_authority(hook: Installed, authority: bytes) -> None:
    """Have the API server trust another authority: it opens new connections from then on."""
    value = base64.b64encode(authority).decode()
    patch = json.dumps([{"op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": value}])
    hook.api.kubectl("patch", "mutatingwebhookconfiguration", hook.name, "--type=json", f"--patch={patch}")


def test_beside_another_writer_its_namespaces_are_left_to_it(api: Api, hook: Installed, team: str) -> None:
    api.kubectl("create", "secret", "docker-registry", SECRET, f"--namespace={team}", *ANOTHERS)
    with answers(hook, team):
        assert "imagePullSecrets" not in create(api, team, "app")


def test_the_api_server_accepts_no_other_authority(api: Api, hook: Installed, team: str) -> None:
    with answers(hook, team):
        create(api, team, "before")
        take_authority(hook, trustme.CA().cert_pem.bytes())
        asked = ("create", "serviceaccount", "after", f"--namespace={team}", "--dry-run=server")

        def is_refused() -> bool:
            return "certificate signed by unknown authority" in api.attempt(*asked).stderr

        wait_for(is_refused, KNOWN_SECONDS, "the API server to take the other authority")


def test_the_certificate_is_renewed_under_load_without_a_failed_call(api: Api, hook: Installed, team: str) -> None:
    certificate, ends = hook.folder / "tls.crt", threading.Event()
    text, shown, served = certificate.read_bytes(), set[str](), list[str]()

    def load(worker: int) -> None:
        with api.client(seconds=30) as client:
            for number in itertools.count():
                if ends.is_set():
                    return
                made = ServiceAccount(metadata=ObjectMeta(name=f"app-{worker}-{number}", namespace=team))
                found = ask("create a ServiceAccount", partial(client.create, made))
                assert [entry.name for entry in found.imagePullSecrets or []] == [SECRET]
                served.append(f"{worker}-{number}")

    with answers(hook, team) as answering, ThreadPoolExecutor(WORKERS) as pool:
        workers = [pool.submit(load, number) for number in range(WORKERS)]
        try:
            for renewal in range(RENEWALS):
                # The same authority in another text makes a new certificate at the next handshake.
                certificate.write_bytes(text + b"\n" * renewal)
                shown.add(ssl.get_server_certificate((ADVERTISED, answering.port)))
                take_authority(hook, text + b"\n" * renewal)
                enough = len(served) + 5 * WORKERS
                wait_for(lambda enough=enough: len(served) >= enough, 60, "calls")  # type: ignore[misc]
        finally:
            ends.set()
        for worker in workers:
            worker.result(timeout=60)
    assert len(shown) == RENEWALS
