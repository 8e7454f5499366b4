"""The registry itself: what its 401 tells, and a real login."""

import base64
import json
import re
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from provider.cloud.attempts import Attempt, CallFailed
from provider.cloud.calls import Calls
from provider.cloud.causes import Cause
from provider.cloud.failures import Call
from provider.cloud.transport import Answer
from provider.errors import ProviderError, Refused
from provider.registries import is_region

ENTERPRISE_SUFFIX = ".cr.aliyuncs.com"

_CHALLENGE = re.compile(r'Bearer ((?:[a-z]+="[^"\\]*")(?: ?, ?[a-z]+="[^"\\]*")*)', re.IGNORECASE)
_PARAMETER = re.compile(r'([A-Za-z]+)="([^"\\]*)"')
_ENTERPRISE = re.compile(r"registry\.aliyuncs\.com:([a-z0-9-]+):[a-z0-9-]+:(cri-[a-z0-9]+)")
_PERSONAL = re.compile(r"registry\.aliyuncs\.com:([a-z0-9-]+):\d+")
_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")


class Challenge(NamedTuple):
    """What a registry's 401 says of it."""

    region: str
    instance_id: str = ""
    """Empty for Personal Edition."""


def read_parameters(header: str) -> dict[str, str]:
    """Return the parameters of a `Www-Authenticate: Bearer …`, names in lower case; empty for anything else."""
    whole = _CHALLENGE.fullmatch(header.strip())
    found = _PARAMETER.findall(whole[1]) if whole else []
    parameters = {name.lower(): value for name, value in found}
    return parameters if len(parameters) == len(found) else {}


def read_challenge(header: str) -> Challenge | None:
    """Return what a `Www-Authenticate` header says; None where it is not ACR's."""
    service = read_parameters(header).get("service", "")
    if enterprise := _ENTERPRISE.fullmatch(service):
        region, instance_id = enterprise[1], enterprise[2]
    elif personal := _PERSONAL.fullmatch(service):
        region, instance_id = personal[1], ""
    else:
        return None
    return Challenge(region, instance_id) if is_region(region) else None


def may_ask_at(realm: str, host: str) -> bool:
    """Tell whether a password for `host` may go to the `realm` that it names: Alibaba Cloud's, or the host's own."""
    try:
        parts = urlsplit(realm)
        there = (parts.hostname or "").lower()
        usable = parts.scheme == "https" and not parts.username and parts.port in (None, 443) and not parts.fragment
    except ValueError:
        return False
    return usable and (there == host or there.endswith((".aliyuncs.com", f".{host}")))


class Registry:
    """Asks registries. Host names are lower case."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def challenge(self, host: str) -> Challenge | None:
        """Return what the registry's own 401 says, over checked TLS and from hosts under .cr.aliyuncs.com alone.

        `host` has no port.
        None where it says nothing of the kind. Raises Unreachable where the registry does not answer.
        """
        if not host.endswith(ENTERPRISE_SUFFIX):
            return None
        answer = self._get(f"https://{host}/v2/", Call("the registry's challenge"))
        return read_challenge(answer.headers.get("Www-Authenticate", "")) if answer.status == 401 else None

    def login(self, host: str, username: str, password: str) -> None:
        """Log in as a container runtime does. `host` is HOST or HOST:PORT. Raises Refused or Unreachable."""
        call = Call("the login", of=host)
        url = f"https://{host}/v2/"
        asked = self._get(url, call)
        parameters = read_parameters(asked.headers.get("Www-Authenticate", ""))
        if asked.status != 401 or not parameters.get("realm"):
            raise Refused(f"{host} does not ask for a login as a registry does (HTTP {asked.status})")
        realm = parameters["realm"]
        if not may_ask_at(realm, host.partition(":")[0]):
            raise Refused(f"{host} sends logins to a place that is neither its own nor Alibaba Cloud's")
        query = urlencode({"service": parameters.get("service", ""), "account": username})
        basic = base64.b64encode(f"{username}:{password}".encode()).decode()
        granted = self._get(f"{realm}{'&' if '?' in realm else '?'}{query}", call, f"Basic {basic}")
        if granted.status != 200:
            raise Refused(f"{host} did not accept user name and password (HTTP {granted.status})")
        entered = self._get(url, call, f"Bearer {_token(granted.body, host)}")
        if entered.status != 200:
            raise Refused(f"{host} did not accept its own token (HTTP {entered.status})")

    def _get(self, url: str, call: Call, authorization: str = "") -> Answer:
        host = urlsplit(url).hostname or ""

        def perform(attempt: Attempt) -> Answer:
            answer = self._calls.transport.request(
                "GET",
                url,
                {"Authorization": authorization} if authorization else {},
                connect_seconds=attempt.connect_seconds,
                read_seconds=attempt.read_seconds,
            )
            if failure := _overloaded(answer.status, host):
                raise failure
            return answer

        return self._calls.at(host, call, perform)


def _overloaded(status: int, host: str) -> ProviderError | None:
    if status == 429:
        return CallFailed(f"{host} {Cause.THROTTLED.value}", Cause.THROTTLED)
    if status >= 500:
        return CallFailed(f"{host} {Cause.SERVER.value} (HTTP {status})", Cause.SERVER)
    return None


def _token(body: bytes, host: str) -> str:
    try:
        answer = json.loads(body)
        token = answer.get("token") or answer.get("access_token")
    except (ValueError, AttributeError, RecursionError):
        token = None
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise CallFailed(f"the login at {host} gave no usable token", Cause.GARBLED)
    return token
