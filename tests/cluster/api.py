"""An API server with its etcd, and what tests do there: real ones, on loopback, without nodes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import trustme
from lightkube import Client

from provider.kubernetes.client import open_client
from tests.cluster.place import PUT, Place, dated_namespace, etcd_flags, in_base64, make_keys, server_flags
from tests.systems.system import succeeded, wait_for

READY_SECONDS = 60
RUN_SECONDS = 300
CONTROLLERS = ("serviceaccount-controller", "namespace-controller")
"""Namespaces get their ServiceAccount `default`, and those that are deleted go with all that is in them."""


@dataclass(frozen=True)
class Programs:
    """Where the programs are."""

    etcd: Path
    folder: Path
    """Where those of Kubernetes are."""

    def of_kubernetes(self, name: str) -> str:
        return str(self.folder / name)


class Api:
    """A running API server, known by its folder. Whoever shares it keeps to namespaces of names of their own."""

    def __init__(self, folder: Path, programs: Programs) -> None:
        self.folder = folder
        self.programs = programs
        self.url = (folder / "url").read_text()
        self._network = (folder / "network").read_text()
        self.ca_file = folder / "ca.pem"
        self.kubeconfig = folder / "admin.conf"
        """The administrator's."""
        if not self.kubeconfig.exists():
            self.kubeconfig = self.user("admin", "system:masters")

    def user(self, name: str, *groups: str) -> Path:
        """Return a kubeconfig with a certificate of that user, as nodes (`system:node:NAME`) and people have them."""
        authority = trustme.CA.from_pem(self.ca_file.read_bytes(), (self.folder / "ca.key").read_bytes())
        group = groups[0] if groups else None
        issued = authority.issue_cert("user.example.com", common_name=name, organization_name=group)
        certificate = in_base64(issued.cert_chain_pems[0].bytes())
        key = in_base64(issued.private_key_pem.bytes())
        return self._kubeconfig(name, {"client-certificate-data": certificate, "client-key-data": key})

    def service_account(self, namespace: str, name: str) -> Path:
        """Return a kubeconfig with a token of a ServiceAccount, which is made where it is missing, as its namespace."""
        metadata = {"namespace": namespace, "name": name}
        self.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        )
        token = self.kubectl("create", "token", name, f"--namespace={namespace}", "--duration=24h").strip()
        return self._kubeconfig(f"{namespace}-{name}", {"token": token})

    def pod_token(self, namespace: str, name: str, node: str) -> Path:
        """Return a kubeconfig with a token as a pod of the ServiceAccount has it on a node; the pod is made."""
        pod = f"{name}-on-{node}"
        containers = [{"name": "one", "image": "one"}]
        spec = {"serviceAccountName": name, "nodeName": node, "containers": containers}
        metadata = {"namespace": namespace, "name": pod}
        self.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        bound = ("--bound-object-kind=Pod", f"--bound-object-name={pod}")
        token = self.kubectl("create", "token", name, f"--namespace={namespace}", *bound).strip()
        return self._kubeconfig(pod, {"token": token})

    def kubectl(self, *arguments: str, stdin: str = "", kubeconfig: Path | None = None) -> str:
        """Run kubectl, as the administrator where nothing else is said; it must succeed. Returns its stdout."""
        return succeeded(self.attempt(*arguments, stdin=stdin, kubeconfig=kubeconfig))

    def attempt(
        self, *arguments: str, stdin: str = "", kubeconfig: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl, which may fail."""
        return self.run("kubectl", *arguments, stdin=stdin, kubeconfig=kubeconfig)

    def run(
        self, program: str, *arguments: str, stdin: str = "", kubeconfig: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program that takes --kubeconfig (kubectl, or the path of another) where the API server is."""
        path = program if "/" in program else self.programs.of_kubernetes(program)
        command = self._here(path, f"--kubeconfig={kubeconfig or self.kubeconfig}", *arguments)
        # What kubectl keeps of the API server goes with the run.
        environment = {**os.environ, "KUBECACHEDIR": str(self.folder / "kubectl"), "HOME": str(self.folder)}
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, env=environment, timeout=RUN_SECONDS, check=False
        )

    def apply(self, *objects: Mapping[str, object]) -> None:
        """Make objects, or change them."""
        items = {"apiVersion": "v1", "kind": "List", "items": objects}
        self.kubectl("apply", "--validate=false", "--filename=-", stdin=json.dumps(items))

    def client(self, *, seconds: float = 10) -> Client:
        """Return lightkube's client of the administrator, to be closed (it is a context manager)."""
        return open_client(str(self.kubeconfig), seconds=seconds)

    @contextmanager
    def controllers(self, *names: str) -> Iterator[None]:
        """Let kube-controller-manager run with these controllers, or `CONTROLLERS`; for everybody at this server."""
        flags = [
            *(f"--controllers={','.join(names or CONTROLLERS)}", "--leader-elect=false", "--secure-port=0"),
            *(f"--service-account-private-key-file={self.folder}/tokens.pem", f"--root-ca-file={self.ca_file}"),
            f"--kubeconfig={self.kubeconfig}",
        ]
        with self.running("kube-controller-manager", *flags):
            yield

    @contextmanager
    def running(self, program: str, *flags: str) -> Iterator[subprocess.Popen[bytes]]:
        """Let a program of Kubernetes run where the API server is."""
        process = self._start(self.programs.of_kubernetes(program), *flags)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def _start(self, program: str, *flags: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{Path(program).name}.log").open("ab") as log:
            return subprocess.Popen(self._here(program, *flags), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _here(self, *command: str) -> list[str]:
        return ["nsenter", f"--net={self._network}", *command] if self._network else list(command)

    def _kubeconfig(self, name: str, user: Mapping[str, str]) -> Path:
        cluster = {"server": self.url, "certificate-authority-data": in_base64(self.ca_file.read_bytes())}
        configuration = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "cluster", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "context", "context": {"cluster": "cluster", "user": name}}],
            "current-context": "context",
        }
        place = self.folder / f"{name.replace(':', '-')}.conf"
        place.write_text(json.dumps(configuration))
        place.chmod(0o600)
        return place


