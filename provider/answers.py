"""Ready answers on tmpfs, as the warm path reads them: one file a registry host.

Everything that is wrong with a file (owner, mode, link, version, torn or foreign content) makes it as if it were not
there; the answer is then fetched anew. `provider.store` writes the files. Imports `posix`, not `os`: 1.1 ms less.
"""

import posix

from provider.kubelet import Request, parse_json, quote

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` costs 11 ms
    from typing import Any

VERSION = "2"
MAXIMUM_SIZE = 1 << 18
"""Bytes. A token with a session policy has some 4 kB."""
SHORT_SECONDS = 60
"""How long the kubelet keeps a token that was due for renewal when the cloud could not be reached."""

EVERY_POD = "*"
"""In `Answer.service_account`: who asks always matters."""
NO_TOKEN = "-"  # noqa: S105
"""In `Answer.service_account`: it is for requests without a token alone."""

_TEXTS = ("host", "username", "password", "cacheKeyType", "fingerprint", "leftAlone", "source", "serviceAccount")
_TIMES = ("written", "renew", "end")


class Answer:
    """Credentials for one host. Times are seconds since the epoch by the node's clock.

    `renew` is kept, not computed from what is left: half of what is left, computed anew each time, would never come.
    `left_alone` is the prefix of repositories on this host that are not ours to answer, empty if there are none.
    `service_account` is empty where a pod's ServiceAccount does not change the answer; else the annotation that does
    where a pod has it, `EVERY_POD` or `NO_TOKEN`. `source` says, to people, where it is from: instance, region,
    identity.
    """

    __slots__ = (
        "cache_key_type",
        "end",
        "fingerprint",
        "host",
        "left_alone",
        "password",
        "renew",
        "service_account",
        "source",
        "username",
        "written",
    )

    def __init__(
        self,
        host: str,
        username: str,
        password: str,
        *,
        written: int,
        renew: int,
        end: int,
        fingerprint: str,
        cache_key_type: str = "Registry",
        service_account: str = "",
        left_alone: str = "",
        source: str = "",
    ) -> None:
        self.host = host
        self.username = username
        self.password = password
        self.written = written
        self.renew = renew
        self.end = end
        self.fingerprint = fingerprint
        self.cache_key_type = cache_key_type
        self.service_account = service_account
        self.left_alone = left_alone
        self.source = source

    def applies_to(self, request: Request) -> bool:
        """Tell whether this is the answer: not for a repository left alone, nor for a pod that may have its own."""
        if self.leaves_alone(request):
            return False
        if self.service_account == NO_TOKEN:
            return not request.service_account_token
        if not self.service_account:
            return True
        return self.service_account != EVERY_POD and self.service_account not in request.annotations

    def leaves_alone(self, request: Request) -> bool:
        """Tell whether the request is for a repository that is not ours to answer."""
        return bool(self.left_alone) and request.repository.startswith(self.left_alone)

    def is_fresh(self, now: float) -> bool:
        """Tell whether the answer may be given without asking anybody."""
        return self.written <= now < self.renew

    def is_valid(self, now: float) -> bool:
        """Tell whether a registry would still take the answer. A clock that went back makes it worthless."""
        return self.written <= now < self.end

    def cache_seconds(self, now: float) -> int:
        """Return how long the kubelet may keep the answer: until it is renewed, or shortly when that is overdue."""
        if now < self.renew:
            return int(self.renew - now)
        return max(0, min(SHORT_SECONDS, int((self.end - now) / 2)))

    def encode(self) -> bytes:
        """Return the file's content."""
        return (
            f'{{"version":"{VERSION}","host":{quote(self.host)},"username":{quote(self.username)},'
            f'"password":{quote(self.password)},"cacheKeyType":{quote(self.cache_key_type)},'
            f'"fingerprint":{quote(self.fingerprint)},"leftAlone":{quote(self.left_alone)},'
            f'"source":{quote(self.source)},"serviceAccount":{quote(self.service_account)},'
            f'"written":{self.written},"renew":{self.renew},"end":{self.end}}}\n'
        ).encode()


class LeftAlone:
    """No credentials, and no error: the image is not ours to answer. The kubelet keeps that for some seconds."""

    __slots__ = ("cache_key_type", "cache_seconds")

    def __init__(self, cache_key_type: str, cache_seconds: int) -> None:
        self.cache_key_type = cache_key_type
        self.cache_seconds = cache_seconds


ACK_PUBLIC_PREFIX = "acs/"
"""Repositories on Personal Edition hosts that hold ACK's own public images."""

NOT_OURS = LeftAlone("Registry", 300)
"""A host that is no registry of ours, for five minutes: the configuration may come to name it."""

ACK_PUBLIC = LeftAlone("Image", 3600)
"""ACK's public images. By image: an empty answer for the registry would cover the user's own images on that host."""


def fields_of(
    data: bytes, version: str, subject: tuple[str, str], texts: tuple[str, ...], numbers: tuple[str, ...]
) -> "dict[str, Any] | None":
    """Return the fields of a file of ours: of this version and subject, with these texts and numbers; else None."""
    try:
        fields = parse_json(data)
    except ValueError:
        return None
    if type(fields) is not dict or fields.get("version") != version or fields.get(subject[0]) != subject[1]:
        return None
    for name in texts:
        if type(fields.get(name)) is not str:
            return None
    for name in numbers:
        if type(fields.get(name)) is not int:
            return None
    return fields


def decode(data: bytes, host: str) -> Answer | None:
    """Return the answer for `host` that a file holds, or None if it holds anything else."""
    fields = fields_of(data, VERSION, ("host", host), _TEXTS, _TIMES)
    if fields is None:
        return None
    return Answer(
        host,
        fields["username"],
        fields["password"],
        written=fields["written"],
        renew=fields["renew"],
        end=fields["end"],
        fingerprint=fields["fingerprint"],
        cache_key_type=fields["cacheKeyType"],
        service_account=fields["serviceAccount"],
        left_alone=fields["leftAlone"],
        source=fields["source"],
    )


def read_private(path: str) -> bytes | None:
    """Return the content of a file that this user alone may read and write; None for every other one."""
    try:
        descriptor = posix.open(path, posix.O_RDONLY | posix.O_NOFOLLOW | posix.O_NONBLOCK | posix.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        status = posix.fstat(descriptor)
        regular_and_private = status.st_mode & 0o170077 == 0o100000
        if not regular_and_private or status.st_uid != posix.geteuid() or status.st_nlink != 1:
            return None
        if status.st_size > MAXIMUM_SIZE:
            return None
        data = posix.read(descriptor, MAXIMUM_SIZE)
        return data if len(data) == status.st_size else None
    except OSError:
        return None
    finally:
        posix.close(descriptor)


def directory_is_private(path: str) -> bool:
    """Tell whether `path` is a directory, no link, of this user's, in which nobody else can do anything."""
    try:
        status = posix.lstat(path)
    except (OSError, ValueError):
        return False
    return status.st_mode & 0o170077 == 0o040000 and status.st_uid == posix.geteuid()


def read_answer(directory: str, host: str, fingerprint: str) -> Answer | None:
    """Return the answer kept for `host` under the configuration of `fingerprint`, fresh or not."""
    data = read_private(f"{directory}/{host}.json")
    answer = decode(data, host) if data is not None else None
    if answer is None or answer.fingerprint != fingerprint:
        return None
    return answer


def fingerprint_of(paths: tuple[str, ...]) -> str:
    """Return a text that changes when one of the files does, from `stat` alone.

    The inode and the time of its last change, which no program can set, not the time of modification.
    """
    parts = []
    for path in paths:
        try:
            status = posix.stat(path)
            parts.append(f"{status.st_ino}.{status.st_ctime_ns}.{status.st_size}")
        except (OSError, ValueError):
            parts.append("-")
    return "/".join(parts)
