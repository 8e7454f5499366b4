"""The API server asked as the kubelet: over real TLS, with a client's certificate that the server checks."""

import base64
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from provider.errors import ProviderError
from provider.node.files import Tree
from provider.node.kube_api import ApiError, KubeApi, may_request_tokens, open_api
from provider.node.kubeconfig import read_kubeconfig
from tests.unit.tls_api_server import NODE, TOKEN, ApiServer, always, review


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    made = ApiServer(tmp_path)
    with made.running():
        yield made


@pytest.fixture
def lax(tmp_path: Path) -> Iterator[ApiServer]:
    """A server that takes clients without certificate."""
    made = ApiServer(tmp_path, wants_certificate=False)
    with made.running():
        yield made


def opened(kubeconfig: str) -> KubeApi:
    return open_api(Tree(), kubeconfig)


def as_data(user: dict[str, str]) -> dict[str, str]:
    return {f"{key}-data": base64.b64encode(Path(path).read_bytes()).decode() for key, path in user.items()}


def in_one_file(user: dict[str, str]) -> dict[str, str]:
    """As kubelets keep what they rotate."""
    both = Path(user["client-certificate"]).with_name("kubelet-client-current.pem")
    both.write_bytes(b"".join(Path(user[key]).read_bytes() for key in ("client-certificate", "client-key")))
    return dict.fromkeys(user, str(both))


def relative(user: dict[str, str]) -> dict[str, str]:
    return {key: Path(path).name for key, path in user.items()}


@pytest.mark.parametrize("form", [dict, as_data, in_one_file, relative])
def test_the_kubelets_certificate_says_who_asks(server: ApiServer, form: Any) -> None:
    server.answer = always(200, {"items": [1]})
    api = opened(server.kubeconfig(form(server.user())))
    assert api.server == server.url
    assert api.get("/api/v1/pods?limit=1") == {"items": [1]}
    [asked] = server.asked
    assert (asked.method, asked.path, asked.user) == ("GET", "/api/v1/pods?limit=1", NODE)
    assert "Authorization" not in asked.headers


def test_data_counts_more_than_the_file_beside_it(server: ApiServer) -> None:
    user = server.user()
    api = opened(server.kubeconfig(as_data(user) | dict.fromkeys(user, "/nowhere")))
    assert api.post("/x", {"a": 1}) == {"kind": "Any"}
    assert server.asked[0].body == {"a": 1}


def test_no_key_stays_open(server: ApiServer) -> None:
    path = server.kubeconfig(server.user())
    before = os.listdir("/proc/self/fd")
    opened(path)
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize("whose", ["nobody's", "another cluster's"])
def test_a_client_that_the_server_does_not_know(server: ApiServer, whose: str) -> None:
    user = {"token": TOKEN} if whose == "nobody's" else server.user(trustme.CA())
    with pytest.raises(ApiError, match="cannot be reached: ") as raised:
        opened(server.kubeconfig(user)).get("/x")
    assert raised.value.status == 0
    assert server.asked == []


def test_a_server_that_is_not_trusted_gets_nothing(lax: ApiServer) -> None:
    path = lax.kubeconfig({"token": TOKEN}, **lax.cluster(trustme.CA()))
    with pytest.raises(ApiError, match="its certificate is not accepted") as raised:
        opened(path).get("/x")
    assert raised.value.status == 0
    assert lax.asked == []


def test_a_server_of_another_name_gets_nothing(tmp_path: Path) -> None:
    server = ApiServer(tmp_path, wants_certificate=False)
    with server.running("kubernetes.example.com"):
        with pytest.raises(ApiError, match="its certificate is not accepted"):
            opened(server.kubeconfig({"token": TOKEN})).get("/x")
        assert server.asked == []


def test_the_authority_may_be_in_a_file(lax: ApiServer) -> None:
    lax.authority.cert_pem.write_to_path(str(lax.folder / "ca.crt"))
    path = lax.kubeconfig({"token": TOKEN}, **{"certificate-authority-data": "", "certificate-authority": "ca.crt"})
    assert opened(path).get("/x") == {"kind": "Any"}


