"""A RAM user's own key pair, out of the configuration."""

from collections.abc import Callable

from provider.config.values import AccessKey
from provider.identity.session import Session


def access_key_session(access_key: AccessKey, journal: Callable[[str], None]) -> Session:
    """Return the key pair as a session that does not end, with a warning."""
    identity = f"RAM user's key pair {access_key.access_key_id}"
    journal(
        f"{identity} from customAccessKey is used: it does not end by itself and lies in the configuration of every "
        "node; a role (assumeRoleARN, rrsaRoleARN) is safer"
    )
    return Session(access_key.access_key_id, access_key.access_key_secret, identity=identity)
