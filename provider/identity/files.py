"""Files that hold credentials: read only where nobody else could have written or read them."""

import os
import stat

from provider.errors import Refused

SIZE_LIMIT = 64 * 1024


def read_private(path: str, what: str, remedy: str) -> bytes:
    """Return a file's content. `what` names it in messages; `remedy` says who should have put it there.

    Raises Refused where it is missing, a link, not a regular file, not ours, open to others, or too large.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Refused(f"{what} is missing: no file {path}; {remedy}") from None
    except OSError as error:
        raise Refused(f"{what} cannot be read: {path}: {error.strerror}") from None
    try:
        status = os.fstat(descriptor)
        if flaw := _flaw(status):
            raise Refused(f"{what} is not used: {path} {flaw}")
        content = b""
        while chunk := os.read(descriptor, SIZE_LIMIT):
            content += chunk
            if len(content) > SIZE_LIMIT:
                raise Refused(f"{what} is not used: {path} is larger than 64 KiB")
        return content
    except OSError as error:
        raise Refused(f"{what} cannot be read: {path}: {error.strerror}") from None
    finally:
        os.close(descriptor)


def _flaw(status: os.stat_result) -> str:
    if not stat.S_ISREG(status.st_mode):
        return "is no regular file"
    if status.st_uid != os.geteuid():
        return "belongs to another user"
    if stat.S_IMODE(status.st_mode) & 0o077:
        return "can be read or written by others: it must have mode 0600"
    return ""
