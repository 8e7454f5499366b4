"""The exec plugin: a request on stdin, a response on stdout, for one image.

A ready answer on tmpfs is given out by this file, `kubelet` and `answers` alone, and the process ends on the spot:
`posix._exit` saves the interpreter's own shutdown (3 ms of 11). Only a miss loads the rest. Every check is an `if`,
since the frozen program is compiled without `assert`.
"""

import _signal  # type: ignore[import-not-found]
import posix
import time

from provider import answers, kubelet
from provider.errors import ProviderError
from provider.places import PROGRAM, Places

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` costs 11 ms, `__future__` a file
    from typing import NoReturn


READ_SECONDS = 45
"""How long the kubelet may take to write its request, below the minute after which it kills the plugin."""


def read_all(descriptor: int) -> bytes:
    """Return what is on `descriptor`, cut a little above the size that a request may have."""
    _signal.alarm(READ_SECONDS)  # its default action ends the process: nothing is known yet that could be said
    parts = []
    size = 0
    while size <= kubelet.MAXIMUM_REQUEST:
        part = posix.read(descriptor, 1 << 16)
        if not part:
            break
        parts.append(part)
        size += len(part)
    _signal.alarm(0)
    return b"".join(parts)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`; raises OSError when nobody reads it."""
    while data:
        data = data[posix.write(descriptor, data) :]


def response(request: kubelet.Request, answer: answers.Answer, now: float) -> bytes:
    """Return the response with the credentials of `answer`, kept by the kubelet until they are to be renewed."""
    seconds = answer.cache_seconds(now)
    return kubelet.render_response(
        request.api_version, answer.cache_key_type, seconds, request.host, answer.username, answer.password
    )


def finish(output: bytes, message: bytes, status: int) -> "NoReturn":
    """Write the whole answer to stdout and the message to stderr, and end the process."""
    try:
        write_all(1, output)
        write_all(2, message)
    except OSError:
        posix._exit(1)
    posix._exit(status)


def main(places: Places) -> "NoReturn":
    """Answer one request and end the process."""
    try:
        request = kubelet.parse_request(read_all(0))
    except OSError:
        finish(b"", f"{PROGRAM}: the request on standard input cannot be read\n".encode(), 1)
    except ProviderError as error:
        finish(b"", f"{PROGRAM}: {error}\n".encode(), error.exit_status)
    answer = None
    if request.name and answers.directory_is_private(places.answers):
        answer = answers.read_answer(places.answers, request.name, places.fingerprint())
    now = time.time()
    if answer is not None and answer.applies_to(request) and answer.is_fresh(now):
        finish(response(request, answer, now), b"", 0)
    from provider import miss

    miss.main(request, places)
