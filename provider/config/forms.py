"""From the text of one value to what it means. Pure; a WrongForm says what is expected and never quotes the text."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from provider.config import other_registries
from provider.registries import is_region

T = TypeVar("T")

DAY = 24 * 3600
SHORTEST_SESSION, LONGEST_SESSION = 900, 43200
"""Seconds; what STS allows. The incumbent's documents begin at 3600."""

_UNITS = {"h": 3_600_000, "min": 60_000, "m": 60_000, "s": 1000, "ms": 1, "us": 0.001, "µs": 0.001, "ns": 0.000_001}
"""Milliseconds. All of Go's, and the `min` of the incumbent's documents."""
_AMOUNT = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_PART = re.compile(rf"({_AMOUNT})(h|min|ms|m|s|us|µs|ns)")
_DURATION = re.compile(rf"\+?(?:{_PART.pattern})+")
_MAXIMUM_DURATION_TEXT = 40

ON = ("true", "on", "yes", "1", "enable", "enabled")
OFF = ("false", "off", "no", "0", "disable", "disabled")

INSTANCE_ID = r"cri-[a-z0-9]{1,60}"
OIDC_PROVIDER_ARN = r"acs:ram::[0-9]{1,20}:oidc-provider/[A-Za-z0-9_.@-]{1,128}"
EXTERNAL_ID = r"[A-Za-z0-9+=,.@:/_-]{2,1224}"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
HOST = rf"{_LABEL}(?:\.{_LABEL})*"

_SEE_DOMAIN = 'a host name alone; right form: domains: "a.example.com,b.example.com"'


class WrongForm(ValueError):
    """The text of a value is not what its key takes. The message says what is right."""


def choice(names: Sequence[str], also: dict[str, str] | None = None) -> Callable[[str], str]:
    """Return the form of a value that is one of `names`, in any letter case; `also` maps other spellings to them."""
    known = {name.lower(): name for name in names} | (also or {})

    def parse(text: str) -> str:
        name = known.get(text.strip().lower())
        if name is None:
            raise WrongForm(f"is none of the values that this key has; right form: {' or '.join(names)}")
        return name

    return parse


def switch(text: str) -> bool:
    """Return whether the text means on."""
    word = text.strip().lower()
    if word in ON:
        return True
    if word in OFF:
        return False
    raise WrongForm("is neither on nor off; right form: true, false, on or off")


def integer(lowest: int, highest: int, example: int) -> Callable[[str], int]:
    """Return the form of a whole number of seconds within bounds."""

    def parse(text: str) -> int:
        digits = text.strip()
        if re.fullmatch(r"[0-9]{1,9}", digits) and lowest <= int(digits) <= highest:
            return int(digits)
        raise WrongForm(f"must be a whole number of seconds, from {lowest} to {highest}; right form: {example}")

    return parse


def duration(text: str) -> int:
    """Return the seconds of a Go duration (`15m`, `1h30m`, `900s`, also `15min`), at most a day."""
    word = text.strip()
    if len(word) > _MAXIMUM_DURATION_TEXT or word.startswith("-"):
        raise WrongForm("must be a duration between 0s and 24h; right form: 15m")
    if re.fullmatch(_AMOUNT, word) and word != "0":
        raise WrongForm("is a number without a unit; right form: 15m, 1h30m or 900s")
    if word != "0" and not _DURATION.fullmatch(word):
        raise WrongForm("is not a duration; right form: 15m, 1h30m or 900s")
    milliseconds = sum(float(amount) * _UNITS[unit] for amount, unit in _PART.findall(word))
    if milliseconds > DAY * 1000:
        raise WrongForm("must be a duration between 0s and 24h; right form: 15m")
    return int(milliseconds / 1000)


def matching(pattern: str, message: str) -> Callable[[str], str]:
    """Return the form of a text that matches `pattern` as a whole."""

    def parse(text: str) -> str:
        word = text.strip()
        if re.fullmatch(pattern, word, re.ASCII):
            return word
        raise WrongForm(message)

    return parse


_instance_id = matching(
    INSTANCE_ID,
    "is not the id of an instance; right form: cri- with letters and digits, as the console shows it; empty for "
    "Personal Edition",
)


def instance_id(text: str) -> str:
    """Return the id of an Enterprise instance."""
    if text.strip().startswith("crpi-"):
        raise WrongForm(
            "is a Personal Edition instance created since 2024-09-09 (crpi-), for which there are no temporary "
            "credentials; use an imagePullSecret for it and remove this item"
        )
    return _instance_id(text)


