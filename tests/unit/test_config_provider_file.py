"""The environment that the comments of CredentialProviderConfig.yaml show does what it seems to."""

import re
from pathlib import Path

import pytest
import yaml

from provider.cloud.proxies import proxy_for
from provider.environment import Environment, take

TEXT = (Path(__file__).parents[2] / "CredentialProviderConfig.yaml").read_text()


def shown() -> Environment:
    block = re.findall(r"^ +# (env:\n(?: +# .*\n?)+)", TEXT, re.MULTILINE)
    [text] = block
    parsed = yaml.safe_load(re.sub(r"^ +# ", "", text, flags=re.MULTILINE))
    return take({entry["name"]: entry["value"] for entry in parsed["env"]})


@pytest.mark.parametrize(
    "host",
    [
        "cr.cn-hangzhou.aliyuncs.com",
        "cr-vpc.cn-hangzhou.aliyuncs.com",
        "sts-vpc.cn-hangzhou.aliyuncs.com",
        "alpha-registry-vpc.cn-hangzhou.cr.aliyuncs.com",
    ],
)
def test_the_proxy_that_is_shown_is_used_for_the_cloud(host: str) -> None:
    environment = shown()
    assert environment.https_proxy == "http://proxy.example.com:3128"
    assert proxy_for(host, 443, environment) == environment.https_proxy


@pytest.mark.parametrize("host", ["10.1.2.3", "registry.internal.example.com"])
def test_what_is_inside_is_reached_directly(host: str) -> None:
    assert proxy_for(host, 443, shown()) == ""
