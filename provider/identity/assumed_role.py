"""A role on top of another identity, as a rule one of the account that owns the instance."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from provider.errors import Refused
from provider.identity.session import Session

if TYPE_CHECKING:
    from provider.cloud.cloud import Cloud

DEFAULT_DURATION = 3600
"""Seconds that every role allows: the maximum of a role cannot be set lower."""


def assumed_role_session(
    cloud: "Cloud",
    base: Session,
    role_arn: str,
    *,
    duration: int,
    external_id: str,
    policy: str,
    journal: Callable[[str], None],
    session_name: str = "",
) -> Session:
    """Return a session of `role_arn`, by the right of `base`.

    A `duration` (seconds) above the role's maximum is asked once more with an hour, and said. Raises Refused or
    Unreachable.
    """

    def assume(seconds: int) -> Session:
        return cloud.sts.assume_role(
            base, role_arn, duration=seconds, external_id=external_id, policy=policy, session_name=session_name
        )

    try:
        return assume(duration)
    except Refused as refusal:
        if "DurationSeconds" not in refusal.code or duration <= DEFAULT_DURATION:
            raise
    session = assume(DEFAULT_DURATION)
    journal(
        f"expireDuration {duration} s is above the maximum session duration of RAM role {role_arn}: {DEFAULT_DURATION} "
        "s are used; raise the role's maximum or lower expireDuration"
    )
    return session
