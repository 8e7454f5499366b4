"""The cloud's clock, which a test may turn, and the three ways in which the cloud writes a time."""

import time
from datetime import UTC, datetime
from email.utils import formatdate


class Clock:
    """Seconds since the epoch as the cloud sees them."""

    def __init__(self) -> None:
        self.offset = 0.0
        """Seconds that the cloud is ahead of this machine; negative: behind."""

    def now(self) -> float:
        return time.time() + self.offset

    def whole(self) -> int:
        """The current second: the cloud issues nothing that ends within one."""
        return int(self.now())


def iso(seconds: float) -> str:
    """`2006-01-02T15:04:05Z`, as STS, the metadata service and the managed role's Secret write it."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_iso(text: str) -> float | None:
    """The inverse of `iso`; None for anything else."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def http_date(seconds: float) -> str:
    """The value of a Date header."""
    return formatdate(seconds, usegmt=True)
