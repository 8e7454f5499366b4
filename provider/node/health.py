"""Whether the kubelet is well after a restart, and what it says where it is not."""

import http.client
import re
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from provider.node.detect.found import Process

HEALTHY_SECONDS = 70
"""How long is waited for; the timer that puts everything back fires 90 s after it was armed."""

STEADY_SECONDS = 5
"""How long a kubelet that says that it is well must have run: one that dislikes its provider file exits in less."""

SILENT_SECONDS = 15
"""The same for one whose health port is off: it may wait for its runtime or its certificate first."""

STARTS = 3
"""A kubelet that was started so often since the restart does not stay."""

ASK_SECONDS = 2.0
SAYS = re.compile(r"credential[ -]?provider|CRI auth plugins", re.IGNORECASE)
FAILS = re.compile(r"^[EF]\d{4} |\berr(or)?=|^Error:|failed to", re.IGNORECASE)


class Health(NamedTuple):
    """What was seen of the kubelet; `reason` is empty where it is well."""

    process: Process | None
    reason: str


def wait_until_healthy(
    process: Callable[[], Process | None],
    health_url: str,
    before: Process | None,
    *,
    seconds: float = HEALTHY_SECONDS,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> Health:
    """Wait until another kubelet than the one `before` is well, and stays.

    `health_url` empty: the kubelet tells nobody, so it must only stay. `process` returns the one that runs now.
    Not by the time of its start, which a step of the clock moves.
    """
    steady = STEADY_SECONDS if health_url else SILENT_SECONDS
    end = monotonic() + seconds
    seen: set[int] = set()
    found: Process | None = None
    while monotonic() < end:
        found = process()
        if found is not None and (before is None or found.pid != before.pid):
            seen.add(found.pid)
            if clock() - found.started >= steady and is_healthy(health_url):
                return Health(found, "")
            if len(seen) >= STARTS:
                return Health(found, f"it was started {len(seen)} times and does not stay")
        time.sleep(0.25)
    if not seen:
        return Health(found, f"it did not start within {seconds:g} s")
    if found is None:
        return Health(None, "it started and ended again")
    return Health(found, f"{health_url or 'it'} was not well within {seconds:g} s")


def is_healthy(url: str) -> bool:
    """Tell whether the kubelet says so at its healthz address; an empty one: it tells nobody, and counts as well."""
    if not url:
        return True
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=ASK_SECONDS)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def words_of_the_kubelet(lines: Sequence[str]) -> str:
    """Return, of a kubelet's last lines, the one that most likely says why it ended; empty for none."""
    failures = [line for line in _joined(lines) if FAILS.search(line)]
    chosen = [line for line in failures if SAYS.search(line)] or failures
    return " ".join(chosen[-1].split())[:500] if chosen else ""


def _joined(lines: Sequence[str]) -> list[str]:
    """Return log lines with an error of several lines, which klog writes as `err=<`, in one."""
    joined: list[str] = []
    is_open = False
    for line in lines:
        if is_open:
            joined[-1] += f" {line.strip()}"
            is_open = line.strip() != ">"
        else:
            joined.append(line)
            is_open = line.endswith("=<")
    return joined
