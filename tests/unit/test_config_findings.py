"""Wrong files, each with the exact place and the beginning of what is said."""

import time
from textwrap import dedent

import pytest

from provider.config.configuration import read_configuration
from provider.config.finding import MAXIMUM
from provider.config.local import read_local

ROLE = "acs:ram::1234567890123456:role/pull"
PROVIDER = "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c1"

# name: (file, the findings as PATH:LINE: KEY: beginning of the message)
WRONG: dict[str, tuple[str, list[str]]] = {
    "not keys": ("- a\n", ["f:1: this is no configuration; expected are keys"]),
    "one word": ("\n\nhello\n", ["f:3: this is no configuration"]),
    "another kind": ("kind: Secret\ndata: {}\n", ["f:1: kind: is another kind of object; right form: kind: ConfigMap"]),
    "a list of objects": ("apiVersion: v1\nkind: List\nitems: []\n", ["f:2: kind: is another kind of object"]),
    "data is a list": ("data:\n- a\n", ["f:2: this is no configuration"]),
    "beside data": (
        "kind: ConfigMap\nwatch-namespace: a\ndata: {}\nfoo: 1\n",
        ["f:2: watch-namespace: stands beside `data`; right form: under data", "f:4: foo: is no key of a ConfigMap"],
    ),
    "data twice": ("kind: ConfigMap\ndata: {}\ndata: {}\n", ["f:3: data: is given twice: first on line 2"]),
    "two documents": ("rrsa: off\n---\nrrsa: on\n", ["f:3: a second YAML document begins here"]),
    "a key twice": (
        "discovery: on\nscope: node\ndiscovery: on\n",
        ["f:3: discovery: is given twice: as discovery on line 1"],
    ),
    "a key in both spellings": (
        "watch-namespace: a\nwatchNamespace: b\n",
        ["f:2: watchNamespace: is given twice: as watch-namespace on line 1"],
    ),
    "a key twice inside": (
        "rrsa: |\n  enable: false\n  enable: true\n",
        ["f:3: rrsa.enable: is given twice: as rrsa.enable on line 2"],
    ),
    "unknown, near": (
        "watch-namespaces: a\n",
        ["f:1: watch-namespaces: is no key that we know; the nearest is watch-"],
    ),
    "unknown, far": ("colour: red\n", ["f:1: colour: is no key that we know; remove it"]),
    "unknown inside": (
        "acr-registry-info: |\n\n  - instanceID: cri-1\n    regionId: cn-a\n",
        ["f:3: acr-registry-info[0].instanceID: is no key that we know; the nearest is instanceId"],
    ),
    "unknown, maybe a value": (
        "{customAccessKeySecret:q7: 1}\n",
        ["f:1: a key here is none that we know, and not shown"],
    ),
    "merge key": ("<<: {}\n", ["f:1: a merge key (`<<`) stands here"]),
    "alias": ("rrsa: &a {enable: off}\nwebhook-configuration: *a\n", ["f:2: an alias (`*name`) stands here"]),
    "pattern taken for an alias": (
        "service-account: *\n",
        ['f:1: a text that begins with * must be quoted; right form: "*"'],
    ),
    "tag": ("rrsa: !!binary aGk=\n", ["f:1: a YAML tag (`!name`) stands here"]),
    "tab": ("rrsa:\n\tenable: true\n", ["f:2: a tab stands here; YAML is indented with spaces"]),
    "no blank behind the colon": ("discovery:off\nscope: node\n", ["f:2: a second colon on this line"]),
    "quote not closed": ('scope: "node\n', ["f:1: a quotation mark is not closed"]),
    "bracket not closed": ("domains: [a\n", ["f:1: a bracket or brace is not closed"]),
    "indentation": ("rrsa:\n  enable: off\n scope: node\n", ["f:3: the indentation does not fit"]),
    "control character": ("scope: node\n# \x07\n", ["f:2: a control character stands here"]),
    "list as a key": ("? [a]\n: b\n", ["f:1: a key must be one word"]),
    "value is keys": ("scope:\n  a: b\n", ["f:2: scope: must be a plain value"]),
    "value is a list": ("scope: [node]\n", ["f:1: scope: must be one value, not a list"]),
    "not a list": (
        "acr-registry-info: |\n  instanceId: cri-1\n",
        ["f:2: acr-registry-info: must be a list; right form"],
    ),
    "item is no keys": ("acr-registry-info: [a, {}]\n", ["f:1: acr-registry-info[0]: must be keys with values"]),
    "empty item": ("acr-registry-info:\n  -\n", ["f:2: acr-registry-info[0]: must be keys with values"]),
    "rrsa is a list": ("rrsa: |\n  - enable\n", ["f:2: rrsa: must be keys with values; right form: enable: true"]),
    "quoted list": (
        'acr-registry-info: |\n  - instanceId: cri-1\n    domains: "a.com","b.com"\n    regionId: x\n',
        [
            "f:3: acr-registry-info.domains: several quoted texts in a row are not one value; right form: domains: "
            '"a.example.com,b.example.com"',
            "f:4: acr-registry-info[0].regionId: is not a region id",
        ],
    ),
    "slash comments": (
        'acr-registry-info: |\n  // ours\n  - instanceId: "cri-1" // the id\n    regionId: x\n',
        [
            "f:2: acr-registry-info: `//` begins no comment in YAML; right form: # and the text",
            "f:3: acr-registry-info: `//` begins no comment in YAML",
            "f:4: acr-registry-info[0].regionId: is not a region id",
        ],
    ),
    "slash comment in a value": ("scope: node // all\n", ["f:1: scope: `//` begins no comment in YAML"]),
    "slash comment as a key": ("// note: 1\n", ["f:1: `//` begins no comment in YAML"]),
    "both shapes and something else": (
        'acr-registry-info: |\n  - domains: "a.com","b.com" // two\n    regionId: [\n',
        [
            "f:2: acr-registry-info.domains: several quoted texts",
            "f:2: acr-registry-info: `//` begins",
            "f:3: acr-registry-info: a bracket or brace is not closed",
        ],
    ),
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
            "f:1: service-account-roles: this version does not support it, and would isolate nothing; right form: off",
            "f:1: service-account-roles: required excludes compat-secrets, which are on by default",
        ],
    ),
    "not yet": (
        "service-account-roles: optional\nscope: configured\nsession-policy: pull-repository\n",
        [
            "f:1: service-account-roles: this version does not support it",
            "f:2: scope: this version does not support it",
            "f:3: session-policy: this version does not support it; right form: pull-only or none",
        ],
    ),
    "node's own keys": (
        "endpoints: {sts: a}\ncaFile: /x\n",
        ["f:1: endpoints: is not read from this file", "f:2: caFile: is not read from this file"],
    ),
    "node's own keys beside data": ("data: {}\nca-file: /x\n", ["f:2: ca-file: is not read from this file"]),
    "folded text": (
        'acr-registry-info: "- instanceId: cri-1\\n  regionId: x\\n"\n',
        ["f:1: acr-registry-info[0].regionId: is not a region id"],
    ),
    "windows line ends": (
        "scope: node\r\nacr-registry-info: |\r\n  - regionId: x\r\n",
        ["f:3: acr-registry-info[0].regionId: is not a region id"],
    ),
    "JSON": (
        '{"kind": "ConfigMap",\n "data": {"acr-registry-info": "- regionId: x"}}',
        ["f:2: acr-registry-info[0].regionId: is not a region id"],
    ),
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
def test_wrong_files(name: str) -> None:
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
    ("data", "expected"),
    [
        (b"a: " + b"x" * (1 << 20), "f: the file is larger than 1 MiB"),
        ("scope: node\n".encode("utf-16"), "f: the file is UTF-16; save it as UTF-8"),
        (b"scope: node\nrrsa: \xff\n", "f:2: this is not UTF-8"),
        (b"a: " + b"[" * 50_000, "f:1: nested deeper than any configuration"),
        (b"a: " + b"{a: " * 50_000, "f:1: nested deeper than 20 levels"),
        (b"- \n" * 300_000, "f:50000: more than 50000 values"),
    ],
)
def test_files_that_are_not_read_to_the_end(data: bytes, expected: str) -> None:
    assert [str(finding)[: len(expected)] for finding in read_configuration(data, "f").findings] == [expected]


def test_many_findings_are_counted_and_not_all_shown() -> None:
    data = b"".join(b"scop%s: x\n" % (b"e" * (number % 30 + 2)) for number in range(3000)) + b"scope: x\n"
    found = read_configuration(data, "f").findings
    assert [finding.key for finding in found if finding.kind == "wrong"] == ["scope"]
    assert len(found) == MAXIMUM + 2
    assert (found[-1].message, found[-1].kind) == (f"{3000 - MAXIMUM} more findings, not shown", "unknown")


def test_long_lines_cost_no_time() -> None:
    line = '  - domains: "a.com","b.com"' + " " * 4000 + "x\n"
    started = time.process_time()
    [found] = read_configuration(("acr-registry-info: |\n" + line * 250).encode(), "f").findings
    assert found.line == 2
    assert time.process_time() - started < 2


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