def region(text: str) -> str:
    """Return a region id."""
    word = text.strip()
    if len(word) > 64 or not is_region(word):
        raise WrongForm(
            "is not a region id; right form: cn-hangzhou (beginning with cn- ap- us- eu- me- na- sa- or af-)"
        )
    return word


def key_text(text: str) -> str:
    """Return one half of a key pair."""
    word = text.strip()
    if not re.fullmatch(r"[!-~]{1,256}", word):
        raise WrongForm("must be one word of ASCII characters, as RAM shows it")
    return word


def comma_list(written: str | Sequence[str]) -> tuple[str, ...]:
    """Return the parts of a comma-separated text or of a list, without blanks and repetitions."""
    texts = [written] if isinstance(written, str) else written
    if any(comma in text for text in texts for comma in "\uff0c\u3001;\uff1b"):
        raise WrongForm("has a separator that is no ASCII comma; right form: a,b")
    parts = (part.strip() for text in texts for part in text.split(","))
    names = tuple(dict.fromkeys(part for part in parts if part))
    if not names:
        raise WrongForm("holds no name; right form: a,b, or no such key at all")
    return names


def namespaces(written: str | Sequence[str]) -> tuple[str, ...]:
    """Return names of namespaces; `("all",)` where `all` is among them."""
    names = comma_list(written)
    if "all" in names:
        return ("all",)
    _each(names, _namespace)
    return names


def service_accounts(written: str | Sequence[str]) -> tuple[str, ...]:
    """Return names of ServiceAccounts; `("*",)` where `*` is among them."""
    names = comma_list(written)
    if "*" in names:
        return ("*",)
    names = tuple("default" if name == "Default" else name for name in names)  # the managed edition's documents say so
    _each(names, _service_account)
    return names


def domains(written: str | Sequence[str]) -> tuple[str, ...]:
    """Return host names, in lower case and without a trailing dot."""
    names = tuple(dict.fromkeys(name.lower().removesuffix(".") for name in comma_list(written)))
    _each(names, _domain)
    return names


def host_and_port(text: str) -> str:
    """Return `HOST` or `HOST:PORT`."""
    word = text.strip().lower()
    host, colon, port = word.partition(":")
    port_is_right = re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) < 1 << 16 if colon else True
    if not port_is_right or len(host) > 253 or not re.fullmatch(HOST, host):
        raise WrongForm("must be a host with or without a port, no scheme and no path; right form: sts.example.com:443")
    return word


def absolute_path(text: str) -> str:
    """Return the absolute path of a file."""
    word = text.strip()
    if not word.startswith("/") or len(word) > 4095 or not word.isprintable():
        raise WrongForm("must be the absolute path of a file; right form: /etc/pki/tls/certs/private-cloud.pem")
    return word


def _each(names: Sequence[str], check: Callable[[str], str]) -> None:
    """Check each name; raise one WrongForm that tells which ones are wrong, by their number."""
    wrong = [(number, message) for number, name in enumerate(names, 1) if (message := check(name))]
    if wrong:
        several = len(names) > 1
        raise WrongForm("; ".join(f"name {number} {message}" if several else message for number, message in wrong[:10]))


def _namespace(name: str) -> str:
    if name == "*":
        return "is a pattern, which namespaces have not; right form: all"
    return "" if re.fullmatch(_LABEL, name) else "is no name of a namespace; right form: team-a,team-b"


def _service_account(name: str) -> str:
    right = len(name) <= 253 and re.fullmatch(HOST, name)
    return "" if right else "is no name of a ServiceAccount; right form: default,builder"


def _domain(name: str) -> str:
    refused = next((message for sign, message in _NO_DOMAIN if re.search(sign, name)), "")
    if not refused and (len(name) > 253 or not re.fullmatch(HOST, name)):
        refused = f"is no host name (other than ASCII: as xn--…); expected is {_SEE_DOMAIN}"
    return refused or other_registries.why_refused(name)


_NO_DOMAIN = (
    (r"//", f"has a scheme; expected is {_SEE_DOMAIN}"),
    (r"/", f"has a path; expected is {_SEE_DOMAIN}"),
    (r"\*|\?", f"is a pattern, and the password would go to every host that it fits; expected is {_SEE_DOMAIN}"),
    (r"^\[|:.*:|(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$", f"is an IP address; expected is {_SEE_DOMAIN}"),
    (r":", f"has a port; expected is {_SEE_DOMAIN}"),
    (r"^[^.]*$", f"has a single label; expected is {_SEE_DOMAIN}"),
)
