"""The fields of answers, which no SDK checks: each is what it should be, or the call has failed."""

import calendar
import re
import time

from provider.cloud.attempts import CallFailed
from provider.cloud.causes import Cause

_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_LIMIT = 64 * 1024
_EARLIEST_MS = 10**11  # 1973; a smaller number is seconds, not milliseconds
_LATEST_MS = 253402300800000  # the year 10000


class Fields:
    """An object of an answer. `source` says where it came from: `GetAuthorizationToken at cr.cn-hangzhou.…`."""

    def __init__(self, values: object, source: str) -> None:
        self._values = values
        self._source = source

    def text(self, name: str) -> str:
        """Return a word of printable ASCII, as identifiers and tokens are."""
        value = self._value(name)
        if not isinstance(value, str) or len(value) > _LIMIT or not _PRINTABLE.fullmatch(value):
            raise self.unusable(name)
        return value

    def milliseconds(self, name: str) -> float:
        """Return a time that the answer gives in milliseconds since the epoch, in seconds."""
        value = self._value(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not _EARLIEST_MS < value < _LATEST_MS:
            raise self.unusable(name)
        return value / 1000

    def time(self, name: str) -> float:
        """Return a time that the answer gives as `2006-01-02T15:04:05Z`, in seconds since the epoch."""
        try:
            return float(calendar.timegm(time.strptime(self.text(name), "%Y-%m-%dT%H:%M:%SZ")))
        except ValueError:
            raise self.unusable(name) from None

    def number(self, name: str) -> int:
        """Return a count, 0 or more."""
        value = self._value(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.unusable(name)
        return value

    def inner(self, name: str) -> "Fields":
        """Return an object inside this one."""
        value = self._value(name)
        if not isinstance(value, dict):
            raise self.unusable(name)
        return Fields(value, self._source)

    def items(self, name: str) -> list["Fields"]:
        """Return the objects of a list; an absent list is empty."""
        value = self._value(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.unusable(name)
        return [Fields(item, self._source) for item in value]

    def is_true(self, name: str) -> bool:
        """Tell whether a switch is on; `"true"` counts, since nobody checks types on the way."""
        value = self._value(name)
        return value is True or (isinstance(value, str) and value.lower() == "true")

    def has(self, name: str) -> bool:
        """Tell whether there is a field that is not null."""
        return self._value(name) is not None

    def raw(self, name: str) -> object:
        """Return whatever the field holds, None where there is none."""
        return self._value(name)

    def unusable(self, name: str) -> CallFailed:
        """Return the error for a field that cannot be used."""
        return CallFailed(f"the answer of {self._source} has no usable {name}", Cause.GARBLED)

    def _value(self, name: str) -> object:
        return self._values.get(name) if isinstance(self._values, dict) else None
