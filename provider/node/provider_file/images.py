"""Which entries of matchImages a kubelet starts with: what Go takes for an address behind `https://`.

That says nothing about what they match: `https://a.io` and `a?.io` pass and never match.
"""

import ipaddress
import re

from provider.node.provider_file.stricter import STRICTER

_CONTROL = re.compile("[\x00-\x1f\x7f]")
_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_HOST_PERCENT = re.compile("%(?!25)[0-7]")
"""In a host, only what is not ASCII may be written in percent signs, and the percent sign itself."""
_NOT_IN_HOST = re.compile(r"[\x20\\^`{|}]")
_USER = re.compile(r"[A-Za-z0-9._:~!$&'()*+,;=%@-]*")
_PORT = re.compile(r"(?::[0-9]*)?")
_IP_LITERAL = re.compile(r"\[([0-9A-Fa-f:]+)\](?::[0-9]*)?")

_FORM = "right form: registry.example.com, with :PORT and /PATH if needed"


def image_problem(pattern: str) -> str:
    """Return why no kubelet starts with this entry of matchImages, or some might not; empty if all do."""
    before, _, fragment = pattern.partition("#")
    if _CONTROL.search(before):
        return f"a control character stands in it; {_FORM}"
    if fragment and _PERCENT.search(fragment):
        return f"% must be followed by two hexadecimal digits; {_FORM}"
    # A single question mark at the end, or the first one, ends host and path.
    authority, slash, path = before.partition("?")[0].partition("/")
    user, at, host = authority.rpartition("@")
    return (
        _host_problem(host)
        or (at and not _USER.fullmatch(user) and f"what stands before @ is no user name; {_FORM}")
        or (_PERCENT.search(user + slash + path) and f"% must be followed by two hexadecimal digits; {_FORM}")
        or ""
    )


def _host_problem(host: str) -> str:
    if "[" in host or "]" in host:
        match = _IP_LITERAL.fullmatch(host)
        return "" if match and _is_ip6(match[1]) else f"{STRICTER['host']}; {_FORM}"
    name, colon, port = host.partition(":")
    if ":" in port:
        return f"{STRICTER['host']}; {_FORM}"
    if not _PORT.fullmatch(colon + port):
        return f"{port!r} is no port; {_FORM}"
    if _PERCENT.search(name) or _HOST_PERCENT.search(name):
        return f"a host name has no %; {_FORM}"
    wrong = _NOT_IN_HOST.search(name)
    return f"{wrong[0]!r} cannot stand in a host name; {_FORM}" if wrong else ""


def _is_ip6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
