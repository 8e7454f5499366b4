"""What the writer and its child say, on a stream: in a pod that is the log."""

from typing import TextIO

from provider.journal import Journal
from provider.places import PROGRAM


class Lines(Journal):
    """Writes each line at once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def _write(self, line: str, level: str) -> None:
        shown = "" if level == "info" else f"{level}: "
        self._stream.write(f"{PROGRAM}: {shown}{line}\n")
        self._stream.flush()
