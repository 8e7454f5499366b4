"""Debian's docker-registry, without authentication, on loopback: what keeps the images."""

import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from tests.systems.system import wait_for

HOST, PORT = "127.0.0.1", 5000
# As the kernel writes them in /proc/net/tcp.
ADDRESS, LISTENING = int.from_bytes(socket.inet_aton(HOST), sys.byteorder), "0A"
START_SECONDS = 20
CONFIGURATION = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: /mnt}}
  maintenance: {{readonly: {{enabled: {read_only}}}, uploadpurging: {{enabled: false}}}}
http: {{addr: "{host}:{port}"}}
"""
SERVE = """
mount --make-rprivate /
mount --bind "$2" "$1/mnt"
mount -t tmpfs configuration "$1/tmp"
cat >"$1/tmp/configuration"
exec chroot "$1" docker-registry serve /tmp/configuration
"""


class Registry:
    """A running registry in this network namespace, or in the one whose path is given."""

    def __init__(self, root: Path, folder: Path, *, read_only: bool = True, network: str = "") -> None:
        """`root`: where docker-registry is installed. `folder`: its storage."""
        configuration = CONFIGURATION.format(read_only=str(read_only).lower(), host=HOST, port=PORT)
        join = ["nsenter", f"--net={network}"] if network else []
        command = [*join, "unshare", "--mount", "sh", "-ec", SERVE, "sh", str(root), str(folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        assert self._process.stdin is not None
        self._process.stdin.write(configuration.encode())
        self._process.stdin.close()
        try:
            wait_for(self._listens, START_SECONDS, "the registry")
        except AssertionError:
            self.close()
            raise

    def __enter__(self) -> "Registry":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def _listens(self) -> bool:
        assert self._process.poll() is None, "docker-registry has ended"
        lines = Path(f"/proc/{self._process.pid}/net/tcp").read_text().splitlines()
        return any(line.split()[1:4:2] == [f"{ADDRESS:08X}:{PORT:04X}", LISTENING] for line in lines[1:])
