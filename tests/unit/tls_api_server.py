"""An API server on loopback that speaks TLS and wants the client's certificate, and kubeconfigs for it."""

import base64
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme
import yaml

NODE = "system:node:cn-hangzhou.10.0.0.7"
TOKEN = "a-kubelets-own-token"


@dataclass
class Asked:
    """A request as it came; `user`: the common name of the client's certificate, empty for none."""

    method: str
    path: str
    user: str
    headers: dict[str, str]
    body: Any


Answer = Callable[[Asked], tuple[int, bytes]]


def always(status: int, body: object) -> Answer:
    return lambda asked: (status, body if isinstance(body, bytes) else json.dumps(body).encode())


def review(asked: Asked) -> tuple[int, bytes]:
    """Yes to the question whether tokens for sts may be requested for all namespaces and every ServiceAccount."""
    attributes = {"verb": "request-serviceaccounts-token-audience", "group": "", "resource": "sts.aliyuncs.com"}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    body = asked.body or {}
    right = (asked.method, asked.path, body.get("kind")) == ("POST", path, "SelfSubjectAccessReview")
    allowed = right and body["spec"] == {"resourceAttributes": attributes}
    return always(201, {"status": {"allowed": allowed}})(asked)


@dataclass
class ApiServer:
    folder: Path
    wants_certificate: bool = True
    answer: Answer = field(default=always(200, {"kind": "Any"}))
    asked: list[Asked] = field(default_factory=list)
    authority: trustme.CA = field(default_factory=trustme.CA)
    url: str = ""
    content_type: str = "application/json"

    @contextmanager
    def running(self, name: str = "127.0.0.1") -> Iterator[None]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(name).configure_cert(context)
        self.authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED if self.wants_certificate else ssl.CERT_OPTIONAL
        server = _Server(("127.0.0.1", 0), _handler(self))
        # The handshake is each connection's own.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def user(self, authority: trustme.CA | None = None) -> dict[str, str]:
        """A kubelet's user with certificate and key in files, by this cluster's authority or another."""
        pair = (authority or self.authority).issue_cert(common_name=NODE, organization_name="system:nodes")
        (self.folder / "client.pem").write_bytes(pair.cert_chain_pems[0].bytes())
        (self.folder / "client.key").write_bytes(pair.private_key_pem.bytes())
        return {
            "client-certificate": str(self.folder / "client.pem"), "client-key": str(self.folder / "client.key"),
        }  # fmt: skip

    def cluster(self, authority: trustme.CA | None = None) -> dict[str, Any]:
        pem = (authority or self.authority).cert_pem.bytes()
        return {"server": self.url, "certificate-authority-data": base64.b64encode(pem).decode()}

    def kubeconfig(self, user: dict[str, Any], **cluster: Any) -> str:
        """The path of a file in which another context stands before the one that counts."""
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "other", "cluster": {"server": "https://192.0.2.1"}},
                {"name": "mine", "cluster": self.cluster() | cluster},
            ],
            "users": [{"name": "other", "user": {"token": "other"}}, {"name": "me", "user": user}],
            "contexts": [
                {"name": "first", "context": {"cluster": "other", "user": "other"}},
                {"name": "second", "context": {"cluster": "mine", "user": "me"}},
            ],
            "current-context": "second",
        }
        path = self.folder / "kubelet.conf"
        path.write_text(yaml.safe_dump(content))
        return str(path)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A handshake that fails is the client's to tell."""


def _handler(server: ApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def do_PUT(self) -> None:
            self._answer()

        def do_PATCH(self) -> None:
            self._answer()

        def do_DELETE(self) -> None:
            self._answer()

        def _answer(self) -> None:
            assert isinstance(self.connection, ssl.SSLSocket)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            certificate: Any = self.connection.getpeercert() or {}
            names = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
            asked = Asked(
                self.command, self.path, "".join(names), dict(self.headers), json.loads(body) if body else None
            )
            server.asked.append(asked)
            status, content = server.answer(asked)
            self.send_response(status)
            if server.content_type:
                self.send_header("Content-Type", server.content_type)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
