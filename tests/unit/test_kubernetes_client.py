"""The API server through lightkube: how it is reached, and what people read when it refuses."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from lightkube.resources.core_v1 import ConfigMap

from provider.errors import ConfigurationError
from provider.kubernetes.client import ApiFailure, ask, ask_async, open_async_client, open_client
from tests.unit.tls_api_server import TOKEN, ApiServer, always

FORBIDDEN = {
    "kind": "Status",
    "apiVersion": "v1",
    "status": "Failure",
    "message": "configmaps is forbidden",
    "reason": "Forbidden",
    "code": 403,
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    found = ApiServer(tmp_path, wants_certificate=False)
    with found.running():
        yield found


def get(kubeconfig: str, seconds: float = 5) -> ConfigMap:
    with open_client(kubeconfig, seconds=seconds) as client:
        return ask("read a ConfigMap", lambda: client.get(ConfigMap, "a", namespace="b"))


def test_an_object_is_got(server: ApiServer) -> None:
    server.answer = always(200, {"kind": "ConfigMap", "apiVersion": "v1", "data": {"key": "value"}})
    assert get(server.kubeconfig({"token": TOKEN})).data == {"key": "value"}
    assert server.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_a_proxy_of_the_environment_is_not_used(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    server.answer = always(200, {"kind": "ConfigMap", "apiVersion": "v1"})
    get(server.kubeconfig({"token": TOKEN}))
    assert server.asked


def test_a_refusal_says_who_refused_what(server: ApiServer) -> None:
    server.answer = always(403, FORBIDDEN)
    with pytest.raises(ApiFailure) as caught:
        get(server.kubeconfig({"token": TOKEN}))
    assert (caught.value.status, caught.value.reason) == (403, "Forbidden")
    assert str(caught.value) == "cannot read a ConfigMap: the API server says 403: configmaps is forbidden"


@pytest.mark.parametrize("content_type", ["text/html", "application/json", ""])
def test_a_balancers_answer_is_told_by_its_status(server: ApiServer, content_type: str) -> None:
    server.content_type = content_type
    server.answer = always(502, b"<html>")
    with pytest.raises(ApiFailure, match="the API server answers 502") as caught:
        get(server.kubeconfig({"token": TOKEN}))
    assert caught.value.status == 502


def test_an_answer_that_is_no_object(server: ApiServer) -> None:
    server.answer = always(200, b"<html>")
    with pytest.raises(ApiFailure, match="none of an API server's"):
        get(server.kubeconfig({"token": TOKEN}))


def test_nobody_at_the_address(server: ApiServer) -> None:
    kubeconfig = server.kubeconfig({"token": TOKEN}, server="https://127.0.0.1:1")
    with pytest.raises(ApiFailure, match="cannot be reached: Connection refused") as caught:
        get(kubeconfig)
    assert caught.value.status == 0
    assert TOKEN not in str(caught.value)


def test_a_certificate_of_another_authority(server: ApiServer) -> None:
    other = server.cluster(trustme.CA())
    with pytest.raises(ApiFailure, match="its certificate is not accepted"):
        get(server.kubeconfig({"token": TOKEN}, **other))
    assert not server.asked


async def _get(kubeconfig: str) -> ConfigMap:
    client = open_async_client(kubeconfig)
    try:
        return await ask_async("read a ConfigMap", client.get(ConfigMap, "a", namespace="b"))
    finally:
        await client.close()


def test_the_same_without_waiting(server: ApiServer) -> None:
    import asyncio

    server.answer = always(403, FORBIDDEN)
    with pytest.raises(ApiFailure, match="configmaps is forbidden"):
        asyncio.run(_get(server.kubeconfig({"token": TOKEN})))


@pytest.mark.parametrize("content", ["", "{", "a: [", "clusters: 3"])
def test_a_file_that_is_no_kubeconfig(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match="is no kubeconfig"):
        open_client(str(path))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not there"):
        open_client(str(tmp_path / "missing"))


def test_outside_of_a_pod_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ConfigurationError, match="give --kubeconfig=FILE"):
        open_client()
