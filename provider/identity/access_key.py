"""A RAM user's own key pair, out of the configuration."""

from collections.abc import Callable

from provider.config.values import AccessKey
from provider.identity.session import Session

PREFIX = "LTAI"
"""What the AccessKey ids of RAM users begin with."""
SHORTEST_ID = 16
"""Characters of an AccessKey id; less is none, and none of it is shown."""


def access_key_session(access_key: AccessKey, journal: Callable[[str], None]) -> Session:
    """Return the key pair as a session that does not end, with a warning."""
    identity = f"RAM user's key pair {shown(access_key.access_key_id)}"
    journal(
        f"{identity} from customAccessKey is used: it does not end by itself and lies in the configuration of every "
        "node; a role (assumeRoleARN, rrsaRoleARN) is safer"
    )
    return Session(access_key.access_key_id, access_key.access_key_secret, identity=identity)


def shown(access_key_id: str) -> str:
    """Return an AccessKey id as messages show it: enough to tell it from others, `LTAI…abcd`."""
    if len(access_key_id) < SHORTEST_ID or not access_key_id.isascii() or not access_key_id.isalnum():
        return "…"
    return f"{PREFIX if access_key_id.startswith(PREFIX) else ''}…{access_key_id[-4:]}"
