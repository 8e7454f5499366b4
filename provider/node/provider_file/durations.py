"""Durations as Go writes and reads them: `12h`, `1h30m`, `0s`."""

import re

_NANOSECONDS = {
    "ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9,
}  # fmt: skip
_NUMBER = r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_PART = re.compile(_NUMBER + r"([^.0-9]+)")
_WHOLE = re.compile(rf"([-+]?)((?:{_NUMBER}[^.0-9]+)+)")
_MOST = (1 << 63) - 1


def nanoseconds(text: str) -> int | None:
    """Return how long a duration is; None where Go does not take the text for one."""
    if text in ("0", "+0", "-0"):
        return 0
    whole = _WHOLE.fullmatch(text)
    if whole is None:
        return None
    total = 0
    for number, unit in _PART.findall(whole[2]):
        if unit not in _NANOSECONDS or len(number) > 40:
            return None
        before, _, behind = number.partition(".")
        total += int(before or "0") * _NANOSECONDS[unit]
        total += int(behind or "0") * _NANOSECONDS[unit] // 10 ** len(behind)
    if total > _MOST:
        return None
    return -total if whole[1] == "-" else total
