"""One fetch at a time: a lock that everybody else waits for, with next to nothing imported."""

import fcntl
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

LANES = 4
"""How many plugins ask at once for a host whose answer cannot be kept."""


class Busy(Exception):
    """Somebody else holds the lock."""


class Lock:
    """A lock, held within `with`. Yields False where none can be had: then nothing is to be written.

    Entering raises Busy if somebody else holds it and `wait` is False. Waiting has no end: the caller's deadline ends
    the process. The end of a process, of whatever kind, frees its locks. Without a path there is none to be had.
    """

    def __init__(self, path: str, *, wait: bool) -> None:
        self._path = path
        self._operation = fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB)
        self._descriptor: int | None = None

    def __enter__(self) -> bool:
        if not self._path:
            return False
        try:
            while not self._take():
                self.__exit__(None, None, None)
        except BlockingIOError:
            self.__exit__(None, None, None)
            raise Busy from None
        except OSError:
            self.__exit__(None, None, None)
            return False
        return self._can_write()

    def _take(self) -> bool:
        """Take the lock; tells whether it is still the one that others see, and not one that was swept away."""
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._descriptor, self._operation)
        return os.fstat(self._descriptor).st_nlink > 0

    def _can_write(self) -> bool:
        """Tell whether an answer can be left for those that wait.

        Where the disk is full they wait for nothing: then a few ask at once, each for itself.
        """
        if self._descriptor is None:
            return False
        try:
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, b"\0")
        except OSError:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX, 1, os.getpid() % LANES)
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
