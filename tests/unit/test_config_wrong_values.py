"""Files of the right form with wrong values, each with the exact place and the beginning of what is said."""

from textwrap import dedent

import pytest

from provider.config.configuration import read_configuration
from provider.config.local import read_local

ROLE = "acs:ram::1234567890123456:role/pull"
PROVIDER = "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c1"

# name: (file, the findings as PATH:LINE: KEY: beginning of the message)
WRONG: dict[str, tuple[str, list[str]]] = {
    "duration without unit": (
        'expiring-threshold: "15"\n',
        ["f:1: expiring-threshold: is a number without a unit; right form: 15m, 1h30m or 900s"],
    ),
    "no duration": ("expiringThreshold: soon\n", ["f:1: expiringThreshold: is not a duration; right form: 15m"]),
    "long duration": ("expiring-threshold: 25h\n", ["f:1: expiring-threshold: must be a duration between 0s and 24h"]),
    "negative": ("expiring-threshold: -15m\n", ["f:1: expiring-threshold: must be a duration between 0s and 24h"]),
    "token mode": (
        "tokenMode: worker\n",
        ["f:1: tokenMode: is none of the values that this key has; right form: auto"],
    ),
    "switch": ("discovery: maybe\n", ["f:1: discovery: is neither on nor off; right form: true, false, on or off"]),
    "wrong comma": ("watch-namespace: a\uff0cb\n", ["f:1: watch-namespace: has a separator that is no ASCII comma"]),
    "star for all": ('watch-namespace: "*"\n', ["f:1: watch-namespace: is a pattern, which namespaces have not"]),
    "second name": ("service-account: a,B c,D!\n", ["f:1: service-account: name 2 is no name of a ServiceAccount"]),
    "only commas": ("watch-namespace: ' , '\n", ["f:1: watch-namespace: holds no name"]),
    "webhook": (
        "webhook-configuration: |\n  enable: x\n  failure-policy: Retry\n  timeout-seconds: 0\n",
        [
            "f:2: webhook-configuration.enable: is neither on nor off",
            "f:3: webhook-configuration.failure-policy: is none of the values",
            "f:4: webhook-configuration.timeout-seconds: must be a whole number of seconds, from 1 to 30",
        ],
    ),
    "personal instance": (
        "acr-registry-info: [{instanceId: crpi-abc}]\n",
        ["f:1: acr-registry-info[0].instanceId: is a Personal Edition instance created since 2024-09-09 (crpi-)"],
    ),
    "item values": (
        """\
        data:
          # comment
          acr-registry-info: |-

            # comment
            - instanceId: my-instance
              regionId: oss-cn-hangzhou
              assumeRoleARN: acs:ram::1:user/x
              expireDuration: 899
              externalId: "?"
              rrsaRoleARN: pull
              rrsaOIDCProviderRoleARN: acs:ram::1:role/x
              customAccessKey: "a b"
        """,
        [
            "f:6: acr-registry-info[0].instanceId: is not the id of an instance; right form: cri-",
            "f:7: acr-registry-info[0].regionId: is not a region id; right form: cn-hangzhou",
            "f:8: acr-registry-info[0].assumeRoleARN: is not the ARN of a RAM role; right form: acs:ram::",
            "f:9: acr-registry-info[0].expireDuration: must be a whole number of seconds, from 900 to 43200",
            "f:10: acr-registry-info[0].externalId: must have 2 to 1224 characters",
            "f:11: acr-registry-info[0].rrsaRoleARN: is not the ARN of a RAM role",
            "f:12: acr-registry-info[0].rrsaOIDCProviderRoleARN: is not the ARN of an OIDC provider",
            "f:13: acr-registry-info[0].customAccessKey: must be one word",
            "f:13: acr-registry-info[0].customAccessKey: works only together with customAccessKeySecret",
            "f:13: acr-registry-info[0].customAccessKey: excludes assumeRoleARN and rrsaRoleARN",
        ],
    ),
    "secret alone": (
        "acr-registry-info: [{customAccessKeySecret: x}]\n",
        ["f:1: acr-registry-info[0].customAccessKeySecret: works only together with customAccessKey;"],
    ),
    "one domain twice": (
        "acr-registry-info:\n- domains: a.com,b.com\n- domains: [c.com, B.com.]\n",
        ["f:3: acr-registry-info[1].domains: has a name that item 0 has as well"],
    ),
    "managed role assumes": (
        f"token-mode: managedRole\nacr-registry-info:\n- assumeRoleARN: {ROLE}\n",
        ["f:3: acr-registry-info[0].assumeRoleARN: cannot be used with token-mode: managedRole, since"],
    ),
    "managed role assumes, RRSA off": (
        f"token-mode: managedRole\nrrsa: off\nacr-registry-info:\n- assumeRoleARN: {ROLE}\n  rrsaRoleARN: {ROLE}\n",
        ["f:4: acr-registry-info[0].assumeRoleARN: cannot be used with token-mode: managedRole"],
    ),
    "managed role assumes, RRSA for all not on": (
        f"token-mode: managedRole\nrrsa: {{roleARN: '{ROLE}', oidcProviderARN: '{PROVIDER}'}}\n"
        f"acr-registry-info:\n- assumeRoleARN: {ROLE}\n",
        ["f:4: acr-registry-info[0].assumeRoleARN: cannot be used with token-mode: managedRole"],
    ),
    "RRSA without role": ("enableRRSA: true\n", ["f:1: enableRRSA: is on, but no role is given anywhere"]),
    "RRSA without provider": (
        f"acr-registry-info:\n- rrsaRoleARN: {ROLE}\nrrsa:\n  rrsaRoleARN: {ROLE}\n",
        [
            "f:2: acr-registry-info[0].rrsaRoleARN: needs the cluster's OIDC provider; right form: rrsaOIDC",
            "f:4: rrsa.rrsaRoleARN: needs the cluster's OIDC provider; right form: oidcProviderARN",
        ],
    ),
    "required and Secrets": (
        "service-account-roles: required\n",
        [
            "f:1: service-account-roles: required excludes compat-secrets, which are on by default",
        ],
    ),
    "node's own keys": (
        "endpoints: {sts: a}\ncaFile: /x\n",
        ["f:1: endpoints: is not read from this file", "f:2: caFile: is not read from this file"],
    ),
    "node's own keys beside data": ("data: {}\nca-file: /x\n", ["f:2: ca-file: is not read from this file"]),
}

