"""At most so many nodes at once on this machine, whichever process boots them."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NODES = 9
"""Each holds some 11 inotify instances, of which a machine gives root 128 where nobody has changed that."""
WAIT_SECONDS = 3600


@contextmanager
def slot(folder: Path) -> Iterator[None]:
    """Wait for one of the places, which are files of the folder, and hold it."""
    folder.mkdir(exist_ok=True)
    files = [(folder / str(number)).open("w") for number in range(NODES)]
    try:
        end = time.monotonic() + WAIT_SECONDS
        while not any(_is_taken(file.fileno()) for file in files):
            assert time.monotonic() < end, "waited in vain for another node to go"
            time.sleep(0.2)
        yield
    finally:
        for file in files:
            file.close()


def _is_taken(descriptor: int) -> bool:
    """Whether it is ours now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
