"""`get IMAGE`: what the kubelet would get for an image, and why."""

import json
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from provider import environment
from provider.answers import Answer, LeftAlone
from provider.commands.common import StreamJournal, limit_time, parser, places_of
from provider.kubelet import API_VERSIONS, Request
from provider.lookup import Lookup
from provider.miss import DEADLINE_SECONDS

HIDDEN = "(hidden: --show-secret shows it)"


def run(arguments: Sequence[str], stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Print the credentials of an image's registry."""
    made = parser("get", "Print what the kubelet would get for an image, and why.")
    made.add_argument(
        "image", metavar="IMAGE", help="such as NAME-registry.REGION.cr.aliyuncs.com/NAMESPACE/REPOSITORY"
    )
    made.add_argument("--json", action="store_true", help="as JSON")
    made.add_argument("--show-secret", action="store_true", help="print the password as well")
    parsed = made.parse_args(list(arguments))
    request = Request(API_VERSIONS[0], parsed.image)
    limit_time(DEADLINE_SECONDS, stderr, f"looking for credentials for {request.host}")
    lookup = Lookup(request, places_of(parsed), StreamJournal(stderr), environment=environment.take(os.environ))
    ready = lookup.ready()
    outcome = ready or lookup.run(DEADLINE_SECONDS)
    fields = describe(request, outcome, time.time(), ready=ready is not None, secret=parsed.show_secret)
    stdout.write(json.dumps(fields, indent=2) + "\n" if parsed.json else as_text(fields))
    return 0


def describe(request: Request, outcome: Answer | LeftAlone, now: float, *, ready: bool, secret: bool) -> dict[str, Any]:
    """Return the fields to print, in order."""
    fields: dict[str, Any] = {"registry": request.host, "repository": request.repository}
    if isinstance(outcome, LeftAlone):
        why = "not ours to answer: the kubelet's other sources and an anonymous pull get their turn"
        cached = {"cacheKeyType": outcome.cache_key_type, "cacheDuration": f"{outcome.cache_seconds}s"}
        return fields | {"credentials": False, "why": why} | cached
    return fields | {
        "credentials": True,
        "why": outcome.source,
        "username": outcome.username,
        "password": outcome.password if secret else HIDDEN,
        "cacheKeyType": outcome.cache_key_type,
        "cacheDuration": f"{outcome.cache_seconds(now)}s",
        "renewed": moment(outcome.renew),
        "ends": moment(outcome.end),
        "ready": ready,
    }


def moment(seconds: float) -> str:
    """Return a time in RFC 3339, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def as_text(fields: dict[str, Any]) -> str:
    """Return the fields as lines."""
    words = {True: "yes", False: "no"}
    return "".join(
        f"{name:<14}{words.get(value, value) if isinstance(value, bool) else value}\n" for name, value in fields.items()
    )
