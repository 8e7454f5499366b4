"""ACR Enterprise Edition, by cr20181201."""

from dataclasses import dataclass, field
from typing import Any

from provider.cloud import sdk
from provider.cloud.attempts import Attempt
from provider.cloud.calls import Calls
from provider.cloud.failures import Call
from provider.cloud.fields import Fields
from provider.identity.session import Session

PAGE_SIZE = 30
"""The cloud's own default."""
MOST_PAGES = 100


@dataclass(frozen=True, slots=True)
class AuthorizationToken:
    """What logs in at a registry."""

    username: str
    password: str = field(repr=False)
    expiration: float
    """Seconds since the epoch, by the cloud's clock."""


class Enterprise:
    """Calls of ACR 2018-12-01. All raise Refused, Unreachable, or ConfigurationError for a region nobody knows."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def authorization_token(self, session: Session, region: str, instance_id: str) -> AuthorizationToken:
        """Return a token for an instance, with the permissions of the session's identity."""
        call = Call(
            "GetAuthorizationToken",
            of=f"instance {instance_id} in {region}",
            identity=session.identity,
            permission='cr:GetAuthorizationToken on resource "*"',
        )
        fields = self._ask(session, region, call, "GetAuthorizationTokenRequest", instance_id=instance_id)
        return AuthorizationToken(
            fields.text("TempUsername"), fields.text("AuthorizationToken"), fields.milliseconds("ExpireTime")
        )

    def instance_domains(self, session: Session, region: str, instance_id: str) -> tuple[str, ...]:
        """Return the host names of an instance's enabled endpoints, customers' own included, in lower case."""
        call = Call(
            "ListInstanceEndpoint",
            of=f"instance {instance_id} in {region}",
            identity=session.identity,
            permission="cr:ListInstanceEndpoint",
        )
        fields = self._ask(
            session, region, call, "ListInstanceEndpointRequest", instance_id=instance_id, module_name="Registry"
        )
        domains = [
            domain.text("Domain").lower()
            for endpoint in fields.items("Endpoints")
            if endpoint.is_true("Enable")
            for domain in endpoint.items("Domains")
        ]
        return tuple(dict.fromkeys(domains))

    def find_instance(self, session: Session, region: str, name: str) -> str | None:
        """Return the id of the instance that is called exactly `name`; None where the account has none.

        The cloud finds names by their parts, in any order and in pages, so all pages are read and compared.
        """
        call = Call(
            "ListInstance", of=f"instances in {region}", identity=session.identity, permission="cr:ListInstance"
        )
        seen = 0
        for page in range(1, MOST_PAGES + 1):
            fields = self._ask(
                session, region, call, "ListInstanceRequest", instance_name=name, page_no=page, page_size=PAGE_SIZE
            )
            instances = fields.items("Instances")
            for instance in instances:
                if instance.raw("InstanceName") == name:
                    return instance.text("InstanceId")
            seen += len(instances)
            if not instances or seen >= fields.number("TotalCount"):
                break
        return None

    def _ask(self, session: Session, region: str, call: Call, request: str, **values: Any) -> Fields:
        transport = self._calls.transport

        def perform(attempt: Attempt) -> Fields:
            made = getattr(sdk.enterprise_models(transport), request)(**values)
            client = sdk.enterprise_client(transport, session, attempt)
            method = getattr(client, METHODS[call.action])
            answer = method(made, sdk.runtime(attempt))
            return self._calls.checked(_body(answer), call, attempt)

        return self._calls.cr(region, call, perform)


METHODS = {
    "GetAuthorizationToken": "get_authorization_token_with_options",
    "ListInstance": "list_instance_with_options",
    "ListInstanceEndpoint": "list_instance_endpoint_with_options",
}


def _body(answer: Any) -> object:
    # The SDK's model keeps whatever type a field had, and keeps the whole as it is where it cannot read it.
    return answer.body.to_map() if answer.body is not None else None
