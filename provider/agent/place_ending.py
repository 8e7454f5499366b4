"""Waiting that a signal ends: the kubelet ends pods with SIGTERM, and this is the first process of its container."""

import os
import select
import signal
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Ending:
    """Whether this process is to end. One for the whole process, while nothing else listens to the signals."""

    def __init__(self) -> None:
        # A signal's handler may take no lock, so that no event of `threading` will do.
        self._reader, self._writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def listen(self) -> None:
        """Let the signals count from now on."""
        for number in SIGNALS:
            signal.signal(number, self._take)

    def wait(self, seconds: float) -> bool:
        """Wait for some seconds, or until a signal has come; tells whether one has."""
        return bool(select.select([self._reader], [], [], seconds)[0])

    def _take(self, number: int, frame: FrameType | None) -> None:
        try:
            os.write(self._writer, b"\0")
        except BlockingIOError:
            return
