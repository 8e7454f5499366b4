from collections.abc import Callable

import pytest

from provider.cloud.attempts import POLICIES, Attempt, Attempts, CallFailed, endpoints
from provider.cloud.causes import Cause
from provider.deadline import Deadline
from provider.errors import ConfigurationError, Refused, Unreachable

VPC, PUBLIC = "cr-vpc.cn-hangzhou.aliyuncs.com", "cr.cn-hangzhou.aliyuncs.com"


class Time:
    """A clock that only sleeping and calling move."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Server:
    """Endpoints that fail in the order given, and answer then."""

    def __init__(self, time: Time, *failures: Cause, each: float = 0.0, wait_seconds: float = 0.0) -> None:
        self.time = time
        self.failures = list(failures)
        self.each = each
        self.wait_seconds = wait_seconds
        self.asked: list[Attempt] = []

    def __call__(self, attempt: Attempt) -> str:
        self.asked.append(attempt)
        self.time.now += self.each
        if self.failures:
            cause = self.failures.pop(0)
            raise CallFailed(f"{attempt.endpoint} {cause.name}", cause, wait_seconds=self.wait_seconds)
        return "answer"

    @property
    def endpoints(self) -> list[str]:
        return [attempt.endpoint for attempt in self.asked]


def attempts(time: Time, seconds: float = 45, draw: Callable[[float, float], float] = max) -> Attempts:
    return Attempts(Deadline(seconds, lambda: time.now), draw, time.sleep)


ENDPOINTS = [
    ("own region", ("cr", "cn-hangzhou", "cn-hangzhou", ""), (VPC, PUBLIC)),
    ("another region", ("cr", "cn-hangzhou", "cn-beijing", ""), (PUBLIC, VPC)),
    ("no ECS instance", ("cr", "cn-hangzhou", "", ""), (PUBLIC, VPC)),
    ("override", ("cr", "evil.example/x?", "cn-hangzhou", "acr.local:8443"), ("acr.local:8443",)),
    (
        "STS",
        ("sts", "eu-central-1", "eu-central-1", ""),
        ("sts-vpc.eu-central-1.aliyuncs.com", "sts.eu-central-1.aliyuncs.com"),
    ),
    ("STS without a region", ("sts", "", "", ""), ("sts.aliyuncs.com",)),
]


@pytest.mark.parametrize(("given", "expected"), [row[1:] for row in ENDPOINTS], ids=[row[0] for row in ENDPOINTS])
def test_order_of_endpoints(given: tuple[str, str, str, str], expected: tuple[str, ...]) -> None:
    service, region, node_region, override = given
    assert endpoints("sts" if service == "sts" else "cr", region, node_region, override) == expected


@pytest.mark.parametrize("region", ["oss-cn-hangzhou", "evil.example/x?", "", "cn-hangzhou.evil", "cn-", "CN-HANGZHOU"])
def test_only_known_regions_become_host_names(region: str) -> None:
    with pytest.raises(ConfigurationError, match=r"endpoints\.acr in local\.yaml"):
        endpoints("cr", region, "cn-hangzhou", "")


def test_the_other_endpoint_is_tried_at_once_and_the_first_again_after_a_wait() -> None:
    time = Time()
    server = Server(time, Cause.SERVER, Cause.SERVER)
    assert attempts(time).run((VPC, PUBLIC), server) == "answer"
    assert server.endpoints == [VPC, PUBLIC, VPC]
    assert time.slept == [0.5]
    assert server.asked[0].connect_seconds == 2.5
    assert server.asked[2].connect_seconds == 5


def test_a_refusal_is_never_asked_again() -> None:
    time = Time()
    asked: list[str] = []

    def refuse(attempt: Attempt) -> str:
        asked.append(attempt.endpoint)
        raise Refused("no")

    with pytest.raises(Refused):
        attempts(time).run((VPC, PUBLIC), refuse)
    assert asked == [VPC]


def test_throttling_stays_at_the_endpoint_and_waits_longer_each_time() -> None:
    time = Time()
    server = Server(time, *[Cause.THROTTLED] * 6)
    assert attempts(time).run((VPC, PUBLIC), server) == "answer"
    assert server.endpoints == [VPC] * 7
    assert time.slept == [1, 2, 4, 8, 10, 10]


def test_what_the_cloud_asks_to_wait_is_added() -> None:
    time = Time()
    attempts(time, draw=min).run((VPC,), Server(time, Cause.THROTTLED, wait_seconds=3))
    assert time.slept == [3]


def test_waits_are_drawn_from_zero_to_the_ceiling() -> None:
    time = Time()
    drawn: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        drawn.append((low, high))
        return low

    attempts(time, draw=draw).run((VPC,), Server(time, Cause.DROPPED, Cause.DROPPED))
    assert drawn == [(0, 0.5), (0, 1)]


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.OUT_OF_TIME])
def test_every_cause_ends_within_the_deadline(cause: Cause) -> None:
    time = Time()
    server = Server(time, *[cause] * 2000, each=0.1)
    with pytest.raises(Unreachable):
        attempts(time).run((VPC, PUBLIC), server)
    assert time.now <= 45


@pytest.mark.parametrize("cause", [Cause.CLOSED, Cause.NAME])
def test_a_refused_connection_fails_in_a_few_seconds(cause: Cause) -> None:
    time = Time()
    server = Server(time, *[cause] * 2000)
    with pytest.raises(CallFailed, match=f"{VPC} {cause.name}; {PUBLIC} {cause.name}"):
        attempts(time).run((VPC, PUBLIC), server)
    assert 1 < time.now <= 5
    assert sorted(server.endpoints) == sorted([VPC, PUBLIC] * 3)


def test_silent_endpoints_leave_time_for_the_others() -> None:
    time = Time()
    server = Server(time, Cause.SILENT, each=2.5)
    attempts(time).run((VPC, PUBLIC), server)
    assert time.now == 5
    assert time.slept == []


def test_an_endpoint_that_failed_comes_last_in_the_next_call() -> None:
    time = Time()
    tried = attempts(time)
    tried.run((VPC, PUBLIC), Server(time, Cause.SILENT))
    second = Server(time)
    tried.run((VPC, PUBLIC), second)
    assert second.endpoints == [PUBLIC]


def test_waiting_ends_before_the_deadline_does() -> None:
    time = Time()
    with pytest.raises(CallFailed):
        attempts(time, seconds=3).run((VPC,), Server(time, *[Cause.THROTTLED] * 100))
    assert time.now < 3


def test_nothing_is_tried_again_when_the_time_is_up() -> None:
    time = Time()
    server = Server(time, Cause.OUT_OF_TIME, Cause.OUT_OF_TIME, Cause.OUT_OF_TIME)
    with pytest.raises(CallFailed):
        attempts(time).run((VPC, PUBLIC), server)
    assert server.endpoints == [VPC, PUBLIC]


def test_a_remedy_is_said_once() -> None:
    def fail(attempt: Attempt) -> str:
        raise CallFailed(f"{attempt.endpoint} is not trusted", Cause.CERTIFICATE, remedy="name its authority")

    with pytest.raises(CallFailed) as raised:
        attempts(Time()).run((VPC, PUBLIC), fail)
    assert str(raised.value) == f"{VPC} is not trusted; {PUBLIC} is not trusted; name its authority"


def test_every_cause_has_a_policy() -> None:
    assert set(POLICIES) == set(Cause)