class OwnApi(Api):
    """The two processes as well: they start with it and end with `close`."""

    def __init__(self, folder: Path, programs: Programs, place: Place) -> None:
        """`folder`: to be made, in memory, since etcd waits for its disk at each write."""
        folder.mkdir(parents=True, exist_ok=True)
        make_keys(folder, place)
        (folder / "url").write_text(f"https://{place.address}:{place.port}")
        (folder / "network").write_text(place.network)
        super().__init__(folder, programs)
        self._etcd = self._start(str(programs.etcd), *etcd_flags(folder, place.store_port))
        if place.created:
            self._date(place)
        self._server = self._start(programs.of_kubernetes("kube-apiserver"), *server_flags(folder, place))

    def wait_ready(self) -> None:
        """Wait until it answers, and has made what every cluster has."""
        wait_for(self._is_ready, READY_SECONDS, "the API server")

    def stop_answering(self) -> None:
        """Let it stand still: connections are accepted by the kernel and nothing comes back."""
        self._server.send_signal(signal.SIGSTOP)

    def answer(self) -> None:
        """Let it go on."""
        self._server.send_signal(signal.SIGCONT)

    def __enter__(self) -> "OwnApi":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in (self._server, self._etcd):
            process.kill()
            process.wait()

    def _date(self, place: Place) -> None:
        """Write namespace kube-system into the store before the API server does it."""
        store = f"http://127.0.0.1:{place.store_port}/v3/kv/put"
        command = self._here(sys.executable, "-c", PUT, store, dated_namespace(place.created))
        wait_for(lambda: subprocess.run(command, check=False).returncode == 0, READY_SECONDS, "etcd")

    def _is_ready(self) -> bool:
        for process, log in ((self._server, "kube-apiserver.log"), (self._etcd, "etcd.log")):
            assert process.poll() is None, (self.folder / log).read_text()[-4000:]
        return (
            self.attempt("get", "--raw=/readyz").returncode == 0
            and self.attempt("get", "namespace", "kube-system").returncode == 0
        )
