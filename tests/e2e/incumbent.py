"""The stand-in of aliyun-acr-credential-helper: a program that writes the same Secret, and goes on writing it."""

import base64
import json
import threading
from types import TracebackType
from typing import Any

from provider.kubernetes.names import SECRET
from tests.e2e.cluster_of_two import ClusterOfTwo
from tests.e2e.pods import PERSONAL

NAME = "aliyun-acr-credential-helper"
KEY = ".dockerconfigjson"
PAUSE_SECONDS = 2
MOST_TURNS = 300
GOING_ON = 8
"""Writes: who answers each of them does so meanwhile."""
GOING_ON_SECONDS = 90


class Incumbent:
    """Writes the Secret of a namespace every other second, each time another one, while it is entered."""

    def __init__(self, cluster: ClusterOfTwo, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self.writes = 0
        self.undone = 0
        """How often it found what another one had written over it. It misses none: what it has not seen, it does not
        write over."""
        self._content = ""
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._go_on)

    def __enter__(self) -> "Incumbent":
        self._turn()
        assert self.writes, "the stand-in's first Secret was not taken"
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        self._thread.join()

    def goes_on(self) -> None:
        """Wait until it has written some more times."""
        enough = self.writes + GOING_ON
        self._cluster.wait(lambda: self.writes >= enough, GOING_ON_SECONDS, "the stand-in to go on writing")

    def _go_on(self) -> None:
        for _ in range(MOST_TURNS):
            if self._ends.wait(PAUSE_SECONDS):
                return
            self._turn()

    def _turn(self) -> None:
        api = self._cluster.api
        found = api.attempt("get", "secret", SECRET, f"--namespace={self._namespace}", "--output=json").stdout
        seen = json.loads(found) if found else {}
        self.undone += bool(seen) and seen["data"][KEY] != self._content
        self._content = seen["data"][KEY] if seen else ""
        made = _secret(self._namespace, self.writes, seen.get("metadata", {}).get("resourceVersion"))
        arguments = ("replace" if seen else "create", f"--field-manager={NAME}", "--validate=false", "--filename=-")
        if api.attempt(*arguments, stdin=json.dumps(made)).returncode == 0:
            self.writes += 1
            self._content = made["data"][KEY]


def is_theirs(cluster: ClusterOfTwo, namespace: str) -> bool:
    """Whether what is in a namespace's Secret is the stand-in's."""
    data = cluster.get("secret", SECRET, namespace=namespace)["data"][KEY]
    return NAME.encode() in base64.b64decode(data)


def _secret(namespace: str, number: int, version: str | None) -> dict[str, Any]:
    """The `number`th, over what was seen at a version, or where there was none."""
    login = {"username": NAME, "password": str(number)}
    content = base64.b64encode(json.dumps({"auths": {PERSONAL: login}}).encode()).decode()
    metadata = {"namespace": namespace, "name": SECRET, **({"resourceVersion": version} if version else {})}
    kind = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson"}
    return {**kind, "metadata": metadata, "data": {KEY: content}}
