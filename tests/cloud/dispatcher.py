"""Which service a request is for, which fault it meets, and the record of both."""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.cloud.clock import Clock
from tests.cloud.faults import Faults, Plan, instead
from tests.cloud.ledger import HIDDEN, Call, Calls, Secrets, Trapped
from tests.cloud.openapi import version_of
from tests.cloud.registry import place_of_host
from tests.cloud.sts import VERSION as STS_VERSION
from tests.cloud.wire import Answer, Exchange, Request, Service, text_answer
from tests.cloud.world import World

METADATA_HOST = "100.100.100.200"
REGIONAL = re.compile(r"(sts|sts-vpc|cr|cr-vpc|dockerauth[a-z-]*)\.([a-z0-9-]+)\.aliyuncs\.com")
PREFIXES = {"sts": "sts", "sts-vpc": "sts", "cr": "acr", "cr-vpc": "acr"}
UNANSWERED = frozenset({"drop", "drop-after", "hang", "drip-headers"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the listener does with one request."""

    answer: Answer
    plan: Plan
    date: float
    """For the Date header."""


class Dispatcher:
    """The front door of all services, whichever listener the request came through."""

    def __init__(
        self, world: World, clock: Clock, services: Mapping[str, Service], faults: Faults, calls: Calls, kept: Secrets
    ) -> None:
        self._world = world
        self._clock = clock
        self._services = services
        self._faults = faults
        self._calls = calls
        self._secrets = kept
        self.stopping = threading.Event()
        self.trapped: list[Trapped] = []

    def serve(self, request: Request) -> Outcome:
        """Answer a request that came to the HTTPS listener, or through the proxy."""
        name = self.service_of(request)
        return self._serve(self._services[name], request) if name else self.trap(request)

    def serve_metadata(self, request: Request) -> Outcome:
        return self._serve(self._services["metadata"], request)

    def trap(self, request: Request) -> Outcome:
        """Note a request for a host that is no part of the cloud."""
        body = request.body.decode("utf-8", "replace")
        self.trapped.append(Trapped(request.method, request.url, request.headers, body))
        return Outcome(text_answer(404, "404 - trapped"), Plan(), self._clock.now())

    def service_of(self, request: Request) -> str:
        """The service's name; empty for a stranger's host."""
        host = request.host
        if host == METADATA_HOST and request.scheme == "http":
            return "metadata"
        if place_of_host(self._world, host):
            return "registry"
        if host == "sts.aliyuncs.com":
            return "sts"
        regional = REGIONAL.fullmatch(host)
        if regional and regional[2] in self._world.regions:
            return PREFIXES.get(regional[1], "auth")
        if host in ("127.0.0.1", "localhost") and version_of(request):
            return "sts" if version_of(request) == STS_VERSION else "acr"
        return ""

    def proxied(self, action: str, host: str, act: Callable[[], Answer], target: str = "") -> Outcome:
        """One request to the proxy itself; `target` is the HOST:PORT of a CONNECT."""
        exchange = Exchange(Request(action, host, "", "", {}), action, parameters={"target": target} if target else {})
        return self._run("proxy", exchange, act)

    def _serve(self, service: Service, request: Request) -> Outcome:
        exchange = Exchange(request, service.action(request))
        return self._run(service.name, exchange, lambda: service.handle(exchange))

    def _run(self, name: str, exchange: Exchange, act: Callable[[], Answer]) -> Outcome:
        host = exchange.request.host
        plan = self._faults.plan(name, exchange.action, host)
        if plan.latency:
            self.stopping.wait(plan.latency)
        kind = plan.fault.kind if plan.fault else ""
        answer = instead(plan.fault, exchange.request_id, host) if plan.fault else None
        if answer is None:
            answer = act() if kind not in ("drop", "hang", "drip-headers") else Answer(0)
        if kind:
            exchange.code = f"fault:{kind}"
        self._record(name, exchange, 0 if kind in UNANSWERED else answer.status)
        return Outcome(answer, plan, self._clock.now() + plan.date_offset)

    def _record(self, name: str, exchange: Exchange, status: int) -> None:
        shown = {key: HIDDEN if self._secrets.found_in(value) else value for key, value in exchange.parameters.items()}
        self._calls.add(
            Call(
                name,
                exchange.action,
                exchange.request.host,
                exchange.identity,
                shown,
                status,
                exchange.code,
                self._clock.now(),
            )
        )
