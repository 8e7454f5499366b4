"""An API server on loopback that answers as a test says: late, too often, or nonsense."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """A request; `moment`: by time.monotonic."""

    method: str
    path: str
    query: dict[str, str]
    moment: float

    @property
    def watches(self) -> bool:
        return self.query.get("watch") == "true"


@dataclass(frozen=True)
class Said:
    """An answer: the body comes in parts, each as soon as it is there; then the connection is closed."""

    status: int
    parts: Iterable[bytes] = ()
    headers: dict[str, str] = field(default_factory=dict)


def says(status: int, body: object, **headers: str) -> Said:
    return Said(status, (json.dumps(body).encode(),), {name.replace("_", "-"): said for name, said in headers.items()})


def refusal(status: int, reason: str = "", **headers: str) -> Said:
    return says(status, {"kind": "Status", "code": status, "reason": reason, "message": reason}, **headers)


def events(*told: tuple[str, dict[str, Any]]) -> Iterable[bytes]:
    return [json.dumps({"type": kind, "object": thing}).encode() + b"\n" for kind, thing in told]


class ScriptedApi:
    def __init__(self, answer: Callable[[Asked], Said]) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.over = threading.Event()
        """Set when the test is over: whoever keeps a client waiting waits for it."""

    @contextmanager
    def running(self, folder: Path) -> Iterator[str]:
        """Yield a kubeconfig's path."""
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                self.rfile.read(length)
                url = urlsplit(self.path)
                asked = Asked(self.command, url.path, dict(parse_qsl(url.query)), time.monotonic())
                script.asked.append(asked)
                said = script.answer(asked)
                self.send_response(said.status)
                self.send_header("Content-Type", "application/json")
                for name, value in said.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                for part in said.parts:
                    self.wfile.write(part)
                    self.wfile.flush()

            do_POST = do_PATCH = do_DELETE = do_GET

            def log_message(self, *_: object) -> None:
                return

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                # Clients of these tests hang up.
                return

        server = Server(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        kubeconfig = folder / "scripted.conf"
        kubeconfig.write_text(json.dumps(_kubeconfig(f"http://127.0.0.1:{server.server_port}")))
        try:
            yield str(kubeconfig)
        finally:
            self.over.set()
            server.shutdown()
            thread.join()
            server.server_close()


def _kubeconfig(url: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "it", "cluster": {"server": url}}],
        "users": [{"name": "it", "user": {"token": "token"}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "current-context": "it",
    }
