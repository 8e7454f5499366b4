"""What the child that asks for tokens says of its work: JSON without secrets. Pure."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from provider.errors import DENIED_CODE, ConfigurationError, ProviderError, Unreachable

Cause = Literal["refused", "unreachable", "configuration"]
NO_PERSONAL_EDITION = "USER_NOT_EXIST"
"""The Code for an account that has never switched Personal Edition on."""

DEFINITE = re.compile(
    rf"{DENIED_CODE}|INSTANCE_?NOT_?(EXIST|FOUND)S?|USER_NOT_EXIST|EntityNotExist\..*|InvalidAccessKeyId\.Inactive",
    re.IGNORECASE,
)
"""The Codes by which the cloud says that this identity is to have no such token, or that there is nothing to have one
of. All others may pass without anybody's doing."""
ABOUT_TIME = re.compile(r".*Time-?stamp.*|.*RequestTime.*|.*Expired", re.IGNORECASE)
"""The Codes that may come of a wrong clock."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A token that could not be had."""

    target: str
    """Whom it was asked of, for people."""
    identity: str
    """As whom; empty where that is not known."""
    cause: Cause
    message: str
    """One line without secrets."""
    code: str = ""
    request_id: str = ""
    kept_until: int = 0
    """When the old token ends that stays for now, in seconds since the epoch; 0: there is none."""
    is_expected: bool = False
    """Personal Edition that nobody configured, and that the account does not have, as most."""

    @property
    def is_definite(self) -> bool:
        """Whether the cloud itself said no, and goes on doing so."""
        return self.cause == "refused" and DEFINITE.fullmatch(self.code) is not None

    @property
    def may_be_the_clock(self) -> bool:
        """Whether a wrong clock may be behind it: that of this machine ends sessions before anybody is asked."""
        return self.cause == "refused" and (not self.code or ABOUT_TIME.fullmatch(self.code) is not None)

    @property
    def line(self) -> str:
        """The message with Code and RequestId."""
        return str(ProviderError(self.message, code=self.code, request_id=self.request_id))


@dataclass(frozen=True, slots=True)
class Report:
    """What a run of the child came to. `renew` and `end` are 0 where there is no token."""

    hosts: tuple[str, ...] = ()
    renewed: int = 0
    """How many tokens are new."""
    renew: int = 0
    end: int = 0
    failures: tuple[Failure, ...] = ()
    ends: tuple[tuple[str, int], ...] = ()
    """For each target that is to have a token, when that ends; 0: there is none."""
    is_whole: bool = True
    """Whether all targets were asked that were to be, each with its own outcome."""

    @property
    def _empty(self) -> tuple[Failure, ...]:
        """The failures that leave nothing, not even an old token."""
        return tuple(failure for failure in self.failures if not failure.kept_until)

    @property
    def says_all(self) -> bool:
        """Whether what there is now is all that there is to be: whoever gave nothing said no for good."""
        return self.is_whole and all(failure.is_definite for failure in self._empty)

    @property
    def is_refused(self) -> bool:
        """Whether nobody is down or could not be asked: whoever gave nothing said no, for good or for now."""
        return self.is_whole and all(failure.cause == "refused" for failure in self._empty)

    @property
    def is_in_time(self) -> bool:
        """Whether nothing speaks against this machine's clock."""
        return not any(failure.may_be_the_clock for failure in self._empty)

    @property
    def failed(self) -> tuple[Failure, ...]:
        """The failures that somebody should know of."""
        return tuple(failure for failure in self.failures if not failure.is_expected)

    def dump(self) -> str:
        """Return one line."""
        return json.dumps(asdict(self)) + "\n"


def failure_of(target: str, identity: str, error: ProviderError, *, is_default: bool, kept_until: int) -> Failure:
    """Return what is said of an error. `is_default`: nobody configured the target."""
    cause: Cause = "refused"
    if isinstance(error, Unreachable):
        cause = "unreachable"
    elif isinstance(error, ConfigurationError):
        cause = "configuration"
    return Failure(
        target,
        identity,
        cause,
        " ".join(error.message.split()),
        error.code,
        error.request_id,
        kept_until,
        is_expected=is_default and cause == "refused" and error.code == NO_PERSONAL_EDITION and not kept_until,
    )


def parse_report(data: bytes) -> Report | None:
    """Return what the child wrote; None for anything else."""
    try:
        fields = json.loads(data)
        failures = tuple(Failure(**each) for each in fields.pop("failures"))
        ends = tuple((str(target), int(end)) for target, end in fields.pop("ends"))
        report = Report(**{**fields, "hosts": tuple(fields["hosts"]), "failures": failures, "ends": ends})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return report if _is_sound(report.failures) else None


def _is_sound(failures: Iterable[Failure]) -> bool:
    return all(failure.cause in get_args(Cause) and isinstance(failure.message, str) for failure in failures)
