"""Who calls: sessions that STS issued, and what a proven identity may do."""

import secrets
import string
import threading
from dataclasses import dataclass, field

from tests.cloud.clock import Clock
from tests.cloud.ledger import Secrets
from tests.cloud.policy import Document, permits
from tests.cloud.world import Role, World

_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class IssuedSession:
    """Temporary credentials of a role."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str = field(repr=False)
    role_arn: str
    name: str
    policy: Document | None
    """The session policy: can only take away."""
    expiration: int
    """Seconds since the epoch, by the cloud's clock."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An identity that has proven itself."""

    arn: str
    session: IssuedSession | None = None
    """None: a RAM user with a key pair."""

    @property
    def account(self) -> str:
        return self.arn.split(":")[3]

    def may(self, world: World, action: str, resource: str) -> bool:
        """By the policies of the role or user as they are now, and by the session policy."""
        if not permits(world.policies(self.arn), action, resource):
            return False
        narrowed = self.session.policy if self.session else None
        return narrowed is None or permits([narrowed], action, resource)


class Sessions:
    """Issues sessions and knows them again."""

    def __init__(self, clock: Clock, kept: Secrets) -> None:
        self._clock = clock
        self._secrets = kept
        self._lock = threading.Lock()
        self._issued: dict[str, IssuedSession] = {}

    def issue(self, role: Role, name: str, seconds: int, policy: Document | None = None) -> IssuedSession:
        """A new session; negative seconds give one that has ended already."""
        session = IssuedSession(
            access_key_id=f"STS.N{letters(23)}",
            access_key_secret=self._secrets.keep(letters(44)),
            # Real ones have characters that must be escaped in a URL, and grow with the session policy.
            security_token=self._secrets.keep(f"CAIS{letters(60)}+/{letters(180 if policy else 60)}=="),
            role_arn=role.arn,
            name=name,
            policy=policy,
            expiration=self._clock.whole() + seconds,
        )
        with self._lock:
            self._issued[session.access_key_id] = session
        return session

    def find(self, access_key_id: str) -> IssuedSession | None:
        with self._lock:
            return self._issued.get(access_key_id)


def letters(count: int) -> str:
    """That many random letters and digits."""
    return "".join(secrets.choice(_LETTERS) for _ in range(count))
