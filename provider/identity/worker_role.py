"""The worker RAM role: the session that the ECS metadata service hands to the node itself."""

from typing import TYPE_CHECKING

from provider.identity.session import Session

if TYPE_CHECKING:
    from provider.cloud.cloud import Cloud


def worker_role_session(cloud: "Cloud") -> Session:
    """Return the node's own session. Raises Refused where the node has no role, Unreachable where nobody answers."""
    return cloud.metadata.worker_role_session()
