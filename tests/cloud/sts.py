"""STS, version 2015-04-01: AssumeRole (signed) and AssumeRoleWithOIDC (the token is the proof)."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.cloud.clock import iso
from tests.cloud.jwt import InvalidToken
from tests.cloud.ledger import Secrets
from tests.cloud.openapi import NO_PERMISSION, Gateway, Refusal, action_of, version_of, whole_number
from tests.cloud.policy import Context, Document, trusts, well_formed
from tests.cloud.principals import IssuedSession
from tests.cloud.wire import Answer, Exchange, Request, json_answer
from tests.cloud.world import OidcProvider, Role

VERSION = "2015-04-01"
MINIMUM_SECONDS = 900
POLICY_CHARACTERS = 2048
TOKEN_CHARACTERS = range(4, 20001)


class Sts:
    """The service behind `sts.aliyuncs.com`, `sts.REGION.aliyuncs.com` and `sts-vpc.REGION.aliyuncs.com`."""

    name = "sts"

    def __init__(self, gateway: Gateway, kept: Secrets) -> None:
        self._gateway = gateway
        self._secrets = kept

    def action(self, request: Request) -> str:
        return action_of(request)

    def handle(self, exchange: Exchange) -> Answer:
        return self._gateway.answer(exchange, self._act)

    def _act(self, exchange: Exchange) -> Answer:
        actions = {"AssumeRole": self._assume_role, "AssumeRoleWithOIDC": self._assume_role_with_oidc}
        action = actions.get(exchange.action)
        if action is None or version_of(exchange.request) != VERSION:
            raise Refusal(
                404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method."
            )
        return action(exchange)

    def _assume_role(self, exchange: Exchange) -> Answer:
        caller = self._gateway.authenticate(exchange)
        parameters = exchange.request.parameters
        role = self._role(parameters)
        external_id = parameters.get("ExternalId", "")
        if external_id and not 2 <= len(external_id) <= 1224:
            raise Refusal(400, "InvalidParameter.ExternalId", "The parameter ExternalId is wrongly formed.")
        context = {"sts:ExternalId": external_id} if external_id else {}
        self._gateway.require(caller, "sts:AssumeRole", role.arn)
        if not trusts(role.trust, "RAM", caller.arn, context):
            raise Refusal(*NO_PERMISSION)
        return self._issue(exchange, role)

    def _assume_role_with_oidc(self, exchange: Exchange) -> Answer:
        parameters = exchange.request.parameters
        token = self._secrets.keep(_required(parameters, "OIDCToken"))
        provider = self._provider(_required(parameters, "OIDCProviderArn"))
        claims = self._claims(provider, token)
        role = self._role(parameters)
        audience = _audience(claims)
        context: Context = {
            "oidc:iss": str(claims.get("iss")),
            "oidc:aud": audience,
            "oidc:sub": str(claims.get("sub")),
        }
        if role.account != provider.account or not trusts(role.trust, "Federated", provider.arn, context):
            raise Refusal(403, "AuthenticationFail.NoPermission", "There is no permission.")
        exchange.identity = f"{provider.arn}#{claims.get('sub')}"
        information = {
            "Subject": claims.get("sub"),
            "Issuer": claims.get("iss"),
            "ClientIds": ",".join(audience),
            "ExpirationTime": iso(claims["exp"]),
            "VerificationInfo": "Success",
        }
        return self._issue(exchange, role, OIDCTokenInfo=information)

    def _provider(self, arn: str) -> OidcProvider:
        provider = next((one for one in self._gateway.world.oidc_providers if one.arn == arn), None)
        if provider is None:
            raise Refusal(403, "AuthenticationFail.NoPermission", "No such OIDC Provider registered.")
        return provider

    def _claims(self, provider: OidcProvider, token: str) -> dict[str, Any]:
        def refuse(code: str, message: str) -> Refusal:
            return Refusal(401, f"AuthenticationFail.OIDCToken.{code}", message)

        if len(token) not in TOKEN_CHARACTERS:
            raise Refusal(400, "InvalidParameter.OIDCToken", "The parameter OIDCToken is wrongly formed.")
        try:
            claims = provider.cluster.keys.claims(token)
        except InvalidToken:
            raise refuse("Invalid", "The OIDC Token is invalid.") from None
        if claims.get("iss") != provider.cluster.issuer:
            raise refuse("IssuerNotMatch", "The issuer in the OIDC Token doesn't match the OIDC Provider registered.")
        if not set(_audience(claims)) & set(provider.client_ids):
            raise refuse("AudienceNotMatch", "Invalid audience.")
        expires = claims.get("exp")
        if not isinstance(expires, int | float) or expires <= self._gateway.clock.now():
            raise refuse("Expired", "This JsonWebToken is expired.")
        return claims

    def _role(self, parameters: Mapping[str, str]) -> Role:
        arn = _required(parameters, "RoleArn")
        if not re.fullmatch(r"acs:ram::\d+:role/[A-Za-z0-9.-]{1,64}", arn):
            raise Refusal(400, "InvalidParameter.RoleArn", "The parameter RoleArn is wrongly formed.")
        role = next((one for one in self._gateway.world.roles if one.arn.lower() == arn.lower()), None)
        if role is None:
            raise Refusal(404, "EntityNotExist.Role", f"The role not exists: {arn}.")
        return role

    def _issue(self, exchange: Exchange, role: Role, **more: object) -> Answer:
        parameters = exchange.request.parameters
        name = _required(parameters, "RoleSessionName")
        if not re.fullmatch(r"[A-Za-z0-9.@_-]{2,64}", name):
            raise Refusal(400, "InvalidParameter.RoleSessionName", "The parameter RoleSessionName is wrongly formed.")
        code = "InvalidParameter.DurationSeconds"
        seconds = whole_number(parameters.get("DurationSeconds", "3600"), code)
        if not MINIMUM_SECONDS <= seconds <= role.max_session_duration:
            raise Refusal(400, code, "The Min/Max value of DurationSeconds is 15min/1hr.")
        policy = _session_policy(parameters.get("Policy", ""))
        session = self._gateway.sessions.issue(role, name, seconds, policy)
        user = {
            "Arn": f"acs:ram::{role.account}:assumed-role/{role.name.lower()}/{name}",
            "AssumedRoleId": f"3{int(role.account) % 10**16:017}:{name}",
        }
        answer = {"RequestId": exchange.request_id, "AssumedRoleUser": user, "Credentials": credentials(session)}
        return json_answer(200, answer | more, x_acs_request_id=exchange.request_id)


def credentials(session: IssuedSession) -> dict[str, str]:
    """The four fields as STS and the metadata service write them."""
    return {
        "AccessKeyId": session.access_key_id,
        "AccessKeySecret": session.access_key_secret,
        "SecurityToken": session.security_token,
        "Expiration": iso(session.expiration),
    }


def _session_policy(text: str) -> Document | None:
    if not text:
        return None
    if len(text) > POLICY_CHARACTERS:
        raise Refusal(400, "InvalidParameter.PolicySize", "The size of Policy must be smaller than 2048 bytes.")
    try:
        document: Document = json.loads(text)
    except ValueError:
        document = {}
    if not well_formed(document):
        raise Refusal(400, "InvalidParameter.PolicyGrammar", "The parameter Policy has not passed grammar check.")
    return document


def _required(parameters: Mapping[str, str], name: str) -> str:
    value = parameters.get(name, "")
    if not value:
        raise Refusal(400, f"MissingParameter.{name}", f"{name} is mandatory for this action.")
    return value


def _audience(claims: Mapping[str, Any]) -> list[str]:
    audience = claims.get("aud", [])
    return [audience] if isinstance(audience, str) else list(audience)
