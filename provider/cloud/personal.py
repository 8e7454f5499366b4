"""ACR Personal Edition, by the generic client: the old SDK of its own throws the answer away."""

from provider.cloud import sdk
from provider.cloud.attempts import Attempt
from provider.cloud.calls import Calls
from provider.cloud.enterprise import AuthorizationToken
from provider.cloud.failures import Call
from provider.identity.session import Session


class Personal:
    """Calls of ACR 2016-06-07."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def authorization_token(self, session: Session, region: str) -> AuthorizationToken:
        """Return a token for the Personal Edition registry of a region.

        Raises Refused, Unreachable, or ConfigurationError for a region nobody knows.
        """
        call = Call(
            "GetAuthorizationToken",
            of=f"Personal Edition in {region}",
            identity=session.identity,
            permission='cr:GetAuthorizationToken on resource "*"',
        )
        transport = self._calls.transport

        def perform(attempt: Attempt) -> AuthorizationToken:
            client = sdk.generic_client(transport, session, attempt)
            described = sdk.parameters(
                action="GetAuthorizationToken",
                version="2016-06-07",
                style="ROA",
                method="GET",
                pathname="/tokens",
                req_body_type="json",
            )
            answer = client.call_api(described, sdk.request(), sdk.runtime(attempt))
            data = self._calls.checked(answer.get("body"), call, attempt).inner("data")
            return AuthorizationToken(
                data.text("tempUserName"), data.text("authorizationToken"), data.milliseconds("expireDate")
            )

        return self._calls.cr(region, call, perform)
