"""What the compatibility Secrets are to be: said by whoever reads configuration and gets tokens, kept by Reconciler."""

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

ALL_NAMESPACES = "all"
ALL_SERVICE_ACCOUNTS = "*"
NO_LOGINS = b'{"auths":{}}'
"""The docker config that lets everybody pull anonymously."""


@dataclass(frozen=True, slots=True)
class Content:
    """What every compatibility Secret holds now."""

    docker_config: bytes = field(repr=False)
    """The value of `.dockerconfigjson`."""
    key: str
    """Changes with the configuration's hosts and identities, never with a renewal; a hash, since everybody sees it."""
    renew: int
    """Seconds since the epoch from which on a Secret that holds these tokens must be written anew."""
    end: int
    """Seconds since the epoch at which the first of these tokens ends, as `renew` by the clock of this machine: what
    was written while that was ahead is renewed so much later when it has been set right. 0: there are none."""

    @property
    def is_empty(self) -> bool:
        """Whether it is known that there is no token: then Secrets that are there are emptied, and none is made."""
        return self.docker_config == NO_LOGINS


EMPTY = Content(NO_LOGINS, key="", renew=0, end=0)
"""Instead of logins that have ended, while nobody knows of others: a registry refuses those even where it would let an
anonymous one pull."""


@lru_cache(maxsize=4)
def mark_of(content: Content) -> str:
    """Return what tells one content from another, for everybody to see; nothing in it can be found by that."""
    return hashlib.sha256(content.docker_config).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Desired:
    """What is wanted in the cluster now."""

    enabled: bool
    """Whether there are to be Secrets at all: `compat-secrets` is on, and nothing is being removed."""
    namespaces: tuple[str, ...]
    """By name; `all` among them: every one."""
    service_accounts: tuple[str, ...]
    """By name, in each of these namespaces; `*` among them: all of them."""
    takeover: bool
    """Whether a Secret of the same name that another program wrote is taken over."""
    content: Content | None
    """None: no token could be had yet. Then no Secret is written, and none is removed that is still wanted."""
    replaces: bool = True
    """Whether a Secret whose tokens are still good is written anew for the sole reason that the hosts are others. Not
    while a token could not be had since we began, unless the cloud said no for good or the configuration is another:
    what the writer before us got is still in the Secrets."""
    is_in_time: bool = True
    """Without content: whether what has ended by our clock has. Not while that may be why no token is had, or none was
    asked for."""
    is_refused: bool = False
    """Without content: whether all were refused. Then nobody is to wait for a Secret."""
