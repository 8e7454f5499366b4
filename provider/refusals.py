"""Errors that later requests for the same host repeat, without asking anybody again, and that `status` shows.

Read by every process that waits for a host's lock, so nothing heavy is imported here.
"""

from provider.answers import fields_of
from provider.errors import ConfigurationError, ProviderError, Unreachable
from provider.kubelet import quote

VERSION = "2"
_TEXTS = ("subject", "host", "fingerprint", "cause", "message", "code", "requestId")
_NUMBERS = ("written", "until", "exitStatus")


class Refusal:
    """A remembered error. Times are seconds since the epoch by the node's clock.

    `subject` is the file's name, the host where no pod's ServiceAccount matters. `cause` is `refused`, `unreachable` or
    `configuration`.
    """

    __slots__ = (
        "cause",
        "code",
        "exit_status",
        "fingerprint",
        "host",
        "message",
        "request_id",
        "subject",
        "until",
        "written",
    )

    def __init__(
        self,
        host: str,
        fingerprint: str,
        *,
        subject: str,
        written: int,
        until: int,
        cause: str,
        message: str,
        code: str,
        request_id: str,
        exit_status: int,
    ) -> None:
        self.subject = subject
        self.host = host
        self.fingerprint = fingerprint
        self.written = written
        self.until = until
        self.cause = cause
        self.message = message
        self.code = code
        self.request_id = request_id
        self.exit_status = exit_status

    @property
    def is_outage(self) -> bool:
        """Whether nobody could be reached, as against a refusal."""
        return self.cause == "unreachable"

    @property
    def line(self) -> str:
        """The message with Code and RequestId."""
        return str(ProviderError(self.message, code=self.code, request_id=self.request_id))

    def holds(self, now: float) -> bool:
        """Tell whether the error is still to be repeated."""
        return self.written <= now < self.until

    def encode(self) -> bytes:
        """Return the file's content."""
        return (
            f'{{"version":"{VERSION}","subject":{quote(self.subject)},"host":{quote(self.host)},'
            f'"fingerprint":{quote(self.fingerprint)},'
            f'"cause":{quote(self.cause)},"message":{quote(self.message)},"code":{quote(self.code)},'
            f'"requestId":{quote(self.request_id)},"written":{self.written},"until":{self.until},'
            f'"exitStatus":{self.exit_status}}}\n'
        ).encode()


def decode(data: bytes, subject: str) -> Refusal | None:
    """Return the refusal of `subject` that a file holds, or None if it holds anything else."""
    fields = fields_of(data, VERSION, ("subject", subject), _TEXTS, _NUMBERS)
    if fields is None:
        return None
    return Refusal(
        fields["host"],
        fields["fingerprint"],
        subject=subject,
        written=fields["written"],
        until=fields["until"],
        cause=fields["cause"],
        message=fields["message"],
        code=fields["code"],
        request_id=fields["requestId"],
        exit_status=fields["exitStatus"],
    )


def refusal_of(error: ProviderError, host: str, fingerprint: str, now: float, *, subject: str = "") -> Refusal:
    """Return what is to be remembered of `error`; `subject` is the host where none is given."""
    cause = "refused"
    if isinstance(error, Unreachable):
        cause = "unreachable"
    elif isinstance(error, ConfigurationError):
        cause = "configuration"
    return Refusal(
        host,
        fingerprint,
        subject=subject or host,
        written=int(now),
        until=int(now) + error.remember_seconds,
        cause=cause,
        message=error.message,
        code=error.code,
        request_id=error.request_id,
        exit_status=error.exit_status,
    )


class Remembered(ProviderError):
    """An error that somebody on this node met shortly before; nobody was asked again."""

    def __init__(self, refusal: Refusal, now: float) -> None:
        again = f"[met {now - refusal.written:.0f} s ago, asked again in {refusal.until - now:.0f} s]"
        super().__init__(f"{refusal.line} {again}")
        self.refusal = refusal
        self.exit_status = refusal.exit_status
