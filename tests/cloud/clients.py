"""Clients of the simulated cloud for tests: the real SDKs led there, and Docker's part of the token dance.

Nothing of the simulation imports this file.
"""

import re
from typing import Any, cast

import requests
from alibabacloud_cr20181201.client import Client as EnterpriseClient
from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.utils_models import Config, OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions

from tests.cloud.simulation import SimulatedCloud

REGION = "cn-hangzhou"


def configuration(cloud: SimulatedCloud, endpoint: str, key: tuple[str, str, str] | None = None) -> Config:
    """How the SDKs get there; `key` is access key id, secret and security token."""
    key_id, secret, token = key or ("", "", "")
    return Config(
        endpoint=endpoint,
        ca=str(cloud.ca_file),
        https_proxy=cloud.proxy_url,
        access_key_id=key_id or None,
        access_key_secret=secret or None,
        security_token=token or None,
    )


def enterprise(cloud: SimulatedCloud, key: tuple[str, str, str], region: str = REGION) -> EnterpriseClient:
    return EnterpriseClient(configuration(cloud, f"cr.{region}.aliyuncs.com", key))


def call(
    cloud: SimulatedCloud,
    endpoint: str,
    action: str,
    version: str,
    query: dict[str, str],
    key: tuple[str, str, str],
    *,
    style: str = "RPC",
    method: str = "POST",
    pathname: str = "/",
) -> dict[str, Any]:
    """One call of the generic client, signed with ACS3-HMAC-SHA256. Returns the answer's body."""
    parameters = Params(
        action=action,
        version=version,
        protocol="HTTPS",
        method=method,
        auth_type="AK",
        style=style,
        pathname=pathname,
        req_body_type="formData",
        body_type="json",
    )
    client = Client(configuration(cloud, endpoint, key))
    answer = client.call_api(parameters, OpenApiRequest(query=query), RuntimeOptions())
    return cast(dict[str, Any], answer["body"])


def assume_role(cloud: SimulatedCloud, key: tuple[str, str, str], **query: str) -> dict[str, Any]:
    """AssumeRole by the generic client."""
    defaults = {"RoleSessionName": "test", "DurationSeconds": "3600"}
    return call(cloud, f"sts.{REGION}.aliyuncs.com", "AssumeRole", "2015-04-01", defaults | query, key)


def assume_role_with_oidc(cloud: SimulatedCloud, token: str, **query: str) -> dict[str, Any]:
    """AssumeRoleWithOIDC by the generic client, the token in the body."""
    request = OpenApiRequest(
        query={"RoleSessionName": "test", "DurationSeconds": "3600"} | query, body={"OIDCToken": token}
    )
    client = Client(configuration(cloud, f"sts.{REGION}.aliyuncs.com"))
    answer = client.do_rpcrequest(
        "AssumeRoleWithOIDC", "2015-04-01", "HTTPS", "POST", "Anonymous", "json", request, RuntimeOptions()
    )
    return cast(dict[str, Any], answer["body"])


def session_key(credentials: dict[str, str]) -> tuple[str, str, str]:
    """The key that STS answered with."""
    return credentials["AccessKeyId"], credentials["AccessKeySecret"], credentials["SecurityToken"]


def login(cloud: SimulatedCloud, host: str, username: str, password: str) -> int:
    """The status at the end of Docker's login: 200 where the registry takes the password."""
    return _dance(cloud, host, "/v2/", "", (username, password))


def pull(
    cloud: SimulatedCloud, host: str, repository: str, username: str = "", password: str = "", tag: str = "latest"
) -> int:
    """The status of a manifest with this login, or with none."""
    path = f"/v2/{repository}/manifests/{tag}"
    return _dance(cloud, host, path, f"repository:{repository}:pull", (username, password) if password else None)


def _dance(cloud: SimulatedCloud, host: str, path: str, scope: str, login: tuple[str, str] | None) -> int:
    with requests.Session() as client:
        client.trust_env = False
        client.proxies = {"https": cloud.proxy_url}
        client.verify = str(cloud.ca_file)
        first = client.get(f"https://{host}{path}", timeout=10)
        challenge = dict(re.findall(r'(\w+)="([^"]*)"', first.headers.get("Www-Authenticate", "")))
        if first.status_code != 401 or "realm" not in challenge:
            return first.status_code
        asked = {"service": challenge["service"]} | ({"scope": scope} if scope else {})
        issued = client.get(challenge["realm"], params=asked, auth=login, timeout=10)
        if issued.status_code != 200:
            return issued.status_code
        bearer = {"Authorization": f"Bearer {issued.json()['token']}"}
        return client.get(f"https://{host}{path}", headers=bearer, timeout=10).status_code
