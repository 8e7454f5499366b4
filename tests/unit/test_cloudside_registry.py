import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.cloud.registry import Challenge, may_ask_at, read_challenge, read_parameters

REALM = "https://dockerauth.cn-hangzhou.aliyuncs.com/auth"
ENTERPRISE = f'Bearer realm="{REALM}",service="registry.aliyuncs.com:cn-hangzhou:china:cri-abc123"'

CHALLENGES = [
    ("Enterprise", ENTERPRISE, Challenge("cn-hangzhou", "cri-abc123")),
    ("Personal", f'Bearer realm="{REALM}",service="registry.aliyuncs.com:cn-beijing:26842"', Challenge("cn-beijing")),
    ("blank after the comma", ENTERPRISE.replace(",", ", "), Challenge("cn-hangzhou", "cri-abc123")),
    ("lower case scheme", ENTERPRISE.replace("Bearer", "bearer"), Challenge("cn-hangzhou", "cri-abc123")),
    ("a stranger's region", ENTERPRISE.replace("cn-hangzhou:china", "oss-cn-hangzhou:china"), None),
    ("another service", ENTERPRISE.replace("registry.aliyuncs", "registry.example"), None),
    ("more behind the id", ENTERPRISE.replace("cri-abc123", "cri-abc123:more"), None),
    ("no instance id", ENTERPRISE.replace("cri-abc123", "crx-abc123"), None),
    ("a path for an id", ENTERPRISE.replace("cri-abc123", "cri-../x"), None),
    ("service twice", ENTERPRISE + ',service="registry.aliyuncs.com:cn-beijing:china:cri-other"', None),
    ("no quotes", ENTERPRISE.replace('"', ""), None),
    ("escapes", ENTERPRISE.replace("cri-abc123", 'cri-abc\\"123'), None),
    ("Basic", 'Basic realm="x"', None),
    ("two schemes", ENTERPRISE + ', Basic realm="x"', None),
    ("nothing", "", None),
]


@pytest.mark.parametrize(("header", "expected"), [row[1:] for row in CHALLENGES], ids=[row[0] for row in CHALLENGES])
def test_challenges(header: str, expected: Challenge | None) -> None:
    assert read_challenge(header) == expected


@given(st.text() | st.text().map(lambda text: f'Bearer service="{text}"'))
def test_any_header_is_read_or_not_believed(header: str) -> None:
    assert read_challenge(header) is None or "registry.aliyuncs.com:" in header
    assert isinstance(read_parameters(header), dict)


HOST = "registry.example.com"
REALMS = [
    (REALM, True),
    ("https://registry.example.com/auth", True),
    ("https://auth.registry.example.com/auth", True),
    ("https://dockerauth.cn-hangzhou.aliyuncs.com:443/auth", True),
    ("http://dockerauth.cn-hangzhou.aliyuncs.com/auth", False),
    ("https://aliyuncs.com.evil.example/auth", False),
    ("https://evilaliyuncs.com/auth", False),
    ("https://other.example.com/auth", False),
    ("https://dockerauth.cn-hangzhou.aliyuncs.com:8443/auth", False),
    ("https://name@dockerauth.cn-hangzhou.aliyuncs.com/auth", False),
    ("https://dockerauth.cn-hangzhou.aliyuncs.com@evil.example/auth", False),
    ("https://[evil/auth", False),
    ("/auth", False),
    ("", False),
]


@pytest.mark.parametrize(("realm", "allowed"), REALMS)
def test_passwords_go_to_alibaba_cloud_or_to_the_registry_itself(realm: str, allowed: bool) -> None:
    assert may_ask_at(realm, HOST) is allowed