@pytest.mark.parametrize("keys", [("token",), ("tokenFile",), ("token", "tokenFile")])
def test_a_token_and_that_of_a_file_before_it(lax: ApiServer, keys: tuple[str, ...]) -> None:
    (lax.folder / "token").write_text(f"{TOKEN}\n")
    values = {"token": TOKEN if len(keys) == 1 else "an-old-one", "tokenFile": "token"}
    opened(lax.kubeconfig({key: values[key] for key in keys})).get("/x")
    assert lax.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_a_path_of_the_server_and_no_proxy(lax: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    opened(lax.kubeconfig({"token": TOKEN}, server=f"{lax.url}/clusters/a/")).get("/api")
    assert lax.asked[0].path == "/clusters/a/api"


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (403, {"message": "nodes is\nforbidden"}, "answers 403 to GET /x: nodes is forbidden"),
        (401, b"no JSON", "answers 401 to GET /x: no reason"),
        (302, {}, "answers 302 to GET /x"),
        (200, b"[1]", "answers GET /x with no JSON object"),
        (200, b"{", "answers GET /x with no JSON object"),
    ],
)
def test_what_is_no_answer(lax: ApiServer, status: int, body: object, words: str) -> None:
    lax.answer = always(status, body)
    with pytest.raises(ApiError) as raised:
        opened(lax.kubeconfig({"token": TOKEN})).get("/x")
    assert raised.value.status == status
    assert words in str(raised.value)
    assert len(lax.asked) == 1


