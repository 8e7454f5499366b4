"""The writing side of the ready answers, and what is remembered beside them: refusals, discovered registries.

One lock a host, held by whoever fetches. Without a directory of our own on a disk that takes the file nothing is kept,
and the plugin works without. Every process that waits for the lock has imported this, so it imports next to nothing.
"""

import fcntl
import os

from provider import answers, refusals
from provider.kubelet import parse_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any

VERSION = 1
TEMPORARY = ".new"
TEMPORARY_SECONDS = 60
"""The age at which a temporary file is no longer anybody's: no plugin lives longer."""


class Busy(Exception):
    """Somebody else holds the lock."""


class Lock:
    """A host's lock, held within `with`. Yields False where none can be had: then nothing is to be written.

    Entering raises Busy if somebody else holds it and `wait` is False. Waiting has no end: the caller's deadline ends
    the process. The end of a process, of whatever kind, frees its locks.
    """

    def __init__(self, store: "Store", host: str, *, wait: bool) -> None:
        self._path = f"{store.directory}/{host}.lock"
        self._store = store
        self._operation = fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB)
        self._descriptor: int | None = None

    def __enter__(self) -> bool:
        if not self._store.prepare():
            return False
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._descriptor, self._operation)
        except BlockingIOError:
            self.__exit__(None, None, None)
            raise Busy from None
        except OSError:
            self.__exit__(None, None, None)
            return False
        return True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: "TracebackType | None",
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class Store:
    """The files of one directory (`STATE/answers`). Without a directory nothing is kept, and nothing found."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def prepare(self) -> bool:
        """Make the directories where they are missing; tell whether they are ours and nobody else's."""
        if not self.directory:
            return False
        try:
            for path in (os.path.dirname(self.directory), self.directory):
                os.makedirs(path, mode=0o700, exist_ok=True)
                if not answers.directory_is_private(path):
                    _close_to_others(path)
        except OSError:
            return False
        return answers.directory_is_private(self.directory)

    def locked(self, host: str, *, wait: bool) -> Lock:
        """Return the host's lock, to be held within `with`."""
        return Lock(self, host, wait=wait)

    def write_answer(self, answer: answers.Answer) -> bool:
        """Keep the answer and forget the host's refusal; tells whether it was kept."""
        self._remove(f"{answer.host}.refused")
        return self._write(f"{answer.host}.json", answer.encode())

    def forget_answer(self, host: str) -> bool:
        """Remove the host's answer; tells whether there was one."""
        return self._remove(f"{host}.json")

    def hosts(self) -> list[str]:
        """Return the hosts that have an answer, sorted."""
        return self._named(".json")

    def read_refusal(self, host: str) -> refusals.Refusal | None:
        """Return what is remembered, still to be repeated or not."""
        data = answers.read_private(f"{self.directory}/{host}.refused")
        return refusals.decode(data, host) if data is not None else None

    def write_refusal(self, refusal: refusals.Refusal) -> bool:
        """Remember the refusal; tells whether it was kept."""
        return self._write(f"{refusal.host}.refused", refusal.encode())

    def refused_hosts(self) -> list[str]:
        """Return the hosts of which a refusal is remembered, sorted."""
        return self._named(".refused")

    def recall(self, subject: str, kind: str, now: float) -> "Any":
        """Return what was remembered of `subject` under `kind`; None if nothing, or not for now."""
        data = answers.read_private(f"{self.directory}/{subject}.{kind}")
        try:
            fields = parse_json(data) if data is not None else None
        except ValueError:
            return None
        if type(fields) is not dict or fields.get("version") != VERSION or fields.get("subject") != subject:
            return None
        written, until = fields.get("written"), fields.get("until")
        if type(written) is not int or type(until) is not int:
            return None
        return fields.get("value") if written <= now < until else None

    def remember(self, subject: str, kind: str, value: object, now: float, seconds: int) -> None:
        """Remember a JSON value of `subject` for some seconds."""
        import json

        fields = {
            "version": VERSION,
            "subject": subject,
            "written": int(now),
            "until": int(now) + seconds,
            "value": value,
        }
        self._write(f"{subject}.{kind}", json.dumps(fields).encode() + b"\n")

    def forget(self, subject: str, kind: str) -> None:
        """Remove what was remembered."""
        self._remove(f"{subject}.{kind}")

    def sweep(self, now: float) -> None:
        """Remove the temporary files of writers that were killed."""
        for name in self._named(TEMPORARY):
            path = f"{self.directory}/{name}{TEMPORARY}"
            try:
                if os.lstat(path).st_mtime + TEMPORARY_SECONDS < now:
                    os.unlink(path)
            except OSError:
                continue

    def _named(self, ending: str) -> list[str]:
        try:
            names = os.listdir(self.directory)
        except OSError:
            return []
        return sorted(name.removesuffix(ending) for name in names if name.endswith(ending))

    def _write(self, name: str, data: bytes) -> bool:
        return answers.directory_is_private(self.directory) and write_private(f"{self.directory}/{name}", data)

    def _remove(self, name: str) -> bool:
        try:
            os.unlink(f"{self.directory}/{name}")
        except OSError:
            return False
        return True


def _close_to_others(path: str) -> None:
    """Take a directory that is ours from others; raise OSError for one that is not, or is a link."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(descriptor).st_uid == os.geteuid():
            os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)


def write_private(path: str, data: bytes, write: "Callable[[int, bytes], int]" = os.write) -> bool:
    """Put `data` at `path` as a whole or not at all, readable by this user alone; tells whether it is there.

    What a killed writer leaves is removed by `Store.sweep`.
    """
    temporary = f"{path}.{os.getpid()}{TEMPORARY}"
    try:
        _unlink_if_there(temporary)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if write(descriptor, data) != len(data):
                raise OSError("written in part")
        finally:
            os.close(descriptor)
        os.rename(temporary, path)
    except OSError:
        try:
            _unlink_if_there(temporary)
        except OSError:
            return False
        return False
    return True


def _unlink_if_there(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
