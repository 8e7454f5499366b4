"""The writing side of the ready answers, and what is remembered beside them: refusals, discovered registries.

One lock a host, or a ServiceAccount and host, held by whoever fetches. Without a directory of our own on a disk that
takes the file nothing is kept, and the plugin works without. Every process that waits for the lock has imported this,
so it imports next to nothing.
"""

import os

from provider import answers, refusals
from provider.kubelet import parse_json
from provider.locks import Lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

VERSION = 1
TEMPORARY = ".new"


class Store:
    """The files of one directory (`STATE/answers`). Without a directory nothing is kept, and nothing found."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def prepare(self) -> bool:
        """Make the directories where they are missing; tell whether they are ours and nobody else can write there.

        What is there already is left as it is: somebody may have named `/run` or `/tmp` as the state directory.
        """
        if not self.directory:
            return False
        try:
            os.makedirs(os.path.dirname(self.directory), mode=0o700, exist_ok=True)
            if _is_safe(os.path.dirname(self.directory)):
                os.makedirs(self.directory, mode=0o700, exist_ok=True)
        except OSError:
            return False
        return _is_safe(os.path.dirname(self.directory)) and answers.directory_is_private(self.directory)

    def locked(self, subject: str, *, wait: bool) -> Lock:
        """Return the lock of a host, or of a ServiceAccount and a host, to be held within `with`."""
        return Lock(f"{self.directory}/{subject}.lock" if self.prepare() else "", wait=wait)

    def write_answer(self, answer: answers.Answer) -> bool:
        """Keep the answer and forget the host's refusal; tells whether it was kept."""
        self.remove(f"{answer.host}.refused")
        return self._write(f"{answer.host}.json", answer.encode())

    def forget_answer(self, host: str) -> bool:
        """Remove the host's answer; tells whether there was one."""
        return self.remove(f"{host}.json")

    def hosts(self) -> list[str]:
        """Return the hosts that have an answer, sorted."""
        return self.named(".json")

    def read_refusal(self, subject: str) -> refusals.Refusal | None:
        """Return what is remembered, still to be repeated or not."""
        data = self._read(f"{subject}.refused")
        return refusals.decode(data, subject) if data is not None else None

    def write_refusal(self, refusal: refusals.Refusal) -> bool:
        """Remember the refusal; tells whether it was kept."""
        return self._write(f"{refusal.subject}.refused", refusal.encode())

    def recall(self, subject: str, kind: str, now: float) -> "Any":
        """Return what was remembered of `subject` under `kind`; None if nothing, or not for now."""
        data = self._read(f"{subject}.{kind}")
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
        self.remove(f"{subject}.{kind}")

    def named(self, ending: str) -> list[str]:
        """Return the names of the files with this ending, without it, sorted."""
        return sorted(name.removesuffix(ending) for name in self._names() if name.endswith(ending))

    def _names(self) -> list[str]:
        try:
            return os.listdir(self.directory) if self.directory else []
        except OSError:
            return []

    def _read(self, name: str) -> bytes | None:
        return answers.read_private(f"{self.directory}/{name}") if self.directory else None

    def _write(self, name: str, data: bytes) -> bool:
        return answers.directory_is_private(self.directory) and write_private(f"{self.directory}/{name}", data)

    def remove(self, name: str) -> bool:
        """Remove a file; tells whether it was there."""
        if not self.directory:
            return False
        try:
            os.unlink(f"{self.directory}/{name}")
        except OSError:
            return False
        return True


def _is_safe(path: str) -> bool:
    """Tell whether a directory is ours, no link, and writable by nobody else."""
    status = os.lstat(path)
    return status.st_mode & 0o170022 == 0o040000 and status.st_uid == os.geteuid()


def write_private(path: str, data: bytes, write: "Callable[[int, bytes], int]" = os.write) -> bool:
    """Put `data` at `path` as a whole or not at all, readable by this user alone; tells whether it is there.

    What a killed writer leaves is removed by `provider.sweep`.
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
