"""What Leases have in common: their times, and how one sees that a holder has gone."""

from datetime import UTC, datetime

from lightkube.resources.coordination_v1 import Lease


def micro_time(epoch: float) -> datetime:
    """Return a moment as a Lease's times want it: the API server refuses one without a fraction of a second."""
    moment = datetime.fromtimestamp(epoch, UTC)
    return moment if moment.microsecond else moment.replace(microsecond=1)


class Observation:
    """One Lease as somebody sees it over time.

    Clocks of two machines differ, so a Lease has expired when its holder and time have not changed for its duration by
    the clock of whoever looks, as Kubernetes' own controllers reckon.
    """

    def __init__(self) -> None:
        self._seen: tuple[object, ...] | None = None
        self._since = 0.0

    def expired(self, lease: Lease, monotonic: float) -> bool:
        """Tell whether the Lease, as just read, may be taken. `monotonic`: seconds now; a Lease nobody holds may be."""
        spec = lease.spec
        if spec is None or not spec.holderIdentity:
            return True
        seen = (spec.holderIdentity, spec.renewTime, spec.acquireTime, lease.metadata.uid if lease.metadata else "")
        if seen != self._seen:
            self._seen, self._since = seen, monotonic
        return monotonic - self._since >= (spec.leaseDurationSeconds or 0)
