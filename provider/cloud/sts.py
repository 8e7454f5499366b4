"""Sessions of RAM roles, by the generic client: it keeps every secret out of URLs, unlike the credentials package."""

from provider.cloud import sdk
from provider.cloud.attempts import Attempt
from provider.cloud.calls import Calls
from provider.cloud.failures import Call
from provider.cloud.fields import Fields
from provider.identity.session import Session

SESSION_NAME = "aliyun-acr-credential-provider"
"""What ActionTrail shows beside the role's name. 2 to 64 characters."""


class Sts:
    """Calls of STS 2015-04-01. Both raise Refused or Unreachable."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def assume_role(
        self,
        session: Session,
        role_arn: str,
        *,
        duration: int = 3600,
        external_id: str = "",
        policy: str = "",
        session_name: str = "",
    ) -> Session:
        """Return a session of a role, by the right of another session. `duration` in seconds."""
        query = _query(role_arn, duration, policy, session_name)
        query |= {"ExternalId": external_id} if external_id else {}
        call = Call("AssumeRole", f"RAM role {role_arn}", session.identity, "sts:AssumeRole")
        transport = self._calls.transport

        def perform(attempt: Attempt) -> Session:
            client = sdk.generic_client(transport, session, attempt)
            described = sdk.parameters(
                action="AssumeRole",
                version="2015-04-01",
                style="RPC",
                method="POST",
                pathname="/",
                req_body_type="formData",
            )
            answer = client.call_api(described, sdk.request(query), sdk.runtime(attempt))
            fields = self._calls.checked(answer.get("body"), call, attempt)
            return _session(fields, f"RAM role {role_arn} by {session.identity}")

        return self._calls.sts(call, perform)

    def assume_role_with_oidc(
        self,
        role_arn: str,
        provider_arn: str,
        token: str,
        *,
        duration: int = 3600,
        policy: str = "",
        session_name: str = "",
        whose: str = "",
    ) -> Session:
        """Return a session of a role, by a token of the cluster's OIDC provider. The call is not signed.

        `whose`: the ServiceAccount of the pod that the token is of, for messages; empty: the agent's.
        """
        query = _query(role_arn, duration, policy, session_name) | {"OIDCProviderArn": provider_arn}
        token_of = f"the token of {whose}" if whose else "the RRSA token"
        call = Call("AssumeRoleWithOIDC", f"RAM role {role_arn}", token_of, "its trust policy")
        transport = self._calls.transport

        def perform(attempt: Attempt) -> Session:
            client = sdk.generic_client(transport, None, attempt)
            answer = client.do_rpcrequest(
                "AssumeRoleWithOIDC",
                "2015-04-01",
                "HTTPS",
                "POST",
                "Anonymous",
                "json",
                sdk.request(query, {"OIDCToken": token}),
                sdk.runtime(attempt),
            )
            fields = self._calls.checked(answer.get("body"), call, attempt)
            return _session(fields, f"RAM role {role_arn} of {whose}" if whose else f"RRSA role {role_arn}")

        return self._calls.sts(call, perform)


def _query(role_arn: str, duration: int, policy: str, session_name: str) -> dict[str, str]:
    """Return what both calls say of the session that they want."""
    name = session_name or SESSION_NAME
    query = {"RoleArn": role_arn, "RoleSessionName": name, "DurationSeconds": str(duration)}
    return query | ({"Policy": policy} if policy else {})


def _session(fields: Fields, identity: str) -> Session:
    credentials = fields.inner("Credentials")
    return Session(
        credentials.text("AccessKeyId"),
        credentials.text("AccessKeySecret"),
        credentials.text("SecurityToken"),
        credentials.time("Expiration"),
        identity,
    )
