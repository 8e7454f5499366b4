"""Where a call goes, and what is tried again, when, and how often. Pure but for the wait itself."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeVar

from provider.cloud.causes import Cause
from provider.deadline import Deadline
from provider.errors import ConfigurationError, Unreachable
from provider.registries import is_region

T = TypeVar("T")

Service = Literal["cr", "sts"]

FIRST_CONNECT_SECONDS = 2.5
"""For the first try of an endpoint: one that this node cannot reach, as a rule, does not answer at all."""
FIRST_READ_SECONDS = 6.0
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
LEAST_SECONDS = 0.5
"""What a try must have left of the deadline to be worth waiting for."""


class CallFailed(Unreachable):
    """A call that got no usable answer, for a cause that says whether it is worth another try."""

    def __init__(
        self,
        finding: str,
        cause: Cause,
        *,
        remedy: str = "",
        code: str = "",
        request_id: str = "",
        wait_seconds: float = 0.0,
    ) -> None:
        super().__init__(f"{finding}; {remedy}" if remedy else finding, code=code, request_id=request_id)
        self.finding = finding
        self.cause = cause
        self.remedy = remedy
        """What to do about it, said once for all endpoints."""
        self.wait_seconds = wait_seconds
        """What the cloud asked us to wait, 0 where it asked for nothing."""


class Policy(NamedTuple):
    """What follows from a cause: how many tries an endpoint gets, and up to how long is waited before the next."""

    tries: int
    wait: float = 0.5
    """Seconds before the second try at most, doubled each time."""
    longest_wait: float = 1.0
    stay: bool = False
    """Whether to ask the same endpoint again: another one would have the same limit."""

    def ceiling(self, tries: int) -> float:
        """Return the most seconds to wait after this many tries."""
        return min(self.longest_wait, self.wait * float(2 ** min(tries - 1, 16)))


POLICIES = {
    Cause.THROTTLED: Policy(tries=1000, wait=1.0, longest_wait=10.0, stay=True),
    Cause.SERVER: Policy(tries=5, longest_wait=5.0),
    Cause.DROPPED: Policy(tries=4, longest_wait=3.0),
    Cause.GARBLED: Policy(tries=2),
    Cause.SILENT: Policy(tries=2),
    Cause.CLOSED: Policy(tries=3),
    Cause.NAME: Policy(tries=3),
    Cause.PROXY: Policy(tries=2),
    Cause.CERTIFICATE: Policy(tries=1),
    Cause.TLS: Policy(tries=2),
    Cause.REDIRECT: Policy(tries=1),
    Cause.TOO_LARGE: Policy(tries=1),
    Cause.PLAIN: Policy(tries=1),
    Cause.OUT_OF_TIME: Policy(tries=0),
}


class Attempt(NamedTuple):
    """One try: where it goes, and how long connecting and each read may last."""

    endpoint: str
    """HOST or HOST:PORT."""
    connect_seconds: float = FIRST_CONNECT_SECONDS
    read_seconds: float = FIRST_READ_SECONDS


def endpoints(service: Service, region: str, node_region: str, override: str) -> tuple[str, ...]:
    """Return the endpoints of a service in the order to try them.

    The VPC's comes first in the node's own region, the public one elsewhere. `override` is the endpoint of local.yaml
    and wins. STS is asked in the node's region, and at its central endpoint where that is not known.
    """
    if override:
        return (override,)
    if service == "sts" and not region:
        return ("sts.aliyuncs.com",)
    if not is_region(region):
        # Customers choose names under aliyuncs.com: cr-vpc.oss-cn-hangzhou.aliyuncs.com may be a stranger's bucket.
        key = "acr" if service == "cr" else service
        raise ConfigurationError(
            f"{region or 'the empty name'} is not a region that we know: name its endpoint as endpoints.{key} in "
            "local.yaml"
        )
    public, vpc = f"{service}.{region}.aliyuncs.com", f"{service}-vpc.{region}.aliyuncs.com"
    return (vpc, public) if region == node_region else (public, vpc)


class Attempts:
    """Tries endpoints until one answers, all are used up, or the time is."""

    def __init__(
        self,
        deadline: Deadline,
        uniform: Callable[[float, float], float] = random.uniform,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._deadline = deadline
        self._uniform = uniform
        self._sleep = sleep
        self._failed: Counter[str] = Counter()

    def run(self, places: Sequence[str], perform: Callable[[Attempt], T]) -> T:
        """Return what `perform` returns. Any error but CallFailed ends it at once.

        Raises the last CallFailed, with what the other endpoints met before.
        """
        # An endpoint that did not answer an earlier call of this run comes last.
        waiting = sorted(places, key=lambda place: self._failed[place])
        tries: Counter[tuple[str, Cause]] = Counter()
        met: dict[str, CallFailed] = {}
        while True:
            endpoint = waiting.pop(0)
            try:
                again = endpoint in met
                answer = perform(Attempt(endpoint, CONNECT_SECONDS, READ_SECONDS) if again else Attempt(endpoint))
            except CallFailed as error:
                failure = error
            else:
                self._failed[endpoint] = 0
                return answer
            met[endpoint] = failure
            policy = POLICIES[failure.cause]
            tries[endpoint, failure.cause] += 1
            if not policy.stay:
                self._failed[endpoint] += 1
            if tries[endpoint, failure.cause] < policy.tries:
                waiting.insert(0 if policy.stay else len(waiting), endpoint)
            if not waiting:
                raise _summary(endpoint, met)
            if waiting[0] in met:
                left = self._deadline.remaining() - failure.wait_seconds - LEAST_SECONDS
                if left <= 0:
                    raise _summary(endpoint, met)
                # Full jitter: nodes that were refused together do not come back together.
                ceiling = min(policy.ceiling(tries[endpoint, failure.cause]), left)
                self._sleep(failure.wait_seconds + self._uniform(0, ceiling))


def _summary(last: str, met: dict[str, CallFailed]) -> CallFailed:
    failure = met[last]
    findings = dict.fromkeys([*(other.finding for place, other in met.items() if place != last), failure.finding])
    return CallFailed(
        "; ".join(findings), failure.cause, remedy=failure.remedy, code=failure.code, request_id=failure.request_id
    )