def test_nobody_there(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    server = ApiServer(tmp_path, url=f"https://127.0.0.1:{port}")
    with pytest.raises(ApiError, match=f"https://127.0.0.1:{port} cannot be reached: Connection refused") as raised:
        opened(server.kubeconfig({"token": TOKEN})).get("/x")
    assert raised.value.status == 0


def test_who_never_answers_is_not_waited_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = ApiServer(tmp_path, url=f"https://127.0.0.1:{listener.getsockname()[1]}")
        api = KubeApi(read_kubeconfig(Tree(), server.kubeconfig({"token": TOKEN})), seconds=0.2)
        began = time.monotonic()
        with pytest.raises(ApiError, match=r"within 0\.2 s|timed out") as raised:
            api.get("/x")
    assert raised.value.status == 0
    assert time.monotonic() - began < 10


def test_an_answer_that_drips_is_not_waited_for(tmp_path: Path) -> None:
    server, ended = ApiServer(tmp_path), threading.Event()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.authority.issue_cert("127.0.0.1").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.url = f"https://127.0.0.1:{listener.getsockname()[1]}"

        def drip() -> None:
            with context.wrap_socket(listener.accept()[0], server_side=True) as connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                # A byte each time, for as long as the test waits.
                for _ in range(1000):
                    if ended.wait(0.02):
                        break
                    connection.sendall(b" ")

        thread = threading.Thread(target=drip)
        thread.start()
        api = KubeApi(read_kubeconfig(Tree(), server.kubeconfig({"token": TOKEN})), seconds=0.5)
        began = time.monotonic()
        with pytest.raises(ApiError, match=r"did not answer within 0\.5 s"):
            api.get("/x")
        assert time.monotonic() - began < 10
        ended.set()
        thread.join()


def encrypted(folder: Path) -> dict[str, str]:
    user = ApiServer(folder).user()
    key = user["client-key"]
    command = ["openssl", "pkcs8", "-topk8", "-in", key, "-out", f"{key}.locked", "-passout", "pass:x"]
    subprocess.run(command, check=True, capture_output=True)
    return user | {"client-key": f"{key}.locked"}


def of_two_pairs(folder: Path) -> dict[str, str]:
    server = ApiServer(folder)
    user = server.user()
    other = Path(user["client-key"]).rename(folder / "other.key")
    return server.user() | {"client-key": str(other)}


SECRET = "AKIDexample-secret"
REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a program": ({"exec": {"command": "x", "env": SECRET}}, {}, "runs a program for its credentials (exec)"),
    "auth-provider": ({"auth-provider": {"name": SECRET}}, {}, "has an auth-provider"),
    "a proxy": ({"token": SECRET}, {"proxy-url": f"http://u:{SECRET}@p"}, "goes through a proxy (proxy-url)"),
    "any server": ({"token": SECRET}, {"insecure-skip-tls-verify": True}, "trusts any server"),
    "another name": ({"token": SECRET}, {"tls-server-name": "x"}, "(tls-server-name)"),
    "plain": ({"token": SECRET}, {"server": "http://127.0.0.1"}, "server: is no address that begins with https://"),
    "user in it": ({"token": SECRET}, {"server": f"https://u:{SECRET}@x"}, "server: is no address"),
    "malformed": ({"token": SECRET}, {"server": "https://[x:1"}, "server: is no address"),
    "no credentials": ({"username": "u", "password": SECRET}, {}, "neither a client certificate with its key nor"),
    "no key": ({"client-certificate-data": base64.b64encode(SECRET.encode()).decode()}, {}, "neither a client"),
    "no base64": ({"client-key-data": f"{SECRET}!"}, {}, "client-key-data: is no PEM text in base64"),
    "no file": ({"client-certificate": "/nowhere/x.pem"}, {}, "client-certificate: /nowhere/x.pem is not there"),
    "no pair": (
        dict.fromkeys(("client-certificate-data", "client-key-data"), base64.b64encode(SECRET.encode()).decode()),
        {}, "are not PEM texts of one pair",
    ),
    "no authority": (
        {"token": SECRET}, {"certificate-authority-data": base64.b64encode(SECRET.encode()).decode()},
        "certificate-authority holds no certificate",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", REFUSED)
def test_what_is_not_followed_is_said_without_its_value(tmp_path: Path, how: str) -> None:
    user, cluster, words = REFUSED[how]
    path = ApiServer(tmp_path, url="https://127.0.0.1:1").kubeconfig(user, **cluster)
    with pytest.raises(ProviderError) as raised:
        opened(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert words in str(raised.value)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("user_of", [encrypted, of_two_pairs])
def test_a_key_that_does_not_fit_is_asked_of_nobody(tmp_path: Path, user_of: Any) -> None:
    path = ApiServer(tmp_path, url="https://127.0.0.1:1").kubeconfig(user_of(tmp_path))
    with pytest.raises(ProviderError, match="not PEM texts of one pair without password"):
        opened(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "the kubelet's kubeconfig, is not there"),
        (f"users: [{SECRET}", "is no YAML mapping"),
        ("[]", "is no YAML mapping"),
        (f"current-context: {SECRET}", "contexts: there is none"),
        ("current-context: x\ncontexts: [{name: x, context: {cluster: y}}]\nclusters: 1", "clusters: there is none"),
    ],
)
def test_a_file_that_leads_nowhere(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "kubelet.conf"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ProviderError) as raised:
        opened(str(path))
    assert words in str(raised.value)
    assert SECRET not in str(raised.value)


def test_neither_key_nor_token_is_in_repr(server: ApiServer) -> None:
    user = server.user() | {"token": TOKEN}
    shown = repr(read_kubeconfig(Tree(), server.kubeconfig(user)))
    assert "PRIVATE KEY" not in shown
    assert TOKEN not in shown


def test_a_token_that_no_header_takes_is_not_quoted(lax: ApiServer) -> None:
    with pytest.raises(ApiError) as raised:
        opened(lax.kubeconfig({"token": f"{TOKEN}\nX: 1"})).get("/x")
    assert TOKEN not in str(raised.value)
    assert lax.asked == []


def test_whether_tokens_may_be_requested(server: ApiServer) -> None:
    api = opened(server.kubeconfig(server.user()))
    server.answer = review
    assert may_request_tokens(api) is True
    for status in ({"allowed": False}, {"allowed": "true"}, None):
        server.answer = always(201, {"status": status})
        assert may_request_tokens(api) is False
    server.answer = always(403, {"message": "no"})
    with pytest.raises(ApiError):
        may_request_tokens(api)
