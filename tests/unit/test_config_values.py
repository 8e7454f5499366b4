"""Right files, and what follows from them."""

from textwrap import dedent

import pytest

from provider.config.configuration import read_configuration
from provider.config.forms import duration
from provider.config.local import read_local
from provider.config.values import AccessKey, Configuration, Endpoints, Instance, Local, Rrsa, Webhook

ROLE = "acs:ram::1234567890123456:role/pull"
OTHER = "acs:ram::6543210987654321:role/images.pull_x"
PROVIDER = "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c1"
CRI = Instance(instance_id="cri-1", region="cn-hangzhou", domains=("a.com", "b.com"))

RIGHT: dict[str, tuple[str, Configuration]] = {
    "empty": ("", Configuration()),
    "only a comment": ("# nothing\n---\n", Configuration()),
    "byte order mark": ("\ufeffscope: node\n", Configuration()),
    "data empty": ("kind: ConfigMap\ndata:\n", Configuration()),
    "no data": ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: acr-configuration}\n", Configuration()),
    "what a cluster adds to a ConfigMap": (
        "apiVersion: v1\nkind: ConfigMap\nimmutable: true\nbinaryData: {}\ndata: {}\n",
        Configuration(),
    ),
    "binaryData null": ("data:\nbinaryData:\n", Configuration()),
    "nulls": ("rrsa:\nscope: ~\ndiscovery: null\nacr-registry-info:\nwatch-namespace: ''\n", Configuration()),
    "the shell of a new cluster": (
        """\
        apiVersion: v1
        kind: ConfigMap
        data:
          acr-api-version: "2018-12-01"
          acr-registry-info: |-
            # - instanceId: cri-xxx
            #   regionId: cn-hangzhou
          expiring-threshold: 15m
          notify-email: someone@example.com
          service-account: default
          watch-namespace: default
        """,
        Configuration(),
    ),
    "block": (
        'acr-registry-info: |\n  - instanceId: cri-1\n    regionId: "cn-hangzhou"\n    domains: "A.com,a.com,b.com."\n',
        Configuration(instances=(CRI,)),
    ),
    "quoted": (
        'data: {acr-registry-info: "- {instanceId: cri-1, regionId: cn-hangzhou, domains: [a.com, b.com]}"}',
        Configuration(instances=(CRI,)),
    ),
    "managed edition": (
        """\
        AcrInstanceInfo:
          - InstanceId: cri-1
            RegionId: cn-hangzhou
            Domains: a.com,b.com
            assumeRoleARN: ""
            expireDuration: ""
            rrsaRoleARN:
        watchNamespace: a,b
        serviceAccount: Default
        expiringThreshold: 15min
        notifyEmail: x
        enableRRSA: false
        tokenMode: workerRole
        """,
        Configuration(instances=(CRI,), watch_namespaces=("a", "b"), rrsa=Rrsa(False), token_mode="workerRole"),
    ),
    "RRSA and another account": (
        f"""\
        acr-registry-info: |
          - instanceId: cri-1
            rrsaRoleARN: {ROLE}
            rrsaOIDCProviderRoleARN: {PROVIDER}
            assumeRoleARN: {OTHER}
            expireDuration: "7200"
            externalId: a/b@c
        rrsa: |
          enable: true
        token-mode: managedRole
        """,
        Configuration(
            instances=(
                Instance(
                    instance_id="cri-1",
                    rrsa_role_arn=ROLE,
                    rrsa_oidc_provider_arn=PROVIDER,
                    assume_role_arn=OTHER,
                    expire_duration=7200,
                    external_id="a/b@c",
                ),
            ),
            rrsa=Rrsa(True),
            token_mode="managedRole",
        ),
    ),
    "RRSA once for all": (
        f"rrsa:\n  roleARN: {ROLE}\n  oidcProviderARN: {PROVIDER}\nacr-registry-info:\n- {{rrsaRoleARN: '{ROLE}'}}\n",
        Configuration(instances=(Instance(rrsa_role_arn=ROLE),), rrsa=Rrsa(None, ROLE, PROVIDER)),
    ),
    "RRSA for all carries the assumed role": (
        f"token-mode: managedRole\nrrsa: {{enable: on, roleARN: '{ROLE}', oidcProviderARN: '{PROVIDER}'}}\n"
        f"acr-registry-info:\n- assumeRoleARN: {OTHER}\n",
        Configuration(
            instances=(Instance(assume_role_arn=OTHER),), rrsa=Rrsa(True, ROLE, PROVIDER), token_mode="managedRole"
        ),
    ),
    "RRSA off needs no provider": (
        f"rrsa: off\nacr-registry-info:\n- rrsaRoleARN: {ROLE}\n",
        Configuration(instances=(Instance(rrsa_role_arn=ROLE),), rrsa=Rrsa(False)),
    ),
    "key pair": (
        "acr-registry-info:\n- customAccessKey: LTAIx\n  customAccessKeySecret: s\n",
        Configuration(instances=(Instance(access_key=AccessKey("LTAIx", "s")),)),
    ),
    "Personal Edition": (
        "acr-registry-info:\n- instanceId: ''\n  domains: registry-vpc.cn-hangzhou.aliyuncs.com\n",
        Configuration(instances=(Instance(domains=("registry-vpc.cn-hangzhou.aliyuncs.com",)),)),
    ),
    "shortest session": (
        "acr-registry-info:\n- expireDuration: 0900\n",
        Configuration(instances=(Instance(expire_duration=900),)),
    ),
    "webhook": (
        "webhook-configuration: |\n  enable: 'true'\n  failure-policy: fail\n  timeout-seconds: 30\n",
        Configuration(webhook=Webhook(True, "Fail", 30)),
    ),
    "everything": (
        "watch-namespace: x,all\nservice-account: '*'\n",
        Configuration(watch_namespaces=("all",), service_accounts=("*",)),
    ),
    "our own": (
        """\
        discovery: off
        session-policy: pull-only
        service-account-roles: false
        service-account-annotation: ack
        compat-secrets: "OFF"
        log-level: warn
        """,
        Configuration(
            discovery=False,
            session_policy="pull-only",
            service_account_annotation="ack",
            compat_secrets=False,
            log_level="warning",
        ),
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_files(name: str) -> None:
    text, expected = RIGHT[name]
    read = read_configuration(dedent(text).encode(), "f")
    assert [str(finding) for finding in read.findings] == []
    assert read.configuration == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("15m", 900), ("15min", 900), ("1h30m", 5400), ("900s", 900), ("1.5h", 5400), ("0", 0), ("0s", 0), ("+1m", 60),
     ("90000ms", 90), (" 10m ", 600), ("24h", 86400), ("1500us", 0)],
)  # fmt: skip
def test_durations(text: str, seconds: int) -> None:
    assert duration(text) == seconds


