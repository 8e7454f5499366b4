import pytest

from provider.cloud.proxies import bypasses, proxy_for, proxy_name
from provider.environment import Environment
from provider.errors import ConfigurationError

HOST = "cr-vpc.cn-hangzhou.aliyuncs.com"

NO_PROXY = [
    ("nothing", "", HOST, False),
    ("everything", "*", HOST, True),
    ("the host", HOST, HOST, True),
    ("another host", "cr.cn-hangzhou.aliyuncs.com", HOST, False),
    ("its domain", "aliyuncs.com", HOST, True),
    ("its domain with a dot", ".aliyuncs.com", HOST, True),
    ("its domain with a star", "*.aliyuncs.com", HOST, True),
    ("a dot does not cover the name itself", ".aliyuncs.com", "aliyuncs.com", False),
    ("no part of a label", "yuncs.com", HOST, False),
    ("upper case", "ALIYUNCS.COM", HOST, True),
    ("in a list with blanks", "a.example, aliyuncs.com ,b.example", HOST, True),
    ("with the port", "aliyuncs.com:443", HOST, True),
    ("with another port", "aliyuncs.com:8443", HOST, False),
    ("an address", "10.0.0.7", "10.0.0.7", True),
    ("another address", "10.0.0.8", "10.0.0.7", False),
    ("no suffix of an address", "0.0.7", "10.0.0.7", False),
    ("a network", "10.0.0.0/8", "10.0.0.7", True),
    ("another network", "10.1.0.0/16", "10.0.0.7", False),
    ("a network says nothing of names", "0.0.0.0/0", HOST, False),
    ("IPv6", "fd00::/8", "fd00::1", True),
    ("IPv6 with the port", "[fd00::1]:443", "fd00::1", True),
    ("nonsense", "10.0.0.0/99,[,:443", HOST, False),
    ("a port of other digits", "aliyuncs.com:\u00b2,aliyuncs.com:\u0664\u0664\u0663", HOST, False),
    ("a port without an end", f"aliyuncs.com:{'4' * 5000}", HOST, False),
    ("loopback by name", "", "localhost", True),
    ("loopback by address", "", "127.0.0.1", True),
]


@pytest.mark.parametrize(("rule", "host", "direct"), [row[1:] for row in NO_PROXY], ids=[row[0] for row in NO_PROXY])
def test_no_proxy(rule: str, host: str, direct: bool) -> None:
    assert bypasses(host, 443, rule) is direct
    environment = Environment(https_proxy="http://proxy.example:3128", no_proxy=rule)
    assert proxy_for(host, 443, environment) == ("" if direct else "http://proxy.example:3128")


def test_a_proxy_without_scheme_is_an_http_proxy() -> None:
    assert proxy_for(HOST, 443, Environment(https_proxy="proxy.example:3128")) == "http://proxy.example:3128"


@pytest.mark.parametrize(
    "url", ["socks5://name:hidden@proxy.example", "http://", "http://name:hidden@[", "ftp://hidden"]
)
def test_a_wrong_proxy_is_said_without_quoting_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY") as raised:
        proxy_for(HOST, 443, Environment(https_proxy=url))
    assert "hidden" not in str(raised.value)


def test_a_proxy_is_named_without_its_password() -> None:
    assert proxy_name("http://name:hidden@proxy.example:3128") == "proxy.example:3128"
    assert proxy_name("https://proxy.example") == "proxy.example:443"
