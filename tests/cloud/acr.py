"""ACR's OpenAPI behind `cr.REGION.aliyuncs.com` and `cr-vpc.REGION.aliyuncs.com`, both editions."""

from collections.abc import Mapping

from tests.cloud.authorization_tokens import AuthorizationTokens, enterprise_service, personal_service
from tests.cloud.openapi import NO_PERMISSION, Gateway, Refusal, action_of, version_of, whole_number
from tests.cloud.principals import Caller
from tests.cloud.wire import Answer, Exchange, Request, json_answer
from tests.cloud.world import Domain, Instance

ENTERPRISE_VERSION = "2018-12-01"
PERSONAL_VERSION = "2016-06-07"
PAGE_SIZES = range(1, 101)


class Acr:
    """The service. The region is that of the host name; behind any other name, the node's own."""

    name = "acr"

    def __init__(self, gateway: Gateway, tokens: AuthorizationTokens) -> None:
        self._gateway = gateway
        self._tokens = tokens

    def action(self, request: Request) -> str:
        if version_of(request) == PERSONAL_VERSION:
            return f"{request.method} {request.path}"
        return action_of(request)

    def handle(self, exchange: Exchange) -> Answer:
        if version_of(exchange.request) == PERSONAL_VERSION:
            return self._gateway.answer(exchange, self._personal)
        return self._gateway.answer(exchange, self._enterprise)

    def _personal(self, exchange: Exchange) -> Answer:
        """`GET /tokens`. Its own errors have their names in lower case."""
        caller = self._gateway.authenticate(exchange)
        if exchange.action != "GET /tokens":
            raise Refusal(
                404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method."
            )
        self._gateway.require(caller, "cr:GetAuthorizationToken", "*")
        region = self._region(exchange)
        registry = self._gateway.world.personal_registry(region)
        if registry is None or caller.account not in registry.accounts:
            exchange.code = "USER_NOT_EXIST"
            error = {"code": exchange.code, "message": "user is not exist.", "requestId": exchange.request_id}
            return json_answer(404, error)
        token = self._tokens.issue(caller, personal_service(region))
        data = {
            "authorizationToken": token.password,
            "tempUserName": token.username,
            "expireDate": token.expiration * 1000,
        }
        return json_answer(200, {"data": data, "requestId": exchange.request_id}, x_acs_request_id=exchange.request_id)

    def _enterprise(self, exchange: Exchange) -> Answer:
        actions = {
            "GetAuthorizationToken": self._get_authorization_token,
            "ListInstance": self._list_instance,
            "ListInstanceEndpoint": self._list_instance_endpoint,
        }
        action = actions.get(exchange.action)
        if action is None or version_of(exchange.request) != ENTERPRISE_VERSION:
            raise Refusal(
                404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method."
            )
        caller = self._gateway.authenticate(exchange)
        try:
            said = action(exchange, caller)
        except Refusal as refusal:
            if not self._gateway.world.business_errors_with_status_200:
                raise
            exchange.code = refusal.code
            said = {"IsSuccess": False, "Code": refusal.code, "Message": refusal.message}
        answer = {"IsSuccess": True, "Code": "success", "RequestId": exchange.request_id} | said
        return json_answer(200, answer, x_acs_request_id=exchange.request_id)

    def _get_authorization_token(self, exchange: Exchange, caller: Caller) -> dict[str, object]:
        parameters = exchange.request.parameters
        self._gateway.require(caller, "cr:GetAuthorizationToken", "*")
        instance = self._instance(exchange, caller)
        hours = None
        if "ExpiresInHours" in parameters:
            hours = whole_number(parameters["ExpiresInHours"], "InvalidParameter.ExpiresInHours")
            if not 1 <= hours <= 24:
                raise Refusal(400, "InvalidParameter.ExpiresInHours", "ExpiresInHours must be between 1 and 24.")
        token = self._tokens.issue(caller, enterprise_service(instance.region, instance.id), hours)
        return {
            "AuthorizationToken": token.password,
            "TempUsername": token.username,
            "ExpireTime": token.expiration * 1000,
        }

    def _list_instance(self, exchange: Exchange, caller: Caller) -> dict[str, object]:
        parameters = exchange.request.parameters
        region = self._region(exchange)
        self._gateway.require(caller, "cr:ListInstance", f"acs:cr:{region}:{caller.account}:instance/*")
        page = _number(parameters, "PageNo", 1)
        size = _number(parameters, "PageSize", 30)
        if page < 1 or size not in PAGE_SIZES:
            raise Refusal(400, "INVALID_PARAMETER", "The page number or the page size is out of range.")
        found = [
            instance
            for instance in self._gateway.world.instances
            if (instance.region, instance.account) == (region, caller.account)
            and parameters.get("InstanceName", "") in instance.name
            and parameters.get("InstanceStatus") in (None, instance.status)
        ]
        shown = found[(page - 1) * size : page * size]
        return {
            "TotalCount": len(found),
            "PageNo": page,
            "PageSize": size,
            "Instances": [_instance_entry(instance) for instance in shown],
        }

    def _list_instance_endpoint(self, exchange: Exchange, caller: Caller) -> dict[str, object]:
        region, instance_id = self._region(exchange), exchange.request.parameters.get("InstanceId", "")
        resource = f"acs:cr:{region}:{caller.account}:instance/{instance_id}"
        self._gateway.require(caller, "cr:ListInstanceEndpoint", resource)
        instance = self._instance(exchange, caller)
        endpoints = (
            _endpoint_entry(kind, [domain for domain in instance.domains if domain.endpoint == kind])
            for kind in ("internet", "vpc")
        )
        return {"Endpoints": list(endpoints)}

    def _instance(self, exchange: Exchange, caller: Caller) -> Instance:
        wanted = exchange.request.parameters.get("InstanceId", "")
        if not wanted:
            raise Refusal(400, "MissingInstanceId", "InstanceId is mandatory for this action.")
        instance = next((one for one in self._gateway.world.instances if one.id == wanted), None)
        missing = Refusal(404, "INSTANCE_NOT_EXIST", "instance is not exist.")
        if instance is None or instance.region != self._region(exchange):
            raise missing
        if instance.account != caller.account:
            code = self._gateway.world.wrong_account_code
            raise missing if code == missing.code else Refusal(403, code, NO_PERMISSION[2])
        return instance

    def _region(self, exchange: Exchange) -> str:
        parts = exchange.request.host.split(".")
        return parts[1] if parts[0] in ("cr", "cr-vpc") else self._gateway.world.node.region


def _number(parameters: Mapping[str, str], name: str, default: int) -> int:
    return whole_number(parameters[name], f"InvalidParameter.{name}") if name in parameters else default


def _instance_entry(instance: Instance) -> dict[str, object]:
    return {
        "InstanceId": instance.id,
        "InstanceName": instance.name,
        "InstanceStatus": instance.status,
        "InstanceSpecification": "Enterprise_Standard",
        "RegionId": instance.region,
        "CreateTime": 1571926439000,
        "ModifiedTime": 1571926560000,
        "Tags": [],
    }


def _endpoint_entry(kind: str, domains: list[Domain]) -> dict[str, object]:
    return {
        "EndpointType": kind,
        "Enable": True,
        "Status": "RUNNING",
        "AclEnable": kind == "internet",
        "AclEntries": [],
        "LinkedVpcs": [{"VpcId": "vpc-bp1test"}] if kind == "vpc" else [],
        "Domains": [{"Domain": domain.name, "Type": domain.type} for domain in domains],
    }