ADVICE = {
    "watch-namespace: all\n": "f:1: watch-namespace: all includes kube-system",
    "watch-namespace: a,kube-system\n": "f:1: watch-namespace: kube-system holds",
    "expiring-threshold: 46m\n": "f:1: expiring-threshold: is longer than 45m",
    "acr-registry-info: |\n  - customAccessKey: a\n    customAccessKeySecret: b\n": "f:2: acr-registry-info[0].customA",
    "acr-registry-info:\n- expireDuration: 3599\n": "f:2: acr-registry-info[0].expireDuration: is below the documented",
    f"rrsa: {{roleARN: '{ROLE}', oidcProviderARN: '{PROVIDER}'}}\n": "f:1: rrsa.roleARN: is not used without enable",
    "acr-registry-info:\n- externalId: abc\n": "f:2: acr-registry-info[0].externalId: has no effect",
    f"rrsa: off\nacr-registry-info:\n- rrsaRoleARN: {ROLE}\n": "f:3: acr-registry-info[0].rrsaRoleARN: is not used",
    f"rrsa: {{oidcProviderARN: '{PROVIDER}'}}\nacr-registry-info:\n- rrsaRoleARN: {OTHER}\n": (
        "f:3: acr-registry-info[0].rrsaRoleARN: is of another account"
    ),
    "acr-registry-info:\n- domains: n-registry.cn-hangzhou.cr.aliyuncs.com\n": "f:2: acr-registry-info[0].domains",
    "acr-registry-info:\n- instanceId: cri-1\n  domains: registry.cn-hangzhou.aliyuncs.com\n": (
        "f:3: acr-registry-info[0].domains: has a host name of the other edition"
    ),
    "acr-registry-info:\n- instanceId: cri-1\n- instanceId: cri-1\n  regionId: cn-a\n": (
        "f:3: acr-registry-info[1]: is the same instance as item 0"
    ),
}


@pytest.mark.parametrize("text", ADVICE)
def test_advice_is_no_finding(text: str) -> None:
    read = read_configuration(text.encode(), "f")
    assert read.findings == ()
    assert [str(hint)[: len(ADVICE[text])] for hint in read.advice] == [ADVICE[text]]
    assert {hint.kind for hint in read.advice} == {"warning"}


@pytest.mark.parametrize("text", ["expiring-threshold: 45m\n", "watch-namespace: a,b\n", "acr-registry-info: [{}]\n"])
def test_no_advice_for_usual_files(text: str) -> None:
    assert read_configuration(text.encode(), "f").advice == ()


def test_lines_of_the_keys_in_their_first_spelling() -> None:
    read = read_configuration(b"watchNamespace: a\n\nacr-registry-info: |\n  - instanceId: cri-1\n", "f")
    assert read.lines == {"watch-namespace": 1, "acr-registry-info": 3}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Local()),
        ("endpoints:\nca-file:\n", Local()),
        (
            "endpoints: {metadata: '127.0.0.1:8080', sts: localhost, acr: CR.example.com:443}\ncaFile: /etc/a.pem\n",
            Local(Endpoints("127.0.0.1:8080", "localhost", "cr.example.com:443"), "/etc/a.pem"),
        ),
    ],
)
def test_right_local_files(text: str, expected: Local) -> None:
    read = read_local(text.encode(), "f")
    assert read.findings == ()
    assert read.local == expected
