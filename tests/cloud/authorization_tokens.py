"""The temporary passwords of the registries: issued by ACR, checked where Docker logs in."""

import threading
from dataclasses import dataclass, field

from tests.cloud.clock import Clock
from tests.cloud.ledger import Secrets
from tests.cloud.principals import Caller, letters
from tests.cloud.world import World

KEY_PAIR_SECONDS = 3600
"""How long a token lasts that a key pair asked for, when it does not say."""
USERNAME = "cr_temp_user"


@dataclass(frozen=True, slots=True)
class AuthorizationToken:
    """A password, and what it opens."""

    username: str
    password: str = field(repr=False)
    service: str
    """The service of one registry, as the registry's 401 names it."""
    caller: Caller
    expiration: int


class AuthorizationTokens:
    """Issues tokens and knows them again."""

    def __init__(self, world: World, clock: Clock, kept: Secrets) -> None:
        self._world = world
        self._clock = clock
        self._secrets = kept
        self._lock = threading.Lock()
        self._issued: dict[str, AuthorizationToken] = {}

    def issue(self, caller: Caller, service: str, hours: int | None = None) -> AuthorizationToken:
        """A token that ends with the caller's session at the latest; a session without `hours` gives all it has."""
        ends = [caller.session.expiration] if caller.session else []
        if hours is not None or not ends:
            ends.append(self._clock.whole() + (hours * 3600 if hours else KEY_PAIR_SECONDS))
        if self._world.authorization_token_seconds is not None:
            ends = [self._clock.whole() + self._world.authorization_token_seconds]
        token = AuthorizationToken(USERNAME, f"ey{letters(160)}", service, caller, min(ends))
        self._secrets.keep_login(token.username, token.password)
        with self._lock:
            self._issued[token.password] = token
        return token

    def check(self, username: str, password: str, service: str) -> AuthorizationToken | None:
        """The token behind a login at this service, if it is right and has not ended."""
        with self._lock:
            token = self._issued.get(password)
        if token is None or (token.username, token.service) != (username, service):
            return None
        return token if token.expiration > self._clock.now() else None


def enterprise_service(region: str, instance_id: str) -> str:
    """The service of an Enterprise registry, as its 401 names it."""
    return f"registry.aliyuncs.com:{region}:china:{instance_id}"


def personal_service(region: str) -> str:
    return f"registry.aliyuncs.com:{region}:26842"
