"""What can go wrong, switched on by the test for one service, and narrowed to hosts, actions and a number of times."""

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal, TypeAlias, get_args

from tests.cloud.wire import Answer, json_answer, text_answer

ServiceName: TypeAlias = Literal["metadata", "sts", "acr", "registry", "auth", "proxy"]
Kind: TypeAlias = Literal[
    "slow",  # `latency` and `date_offset` alone; every other kind takes them too
    "status",  # `status` (503) with the gateway's JSON error, `code` (ServiceUnavailable)
    "throttle",  # HTTP 400 Throttling.User; `retry_after` ms in x-acs-retry-after, 0: no such header
    "limit",  # throttle only what exceeds `per_second`
    "drop",  # the connection ends without an answer; the request was not acted upon
    "drop-after",  # the same, but it was acted upon
    "hang",  # no answer and no end
    "half",  # the true answer's first half under its whole Content-Length, then the end
    "torn",  # the true answer's body cut short, Content-Length to match: broken JSON that holds secrets
    "drip",  # headers, then one byte each 0.2 s for ever
    "drip-headers",  # one byte of the headers each 0.2 s for ever
    "not-json",  # HTTP `status` (200) and a text
    "html",  # HTTP `status` (502) and a page, as load balancers write it
    "empty",  # HTTP `status` (200), no body
    "huge",  # HTTP 200 and `size` bytes (4 MiB) of JSON
    "redirect",  # `status` (302) to `location` (the trap)
]
KINDS: tuple[str, ...] = get_args(Kind)
SERVICES: tuple[str, ...] = get_args(ServiceName)

DEFAULT_STATUS = {"status": 503, "html": 502, "redirect": 302, "throttle": 400, "limit": 400}


@dataclass(slots=True)
class Fault:
    """One switched fault."""

    kind: Kind
    latency: float = 0.0
    """Seconds before anything happens."""
    date_offset: float = 0.0
    """Seconds added to the answer's Date header."""
    status: int = 0
    """0: the kind's own."""
    code: str = "ServiceUnavailable"
    retry_after: int = 0
    per_second: float = 0.0
    location: str = ""
    size: int = 4 << 20
    host: str = "*"
    """Pattern of the host names it is for, `cr-vpc.*` for one."""
    action: str = "*"
    """Pattern of the actions it is for, `ListInstance*` for one."""
    count: int | None = None
    """How many requests it still meets; None: all."""
    met: int = 0
    """How many requests it has met."""
    recent: deque[float] = field(default_factory=deque, repr=False)

    def concerns(self, action: str, host: str) -> bool:
        return fnmatchcase(host, self.host) and fnmatchcase(action, self.action) and self.count != 0

    def strikes(self) -> bool:
        """Whether this request is too many; other kinds than `limit` always strike."""
        if self.kind != "limit":
            return True
        now = time.monotonic()
        while self.recent and self.recent[0] <= now - 1:
            self.recent.popleft()
        if len(self.recent) >= self.per_second:
            return True
        self.recent.append(now)
        return False


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens to one request."""

    latency: float = 0.0
    date_offset: float = 0.0
    fault: Fault | None = None
    """Of the faults that are more than slow, the first that was set."""


class Faults:
    """The switchboard."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set: dict[str, list[Fault]] = {}
        self.trap_url = ""
        """Where `redirect` leads without a `location`."""

    def set(self, service: ServiceName, kind: Kind, **options: Any) -> Fault:
        """Switch a fault on, beside those that are on already; `options` are the fields of Fault."""
        if service not in SERVICES or kind not in KINDS:
            raise ValueError(f"no fault {kind} of {service}")
        fault = Fault(kind, **options)
        if kind == "redirect":
            fault.location = fault.location or self.trap_url
        with self._lock:
            self._set.setdefault(service, []).append(fault)
        return fault

    def clear(self, service: ServiceName | None = None) -> None:
        """Switch everything off, of one service or of all."""
        with self._lock:
            if service is None:
                self._set.clear()
            else:
                self._set.pop(service, None)

    def plan(self, service: str, action: str, host: str) -> Plan:
        """Take the faults that this request meets, and count them down."""
        latency = date_offset = 0.0
        chosen: Fault | None = None
        with self._lock:
            for fault in self._set.get(service, ()):
                if not fault.concerns(action, host) or (chosen and fault.kind != "slow") or not fault.strikes():
                    continue
                fault.met += 1
                fault.count = None if fault.count is None else fault.count - 1
                latency += fault.latency
                date_offset += fault.date_offset
                if fault.kind != "slow":
                    chosen = fault
        return Plan(latency, date_offset, chosen)


def instead(fault: Fault, request_id: str, host: str) -> Answer | None:
    """The answer in place of the true one; None for the kinds that need the true one, or give none."""
    status = fault.status or DEFAULT_STATUS.get(fault.kind, 200)
    match fault.kind:
        case "status":
            return _error(status, fault.code, "The request has failed due to a temporary failure.", request_id, host)
        case "throttle" | "limit":
            more = {"x-acs-retry-after": str(fault.retry_after)} if fault.retry_after else {}
            text = "Request was denied due to user flow control."
            return _error(status, "Throttling.User", text, request_id, host, more)
        case "not-json":
            return text_answer(status, "<upstream connect error or disconnect/reset before headers>")
        case "html":
            page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1>Tengine</body></html>"
            return text_answer(status, page, "text/html")
        case "empty":
            return Answer(status)
        case "huge":
            return text_answer(200, '{"RequestId":"' + "A" * fault.size + '"}', "application/json")
        case "redirect":
            return Answer(status, b"", {"Location": fault.location})
        case _:
            return None


def _error(
    status: int, code: str, message: str, request_id: str, host: str, headers: Mapping[str, str] | None = None
) -> Answer:
    error = {"RequestId": request_id, "HostId": host, "Code": code, "Message": message}
    answer = json_answer(status, error)
    return Answer(status, answer.body, {**answer.headers, **(headers or {})})
