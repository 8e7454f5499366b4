"""A network namespace with loopback addresses, which leads nowhere else and lives as long as the object.

`python -m tests.e2e.network ADDRESS...` is the process that keeps it.
"""

import subprocess
import sys
from types import TracebackType

from tests.frozen.enter import set_address

LOOPBACK = "127.0.0.1"
READY = "ready\n"


class Network:
    """The namespace of one node; it outlives the node's reboots."""

    def __init__(self, *addresses: str) -> None:
        command = ["unshare", "--net", sys.executable, "-m", "tests.e2e.network", LOOPBACK, *addresses]
        self._keeper = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._keeper.stdout is not None
        assert self._keeper.stdout.readline() == READY
        self.namespace = f"/proc/{self._keeper.pid}/ns/net"
        """Path of the namespace."""

    def configure(self, *commands: str) -> None:
        """Run commands of the shell in the namespace; iproute2 is there."""
        subprocess.run(["nsenter", f"--net={self.namespace}", "sh", "-euc", "\n".join(commands)], check=True)

    def __enter__(self) -> "Network":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._keeper.communicate()


if __name__ == "__main__":
    for number, address in enumerate(sys.argv[1:]):
        set_address(f"lo:{number}" if number else "lo", address)
    print(READY, end="", flush=True)
    sys.stdin.read()