DOMAINS = {
    "https://a.example.com": "has a scheme",
    "a.example.com/team": "has a path",
    "'*.example.com'": "is a pattern",
    "10.0.0.1": "is an IP address",
    "10.1": "is an IP address",
    "0x7f.0x1": "is an IP address",
    "'[fd00::1]'": "is an IP address",
    "'fd00::1'": "is an IP address",
    "a.example.com:5000": "has a port",
    "registry": "has a single label",
    "localhost.": "has a single label",
    "a..example.com": "is no host name",
    "-a.example.com": "is no host name",
    "a_b.example.com": "is no host name",
    "\u955c\u50cf.example.com": "is no host name",
    "docker.io": "is another company's registry",
    "registry-1.docker.io": "is another company's registry",
    "GHCR.io.": "is another company's registry",
    "quay.io": "is another company's registry",
    "eu.gcr.io": "is another company's registry",
    "europe-docker.pkg.dev": "is another company's registry",
    "registry.k8s.io": "is another company's registry",
    "team.azurecr.io": "is another company's registry",
    "1.dkr.ecr.us-east-1.amazonaws.com": "is another company's registry",
    "mcr.microsoft.com": "is another company's registry",
    "registry.oss-cn-hangzhou.aliyuncs.com": "is no registry of ACR",
    "bucket.oss-cn-hangzhou.aliyuncs.com": "is no registry of ACR",
    "crpi-a1.cn-hangzhou.personal.cr.aliyuncs.com": "is a Personal Edition instance created since",
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_values(name: str) -> None:
    text, expected = WRONG[name]
    found = [str(finding) for finding in read_configuration(dedent(text).encode(), "f").findings]
    assert [line[: len(start)] for line, start in zip(found, expected, strict=False)] == expected
    assert len(found) == len(expected), found


@pytest.mark.parametrize("domain", DOMAINS)
def test_refused_domains(domain: str) -> None:
    found = read_configuration(f"acr-registry-info:\n- domains: {domain}\n".encode(), "f").findings
    assert [(finding.line, finding.key, finding.kind) for finding in found] == [
        (2, "acr-registry-info[0].domains", "wrong")
    ]
    assert found[0].message.startswith(DOMAINS[domain])


def test_every_wrong_domain_of_a_list_is_named_by_its_number() -> None:
    [found] = read_configuration(b"acr-registry-info:\n- domains: [docker.io, ok.example.com, a]\n", "f").findings
    assert "name 1 is another company's" in found.message
    assert "name 3 has a single label" in found.message
    assert "name 2" not in found.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("endpoints:\n  sts: https://sts\n", "f:2: endpoints.sts: must be a host with or without a port"),
        ("endpoints:\n  acr: a:0\n", "f:2: endpoints.acr: must be a host with or without a port"),
        ("endpoints:\n  metadata: a/b\n", "f:2: endpoints.metadata: must be a host with or without a port"),
        ("endpoints:\n  oss: a\n", "f:2: endpoints.oss: is no key that we know"),
        ("ca-file: certs.pem\n", "f:1: ca-file: must be the absolute path of a file"),
        ("scope: node\n", "f:1: scope: is no key that we know; remove it"),
        ("endpoints: yes\n", "f:1: endpoints: must be keys with values"),
    ],
)
def test_wrong_local_files(text: str, expected: str) -> None:
    assert [str(finding)[: len(expected)] for finding in read_local(text.encode(), "f").findings] == [expected]
