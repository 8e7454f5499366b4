"""What a pod's token bought, handed from the plugin that asked to those that wait for it: never over a disk.

A kubelet runs the plugin once for each pod that starts, also where they are of one ServiceAccount; without this each
would ask the cloud in its turn. The socket lies in the directory of the ready answers, where root alone gets.
"""

import os

from provider.kubelet import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

ENDING = ".socket"
POD = "pod_"
"""How the subjects of pods begin; no host's name has an underscore."""
WAITING = 1000
"""How many may wait; one more asks again."""
MAXIMUM = 1 << 18


class HandOver:
    """The meeting point for one subject. Whoever holds the subject's lock offers, all others ask."""

    def __init__(self, directory: str, subject: str) -> None:
        self._directory = directory
        self._name = f"{subject}{ENDING}"
        self._listening: socket.socket | None = None

    def offer(self) -> None:
        """Let others wait here; where no socket can be had they wait for the lock alone."""
        import socket

        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._unlink()
        try:
            with _Short(self._directory) as folder:
                made.bind(f"{folder}/{self._name}")
            made.listen(WAITING)
        except OSError:
            made.close()
            return
        self._listening = made

    def give(self, data: bytes) -> None:
        """Give `data` to all who wait, nothing if it is empty, and let nobody wait here any longer."""
        if self._listening is None:
            return
        self._unlink()
        while data:
            try:
                waiting, _ = self._listening.accept()
            except OSError:
                break
            with waiting:
                try:
                    waiting.send(data)
                except OSError:
                    continue
        self._listening.close()
        self._listening = None

    def _unlink(self) -> None:
        try:
            os.unlink(f"{self._directory}/{self._name}")
        except OSError:
            return

    def ask(self, seconds: float) -> bytes:
        """Wait until somebody gives something, and return it; empty where nobody does."""
        import socket

        asking = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        asking.settimeout(max(0.1, seconds))
        data = b""
        with asking:
            try:
                with _Short(self._directory) as folder:
                    asking.connect(f"{folder}/{self._name}")
                while len(data) < MAXIMUM and (part := asking.recv(MAXIMUM)):
                    data += part
            except OSError:
                return b""
        return data


class _Short:
    """A name for a directory that fits into a socket's address, which has 107 bytes; good within `with`."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._descriptor = -1

    def __enter__(self) -> str:
        self._descriptor = os.open(self._directory, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._descriptor}"

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def subject_of(request: Request) -> str:
    """Return the host; for a pod whose ServiceAccount may name a role of its own, a name for both together.

    Pods of one ServiceAccount wait for each other, and for nobody else. Raises Refused for a token that is none.
    """
    if request.service_account_token and request.annotations:  # most have neither: nothing is loaded for them
        from provider.service_account import ACK_ANNOTATION, OWN_ANNOTATION, parse_claims

        roles = [request.annotations.get(key) for key in (OWN_ANNOTATION, ACK_ANNOTATION)]
        if any(roles):
            import hashlib

            claims = parse_claims(request.service_account_token)
            told = (request.name, claims.namespace, claims.name, claims.uid, *roles)
            return f"{POD}{hashlib.sha256(repr(told).encode()).hexdigest()[:40]}"
    return request.name or "none"
