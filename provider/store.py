"""The writing side of the ready answers, and what is remembered beside them: refusals, discovered registries.

One lock a host, held by whoever fetches. Without a directory of our own on a disk that takes the file nothing is kept,
and the plugin works without.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from dataclasses import fields as dataclass_fields
from typing import Any

from provider import answers
from provider.errors import ConfigurationError, ProviderError, Unreachable

VERSION = 1
TEMPORARY = ".new"
TEMPORARY_SECONDS = 60
"""The age at which a temporary file is no longer anybody's: no plugin lives longer."""


class Busy(Exception):
    """Somebody else holds the lock."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error that later requests for the same host repeat until `until` (seconds since the epoch)."""

    host: str
    fingerprint: str
    written: int
    until: int
    cause: str
    """`refused`, `unreachable` or `configuration`."""
    message: str
    code: str = ""
    request_id: str = ""
    exit_status: int = 1

    @classmethod
    def of_fields(cls, fields: dict[str, Any]) -> "Refusal | None":
        """Return the refusal that has these fields, or None if none has."""
        if any(type(fields.get(field.name, field.default)) is not field.type for field in dataclass_fields(cls)):
            return None
        return cls(**{field.name: fields[field.name] for field in dataclass_fields(cls) if field.name in fields})

    def holds(self, now: float) -> bool:
        """Tell whether the error is still to be repeated."""
        return self.written <= now < self.until

    @property
    def line(self) -> str:
        """The message with Code and RequestId."""
        return str(ProviderError(self.message, code=self.code, request_id=self.request_id))


def refusal_of(error: ProviderError, host: str, fingerprint: str, now: float) -> Refusal:
    """Return what is to be remembered of `error`."""
    cause = "refused"
    if isinstance(error, Unreachable):
        cause = "unreachable"
    elif isinstance(error, ConfigurationError):
        cause = "configuration"
    return Refusal(
        host=host,
        fingerprint=fingerprint,
        written=int(now),
        until=int(now) + error.remember_seconds,
        cause=cause,
        message=error.message,
        code=error.code,
        request_id=error.request_id,
        exit_status=error.exit_status,
    )


class Store:
    """The files of one directory (`STATE/answers`). Without a directory nothing is kept, and nothing found."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def prepare(self) -> bool:
        """Make the directories where they are missing; tell whether they are ours and nobody else's."""
        if not self.directory:
            return False
        parent = os.path.dirname(self.directory)
        try:
            for path in (parent, self.directory):
                os.makedirs(path, mode=0o700, exist_ok=True)
                if not answers.directory_is_private(path) and os.lstat(path).st_uid == os.geteuid():
                    os.chmod(path, 0o700, follow_symlinks=False)
        except (OSError, NotImplementedError):
            return False
        return answers.directory_is_private(self.directory)

    @contextmanager
    def locked(self, host: str, *, wait: bool) -> Iterator[bool]:
        """Hold the host's lock; yields False where no lock can be had, and then nothing is to be written.

        Raises Busy if somebody else holds it and `wait` is False. The waiting itself has no end: the caller's deadline
        ends the process.
        """
        descriptor = self._open_lock(host)
        try:
            yield descriptor is not None and _lock(descriptor, wait=wait)
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def _open_lock(self, host: str) -> int | None:
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            return os.open(f"{self.directory}/{host}.lock", flags, 0o600) if self.prepare() else None
        except OSError:
            return None

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

    def read_refusal(self, host: str) -> Refusal | None:
        """Return what is remembered, still to be repeated or not."""
        fields = self._read(f"{host}.refused", host)
        return Refusal.of_fields(fields) if fields is not None else None

    def write_refusal(self, refusal: Refusal) -> bool:
        """Remember the refusal; tells whether it was kept."""
        return self._write(f"{refusal.host}.refused", _encode(asdict(refusal)))

    def refused_hosts(self) -> list[str]:
        """Return the hosts of which a refusal is remembered, sorted."""
        return self._named(".refused")

    def recall(self, subject: str, kind: str, now: float) -> Any:
        """Return what was remembered of `subject` under `kind`; None if nothing, or not for now."""
        fields = self._read(f"{subject}.{kind}", subject)
        if fields is None or type(fields.get("written")) is not int or type(fields.get("until")) is not int:
            return None
        return fields.get("value") if fields["written"] <= now < fields["until"] else None

    def remember(self, subject: str, kind: str, value: object, now: float, seconds: int) -> None:
        """Remember a JSON value of `subject` for some seconds."""
        fields = {"host": subject, "written": int(now), "until": int(now) + seconds, "value": value}
        self._write(f"{subject}.{kind}", _encode(fields))

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

    def _read(self, name: str, host: str) -> dict[str, Any] | None:
        data = answers.read_private(f"{self.directory}/{name}")
        try:
            fields = json.loads(data) if data is not None else None
        except (ValueError, RecursionError):
            return None
        if not isinstance(fields, dict) or fields.pop("version", None) != VERSION or fields.get("host") != host:
            return None
        return fields

    def _write(self, name: str, data: bytes) -> bool:
        return answers.directory_is_private(self.directory) and write_private(f"{self.directory}/{name}", data)

    def _remove(self, name: str) -> bool:
        try:
            os.unlink(f"{self.directory}/{name}")
        except OSError:
            return False
        return True


def _lock(descriptor: int, *, wait: bool) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        raise Busy from None
    except OSError:
        return False
    return True


def _encode(fields: dict[str, Any]) -> bytes:
    return json.dumps({"version": VERSION, **fields}).encode() + b"\n"


def write_private(path: str, data: bytes, write: Callable[[int, bytes], int] = os.write) -> bool:
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
