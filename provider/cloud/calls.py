"""One call to the cloud: its endpoints, its attempts, and what its failures mean."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from provider.cloud.attempts import Attempt, Attempts, CallFailed, Service, endpoints
from provider.cloud.causes import Cause
from provider.cloud.failures import Call, explain, known_code, known_request_id, refused
from provider.cloud.fields import Fields
from provider.cloud.transport import Transport
from provider.config.values import Endpoints

T = TypeVar("T")


class Calls:
    """Makes calls, each with as many attempts as its failures are worth."""

    def __init__(
        self, transport: Transport, overrides: Endpoints, attempts: Attempts, node_region: Callable[[], str]
    ) -> None:
        self.transport = transport
        self._overrides = overrides
        self._attempts = attempts
        self._node_region = node_region

    def cr(self, region: str, call: Call, perform: Callable[[Attempt], T]) -> T:
        """Call ACR's OpenAPI of a region."""
        return self._regional("cr", region, self._overrides.acr, call, perform)

    def sts(self, call: Call, perform: Callable[[Attempt], T]) -> T:
        """Call STS, in the node's own region."""
        region = "" if self._overrides.sts else self._node_region()
        return self._regional("sts", region, self._overrides.sts, call, perform)

    def at(self, place: str, call: Call, perform: Callable[[Attempt], T]) -> T:
        """Call one place that has no other endpoint."""
        return self._run((place,), call, perform)

    def _regional(self, service: Service, region: str, override: str, call: Call, perform: Callable[[Attempt], T]) -> T:
        node_region = "" if override else self._node_region()
        return self._run(endpoints(service, region, node_region, override), call, perform)

    def _run(self, places: Sequence[str], call: Call, perform: Callable[[Attempt], T]) -> T:
        def explained(attempt: Attempt) -> T:
            self.transport.last = None
            try:
                return perform(attempt)
            except Exception as error:
                raise explain(error, self.transport.last, call, self.transport.clock_offset) from None

        return self._attempts.run(places, explained)

    def checked(self, body: object, call: Call, attempt: Attempt) -> Fields:
        """Return the fields of an answer with HTTP 200, which may say no all the same (`IsSuccess: false`)."""
        source = f"{call.action} at {attempt.endpoint}"
        fields = Fields(body, source)
        if not isinstance(body, dict):
            raise CallFailed(f"the answer of {source} is no JSON object", Cause.GARBLED)
        if fields.has("IsSuccess") and not fields.is_true("IsSuccess"):
            raise refused(
                call,
                self.transport.last,
                self.transport.clock_offset,
                status=200,
                code=known_code(fields.raw("Code")),
                request_id=known_request_id(fields.raw("RequestId")),
            )
        return fields
