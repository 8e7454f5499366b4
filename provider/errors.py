"""What can go wrong, sorted by what the reader can do about it.

Every message is one line, names the thing and the next step, and holds no secret: it is printed, kept on disk and put
into Kubernetes Events as it is. Any other exception that leaves this program is a bug.
This module imports nothing, since the warm path loads it.
"""

DENIED_CODE = r"(.*NoPermission|Forbidden|.*AccessDenied|Unauthorized)(\..*)?"
"""Matches, in any case of letters, the whole Code by which a service of the cloud says that a permission is missing."""


class ProviderError(Exception):
    """The base of all errors that are shown to people."""

    exit_status = 1
    remember_seconds = 0
    """How long the next plugin on this node may repeat the error without asking anybody again."""

    def __init__(self, message: str, *, code: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.request_id = request_id

    def __str__(self) -> str:
        """Return one line, with the cloud's Code and RequestId where it gave them."""
        named = (("Code", self.code), ("RequestId", self.request_id))
        details = ", ".join(f"{name} {value}" for name, value in named if value)
        line = f"{self.message} ({details})" if details else self.message
        return " ".join(line.split())


class RequestError(ProviderError):
    """The kubelet's or Docker's request is malformed."""


class ConfigurationError(ProviderError):
    """The configuration is wrong; the message has one line for each finding."""

    exit_status = 2
    remember_seconds = 30

    def __str__(self) -> str:
        """Return the findings, one line each."""
        return self.message


class Refused(ProviderError):
    """The cloud, or we ourselves, said no; asking again at once gives the same answer."""

    remember_seconds = 30


class NotForUs(Refused):
    """A discovered instance that this node's identity may not use (another account's, as a rule)."""

    remember_seconds = 600


class NotServed(Refused):
    """Who asks gets nothing; the next one may, so it is not remembered."""

    remember_seconds = 0


class Unreachable(ProviderError):
    """Nobody answered, or nobody could: network, TLS, DNS, time, 5xx, throttling."""

    remember_seconds = 5


def place_of(error: Exception) -> str:
    """Return the kind of an unexpected exception and where it was raised, without its text."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else "nowhere"
    return f"internal error {type(error).__name__} at {place}: please report it"
