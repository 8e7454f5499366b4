"""A node's root file system with the bundle in it, and the frozen program run there."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provider.kubelet import GROUP
from provider.places import PROGRAM
from tests.frozen.enter import INSTALLED

STATE = "run/program"
STORES = {
    "Debian": "etc/ssl/certs/ca-certificates.crt",
    "Red Hat": "etc/pki/tls/certs/ca-bundle.crt",
    "SUSE": "etc/ssl/ca-bundle.pem",
}
"""Where each system keeps its certificate authorities."""

CHROOT = shutil.which("chroot", path="/usr/sbin:/sbin:/usr/bin:/bin") or "chroot"
ENTER = """
set -e
root=$1 bundle=$2 place=$3
shift 3
mount --bind "$bundle" "$root$place"
mount --rbind /proc "$root/proc"
while [ "$1" != -- ]; do
    mount -t tmpfs hidden "$root$place/$1"
    shift
done
shift
exec env -i "$@"
"""
"""Mounts are made in a namespace of each run, so none is there when the root is removed."""


@dataclass(frozen=True)
class Run:
    """What a run left."""

    status: int
    stdout: str
    stderr: str

    @property
    def auth(self) -> dict[str, Any]:
        assert (self.status, self.stderr) == (0, ""), f"exit status {self.status}: {self.stderr}"
        auth = json.loads(self.stdout)["auth"]
        assert isinstance(auth, dict)
        return auth


class NodeRoot:
    """A root file system in `folder`."""

    def __init__(self, folder: Path, bundle: Path = INSTALLED) -> None:
        self.folder = folder
        self.bundle = bundle
        for path in (f".{INSTALLED}", "proc", STATE, "etc"):
            (folder / path).mkdir(parents=True, exist_ok=True)
        (folder / STATE).chmod(0o700)

    @classmethod
    def unpacked(cls, archive: Path, folder: Path) -> "NodeRoot":
        folder.mkdir()
        subprocess.run(["tar", "-xzf", archive, "-C", folder, "--no-same-owner"], check=True)
        return cls(folder)

    def write(self, path: str, text: str) -> None:
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.write_text(text)

    def forget(self) -> None:
        """Remove the ready answers."""
        for path in (self.folder / STATE / "answers").glob("*"):
            path.unlink()

    def run(
        self,
        arguments: Sequence[str] = (),
        stdin: str = "",
        *,
        hidden: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        program: str = f"{INSTALLED}/{PROGRAM}",
    ) -> Run:
        """Run the program in the root; `hidden`: folders of the bundle that are empty in this run."""
        command = self._command(arguments, hidden, environment or {}, program)
        done = subprocess.run(command, input=stdin.encode(), capture_output=True, timeout=60, check=False)
        return Run(done.returncode, done.stdout.decode(), done.stderr.decode())

    @contextmanager
    def started(self, arguments: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
        """The program, running in the root until the context ends."""
        with subprocess.Popen(self._command(arguments, (), {}, f"{INSTALLED}/{PROGRAM}")) as process:
            try:
                yield process
            finally:
                process.kill()

    def _command(
        self, arguments: Sequence[str], hidden: Sequence[str], environment: Mapping[str, str], program: str
    ) -> list[str]:
        root = str(self.folder)
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh", root]
        command += [str(self.bundle), str(INSTALLED), *hidden, "--"]
        command += [f"{name}={value}" for name, value in environment.items()]
        return [*command, CHROOT, root, program, *arguments]

    def request(self, image: str, *, hidden: Sequence[str] = (), options: Sequence[str] = ()) -> Run:
        """Send the kubelet's request, with nothing in the environment."""
        asked = {"kind": "CredentialProviderRequest", "apiVersion": f"{GROUP}/v1", "image": image}
        return self.run([f"--state-dir=/{STATE}", *options], json.dumps(asked), hidden=hidden)
