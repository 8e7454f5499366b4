"""How `--cluster` finds the cluster, and that it takes many objects in pages and keeps none."""

import json
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from provider.commands.cluster_census import Census
from provider.commands.cluster_reading import PAGE, Cluster, as_started, kubeconfig_of, opened
from provider.commands.cluster_wire import NodeObject, PodObject
from provider.errors import ConfigurationError
from provider.kubernetes.client import ApiFailure, open_client
from tests.unit.tls_api_server import TOKEN, ApiServer, Asked, always

PAGES = 20
FILLING = {"filling": "x" * 4000}
IMAGE = "alpha-registry.cn-hangzhou.cr.aliyuncs.com/team/app:1"
POD = {
    "metadata": {"namespace": "team", "name": "app", "annotations": FILLING},
    "spec": {"serviceAccountName": "default", "containers": [{"name": "main", "image": IMAGE}]},
    "status": FILLING,
}


def test_the_option_counts_before_everything() -> None:
    assert kubeconfig_of("/given", {"KUBECONFIG": "/named", "KUBERNETES_SERVICE_HOST": "10.0.0.1"}) == "/given"


def test_of_several_in_the_environment_the_first_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "b").touch()
    environ = {"KUBECONFIG": f"{tmp_path}/a::{tmp_path}/b", "KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    assert kubeconfig_of("", environ) == f"{tmp_path}/b"
    assert kubeconfig_of("", {"KUBECONFIG": "/a:/b"}) == "/a"


def test_then_the_usual_file_and_then_the_pods_own(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    assert kubeconfig_of("", environ) == ""
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube/config").touch()
    assert kubeconfig_of("", environ) == f"{tmp_path}/.kube/config"


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}, {"HOME": "/nowhere", "KUBECONFIG": ""}])
def test_where_there_is_none_it_says_what_to_give(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="give --kubeconfig=FILE, or name one as KUBECONFIG"):
        kubeconfig_of("", environ)


def test_a_program_of_the_kubeconfig_gets_the_libraries_that_were_there_before(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"LD_LIBRARY_PATH": "/bundle", "LD_LIBRARY_PATH_ORIG": "/own"}
    as_started(environ)
    assert environ["LD_LIBRARY_PATH"] == "/bundle"
    monkeypatch.setattr(sys, "_MEIPASS", "/bundle", raising=False)
    as_started(environ)
    assert environ == {"LD_LIBRARY_PATH": "/own"}
    environ = {"LD_LIBRARY_PATH": "/bundle", "HOME": "/root"}
    as_started(environ)
    assert environ == {"HOME": "/root"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    made = ApiServer(tmp_path, wants_certificate=False)
    with made.running():
        yield made


def pages(asked: Asked) -> tuple[int, bytes]:
    query = parse_qs(urlsplit(asked.path).query)
    assert query["limit"] == [str(PAGE)]
    number = int(query.get("continue", ["0"])[0])
    following = {"continue": str(number + 1)} if number + 1 < PAGES else {}
    body = {"kind": "PodList", "apiVersion": "v1", "metadata": following, "items": [POD] * PAGE}
    return always(200, body)(asked)


def test_ten_thousand_pods_take_the_memory_of_a_few_pages(server: ApiServer) -> None:
    census = Census()
    with opened(server.kubeconfig({"token": TOKEN}), {}) as cluster:
        text = len(json.dumps([POD] * PAGE))
        server.answer = pages
        tracemalloc.start()
        try:
            for pod in cluster.each(PodObject, "the pods"):
                census.add_pod(pod.spec)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert census.pods == PAGE * PAGES
    # The server is in this process too: an answer is there as text, as bytes, and as what is read of it.
    assert most < 4 * text, f"{most / text:.1f} pages"


def test_what_is_not_there_is_none_and_a_refusal_is_told(server: ApiServer) -> None:
    with open_client(server.kubeconfig({"token": TOKEN})) as client:
        cluster = Cluster(client)
        server.answer = always(404, {"kind": "Status", "code": 404, "reason": "NotFound", "message": "no such node"})
        assert cluster.find(NodeObject, "node a", "a") is None
        server.answer = always(403, {"kind": "Status", "code": 403, "reason": "Forbidden", "message": "you may not"})
        with pytest.raises(ApiFailure, match="cannot read node a: the API server says 403: you may not"):
            cluster.find(NodeObject, "node a", "a")
        with pytest.raises(ApiFailure, match="cannot read the nodes: "):
            list(cluster.each(NodeObject, "the nodes"))
