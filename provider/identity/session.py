"""What every identity ends in: credentials that sign requests to Alibaba Cloud."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Session:
    """An access key, temporary or not."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str = field(repr=False, default="")
    """Empty for a RAM user's own key pair."""
    expiration: float | None = None
    """Seconds since the epoch, by the cloud's clock; None: does not end."""
    identity: str = ""
    """What messages call it, such as `worker RAM role KubernetesWorkerRole`."""
