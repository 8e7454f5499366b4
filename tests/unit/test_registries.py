import pytest

from provider.registries import (
    EnterpriseHost,
    PasswordOnlyHost,
    PersonalHost,
    RegistryHost,
    classify,
    is_left_alone,
    is_region,
)


def enterprise(name: str, region: str = "cn-hangzhou", network: str = "") -> EnterpriseHost:
    return EnterpriseHost(f"{name}-registry{network}.{region}.cr.aliyuncs.com", name, region)


HOSTS: dict[str, RegistryHost | None] = {
    "alpha-registry.cn-hangzhou.cr.aliyuncs.com": enterprise("alpha"),
    "alpha-registry-vpc.cn-hangzhou.cr.aliyuncs.com": enterprise("alpha", network="-vpc"),
    "alpha-registry.distributed.cn-hangzhou.cr.aliyuncs.com": enterprise("alpha"),
    "alpha-registry-vpc.distributed.cn-hangzhou.cr.aliyuncs.com": enterprise("alpha", network="-vpc"),
    "my-registry-registry.ap-southeast-1.cr.aliyuncs.com": enterprise("my-registry", "ap-southeast-1"),
    "a-registry.cn-shanghai-finance-1.cr.aliyuncs.com": enterprise("a", "cn-shanghai-finance-1"),
    "other.cn-hangzhou.cr.aliyuncs.com": EnterpriseHost("other.cn-hangzhou.cr.aliyuncs.com"),
    "a-registry.xx-hangzhou.cr.aliyuncs.com": EnterpriseHost("a-registry.xx-hangzhou.cr.aliyuncs.com"),
    "crpi-abc123.cn-hangzhou.personal.cr.aliyuncs.com": PasswordOnlyHost(),
    "crpi-abc123-vpc.cn-hangzhou.personal.cr.aliyuncs.com": PasswordOnlyHost(),
    "registry.cn-hangzhou.aliyuncs.com": PersonalHost("cn-hangzhou"),
    "registry-vpc.cn-hangzhou.aliyuncs.com": PersonalHost("cn-hangzhou"),
    "registry-internal.cn-hangzhou.aliyuncs.com": PersonalHost("cn-hangzhou"),
    "registry-intl.ap-southeast-1.aliyuncs.com": PersonalHost("ap-southeast-1"),
    "registry-intl-vpc.ap-southeast-1.aliyuncs.com": PersonalHost("ap-southeast-1"),
    "registry.oss-cn-hangzhou.aliyuncs.com": None,
    "cr-vpc.oss-cn-hangzhou.aliyuncs.com": None,
    "registry.aliyuncs.com": None,
    "registry-cn-hangzhou-vpc.ack.aliyuncs.com": None,
    "registry.cn-hangzhou.aliyuncs.com.evil.example": None,
    "evilcr.aliyuncs.com": None,
    "cr.aliyuncs.com": None,
    "a-registry.cn-hangzhou.cr.aliyuncs.com.evil.example": None,
    "docker.io": None,
    "": None,
}


@pytest.mark.parametrize(("name", "expected"), HOSTS.items(), ids=HOSTS.keys())
def test_host_names_say_whose_they_are(name: str, expected: RegistryHost | None) -> None:
    assert classify(name) == expected


@pytest.mark.parametrize(
    ("name", "repository", "expected"),
    [
        ("registry-vpc.cn-hangzhou.aliyuncs.com", "acs/pause", True),
        ("registry.cn-hangzhou.aliyuncs.com", "acsteam/pause", False),
        ("registry.cn-hangzhou.aliyuncs.com", "team/acs/pause", False),
        ("alpha-registry.cn-hangzhou.cr.aliyuncs.com", "acs/pause", False),
        ("registry.oss-cn-hangzhou.aliyuncs.com", "acs/pause", False),
    ],
)
def test_only_the_public_images_of_ack_are_left_alone(name: str, repository: str, expected: bool) -> None:
    assert is_left_alone(name, repository) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cn-hangzhou", True),
        ("us-east-1", True),
        ("oss-cn-hangzhou", False),
        ("cn-hangzhou.evil", False),
        ("cn-", False),
        ("", False),
        ("evil.example/x?", False),
        ("cn-hangzhou\n", False),
        ("CN-hangzhou", False),
    ],
)
def test_regions_are_known_by_their_first_letters(text: str, expected: bool) -> None:
    assert is_region(text) is expected
