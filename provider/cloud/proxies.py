"""Which proxy a host is reached through. Pure.

The rules are those of Go's `golang.org/x/net/http/httpproxy`, since the variables were written for the kubelet: a name
in NO_PROXY covers its subdomains as well, one that begins with a dot only these, and loopback is never proxied.
"""

from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from provider.environment import Environment
from provider.errors import ConfigurationError

SCHEMES = ("http", "https")


def proxy_for(host: str, port: int, environment: Environment) -> str:
    """Return the URL of the proxy for HTTPS to `host`; empty for a direct connection.

    Raises ConfigurationError when HTTPS_PROXY is not the URL of an HTTP proxy; the message does not quote it.
    """
    if not environment.https_proxy or bypasses(host, port, environment.no_proxy):
        return ""
    url = environment.https_proxy if "://" in environment.https_proxy else f"http://{environment.https_proxy}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(
            "HTTPS_PROXY in the kubelet's environment is not the URL of an HTTP proxy, such as http://proxy.example:3128"
        )
    return url


def proxy_name(url: str) -> str:
    """Return HOST:PORT of a proxy's URL, without user name and password."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def bypasses(host: str, port: int, no_proxy: str) -> bool:
    """Tell whether `host` is reached directly by the rules of NO_PROXY."""
    host = host.lower().rstrip(".").strip("[]")
    if host == "localhost" or (_is_address(host) and ip_address(host).is_loopback):
        return True
    return any(_covers(rule, host, port) for rule in no_proxy.lower().replace(" ", ",").split(",") if rule)


def _covers(rule: str, host: str, port: int) -> bool:
    if rule == "*":
        return True
    if "/" in rule:
        return _in_network(host, rule)
    name, colon, rule_port = rule.rpartition(":")
    if colon and rule_port.isascii() and rule_port.isdecimal() and (":" not in name or name.startswith("[")):
        if rule_port != str(port):
            return False
        rule = name
    rule = rule.strip("[]")
    if _is_address(rule) or _is_address(host):
        return _is_address(rule) and _is_address(host) and ip_address(rule) == ip_address(host)
    rule = rule.removeprefix("*")
    if rule.startswith("."):
        return host.endswith(rule)
    return host == rule or host.endswith(f".{rule}")


def _in_network(host: str, rule: str) -> bool:
    try:
        return ip_address(host) in ip_network(rule, strict=False)
    except ValueError:
        return False


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
