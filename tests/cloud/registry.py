"""The registries themselves, and the token service that their 401 sends clients to (Docker's token authentication)."""

import binascii
import re
import threading
from base64 import b64decode
from dataclasses import dataclass
from urllib.parse import parse_qsl

from tests.cloud.authorization_tokens import (
    AuthorizationToken,
    AuthorizationTokens,
    enterprise_service,
    personal_service,
)
from tests.cloud.backend import Backend
from tests.cloud.clock import Clock, iso
from tests.cloud.images import content
from tests.cloud.ledger import Secrets
from tests.cloud.principals import letters
from tests.cloud.wire import Answer, Exchange, Request, json_answer, text_answer
from tests.cloud.world import Instance, PersonalRegistry, Repository, World

BEARER_SECONDS = 300
PERSONAL_HOST = re.compile(r"registry(?:-[a-z]+)*\.([a-z0-9-]+)\.aliyuncs\.com")
DISTRIBUTED = re.compile(r"([a-z0-9-]+-registry(?:-vpc)?)\.distributed(\.[a-z0-9-]+\.cr\.aliyuncs\.com)")
"""Served by the nodes' own peer-to-peer acceleration, for the instance of the same name."""
PERMISSIONS = {"pull": "cr:PullRepository", "push": "cr:PushRepository"}


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token of the token service: what it opens, and until when."""

    service: str
    access: frozenset[tuple[str, str]]
    """Repository and `pull` or `push`."""
    identity: str
    expiration: float


class Bearers:
    """The tokens that the token service gave out."""

    def __init__(self, clock: Clock, kept: Secrets) -> None:
        self._clock = clock
        self._secrets = kept
        self._lock = threading.Lock()
        self._issued: dict[str, Bearer] = {}

    def issue(self, service: str, access: frozenset[tuple[str, str]], identity: str) -> str:
        token = self._secrets.keep(letters(120))
        with self._lock:
            self._issued[token] = Bearer(service, access, identity, self._clock.now() + BEARER_SECONDS)
        return token

    def find(self, token: str, service: str) -> Bearer | None:
        with self._lock:
            bearer = self._issued.get(token)
        return bearer if bearer and bearer.service == service and bearer.expiration > self._clock.now() else None


@dataclass(frozen=True, slots=True)
class Place:
    """The registry behind a host name."""

    service: str
    region: str
    instance_id: str
    """Empty: Personal Edition."""
    repositories: list[Repository]
    challenge: str

    @property
    def folder(self) -> str:
        """What tells its repositories from those of other registries that keep theirs at the same place."""
        return self.instance_id or f"personal/{self.region}"

    def repository(self, name: str) -> Repository | None:
        return next((one for one in self.repositories if one.name == name), None)

    def resource(self, repository: Repository) -> str:
        """The repository as RAM names it."""
        path = f"{self.instance_id}/{repository.name}" if self.instance_id else repository.name
        return f"acs:cr:{self.region}:{repository.account}:repository/{path}"


def place_of_host(world: World, host: str) -> Place | None:
    """The registry that answers at this host name, if one does."""
    distributed = DISTRIBUTED.fullmatch(host)
    instance = world.instance_of_host("".join(distributed.groups()) if distributed else host)
    if instance:
        return _enterprise(instance)
    found = PERSONAL_HOST.fullmatch(host)
    registry = world.personal_registry(found[1]) if found else None
    return _personal(registry) if registry else None


def place_of_service(world: World, service: str) -> Place | None:
    places = (*map(_enterprise, world.instances), *map(_personal, world.personal_registries))
    return next((place for place in places if place.service == service), None)


def _enterprise(one: Instance) -> Place:
    return Place(enterprise_service(one.region, one.id), one.region, one.id, one.repositories, one.challenge)


def _personal(one: PersonalRegistry) -> Place:
    return Place(personal_service(one.region), one.region, "", one.repositories, one.challenge)


class Registry:
    """`/v2/` of every registry: Bearer tokens only."""

    name = "registry"

    def __init__(self, world: World, bearers: Bearers, backend: Backend | None = None) -> None:
        self._world = world
        self._bearers = bearers
        self._backend = backend

    def action(self, request: Request) -> str:
        return f"{request.method} {request.path}"

    def handle(self, exchange: Exchange) -> Answer:
        request = exchange.request
        place = place_of_host(self._world, request.host)
        if place is None or not request.path.startswith("/v2"):
            return text_answer(404, "404 page not found")
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        bearer = self._bearers.find(token.strip(), place.service) if kind.lower() == "bearer" else None
        exchange.identity = bearer.identity if bearer else ""
        if request.path.rstrip("/") == "/v2":
            return json_answer(200, {}) if bearer else self._challenge(exchange, place, "")
        return self._content(exchange, place, bearer)

    def _content(self, exchange: Exchange, place: Place, bearer: Bearer | None) -> Answer:
        found = re.fullmatch(r"/v2/(.+)/(manifests|blobs)/([^/]+)", exchange.request.path)
        if exchange.request.method not in ("GET", "HEAD") or not found:
            return self._error(exchange, 404, "UNSUPPORTED")
        name, kind, reference = found.groups()
        if bearer is None or (name, "pull") not in bearer.access:
            return self._challenge(exchange, place, f"repository:{name}:pull", denied=bearer is not None)
        repository = place.repository(name)
        answer = self._stored(place, repository, kind, reference) if repository else None
        return answer or self._error(exchange, 404, f"{kind[:-1].upper()}_UNKNOWN")

    def _stored(self, place: Place, repository: Repository, kind: str, reference: str) -> Answer | None:
        if self._backend:
            return self._backend.content(f"{place.folder}/{repository.name}", kind, reference)
        return content(repository, kind, reference)

    def _challenge(self, exchange: Exchange, place: Place, scope: str, denied: bool = False) -> Answer:
        if not place.challenge:
            return self._error(exchange, 404, "NOT_FOUND")
        suffix = "-vpc" if "-vpc." in exchange.request.host else ""
        realm = f"https://dockerauth{suffix}.{place.region}.aliyuncs.com/auth"
        header = f'Bearer realm="{realm}",service="{place.service}"'
        if scope:
            header += f',scope="{scope}"' + (',error="insufficient_scope"' if denied else "")
        if place.challenge != "standard":
            header = place.challenge
        return self._error(exchange, 401, "UNAUTHORIZED", header)

    def _error(self, exchange: Exchange, status: int, code: str, challenge: str = "") -> Answer:
        exchange.code = code
        answer = json_answer(status, {"errors": [{"code": code, "message": code.lower(), "detail": None}]})
        named = {"Www-Authenticate": challenge} if challenge else {}
        return Answer(
            status, answer.body, {**answer.headers, "Docker-Distribution-Api-Version": "registry/2.0", **named}
        )


class Auth:
    """The token service behind `dockerauth.REGION.aliyuncs.com/auth`."""

    name = "auth"

    def __init__(self, world: World, tokens: AuthorizationTokens, bearers: Bearers, clock: Clock) -> None:
        self._world = world
        self._tokens = tokens
        self._bearers = bearers
        self._clock = clock

    def action(self, request: Request) -> str:
        return f"{request.method} {request.path}"

    def handle(self, exchange: Exchange) -> Answer:
        request = exchange.request
        asked = request.query_parameters
        scopes = [value for name, value in parse_qsl(request.query) if name == "scope"]
        exchange.parameters = {"service": asked.get("service", ""), "scope": " ".join(scopes)}
        place = place_of_service(self._world, asked.get("service", ""))
        if request.method != "GET" or request.path != "/auth" or place is None:
            exchange.code = "NOT_FOUND"
            return text_answer(404, "404 page not found")
        token, login = None, _basic(request.headers.get("authorization", ""))
        if login:
            token = self._tokens.check(*login, place.service)
            if token is None:
                exchange.code = "UNAUTHORIZED"
                return json_answer(401, {"details": "incorrect username or password"})
        exchange.identity = token.caller.arn if token else ""
        bearer = self._bearers.issue(place.service, self._access(place, scopes, token), exchange.identity)
        issued = {"expires_in": BEARER_SECONDS, "issued_at": iso(self._clock.now())}
        return json_answer(200, {"token": bearer, "access_token": bearer} | issued)

    def _access(self, place: Place, scopes: list[str], token: AuthorizationToken | None) -> frozenset[tuple[str, str]]:
        """Of what was asked, what may be: public repositories by anybody, others by RAM and session policy."""
        granted = set()
        for scope in " ".join(scopes).split():
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            repository = place.repository(name) if kind == "repository" else None
            for action in actions.split(",") if repository else ():
                if repository and self._may(place, repository, action, token):
                    granted.add((name, action))
        return frozenset(granted)

    def _may(self, place: Place, repository: Repository, action: str, token: AuthorizationToken | None) -> bool:
        if repository.public and action == "pull":
            return True
        permission = PERMISSIONS.get(action)
        if token is None or permission is None or repository.account != token.caller.account:
            return False
        return token.caller.may(self._world, permission, place.resource(repository))


def _basic(header: str) -> tuple[str, str] | None:
    """User name and password; a header that is not Basic, or torn, counts as a wrong login."""
    if not header:
        return None
    kind, _, encoded = header.partition(" ")
    try:
        username, _, password = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return (username, password) if kind.lower() == "basic" else ("", "")
