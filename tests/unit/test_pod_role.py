"""Which pods have a role of their own, which go with the node's identity, and which get nothing."""

from typing import Any

import pytest

from provider.answers import EVERY_POD
from provider.config.values import Configuration, Instance, Rrsa
from provider.errors import ConfigurationError, NotServed, ProviderError, Refused, RequestError
from provider.hand_over import POD, subject_of
from provider.identity.pod_role import PodRole, oidc_provider_of, role_arn, session_name
from provider.kubelet import Request
from provider.pods import depends_on, pod_role
from provider.service_account import ACK_ANNOTATION, OWN_ANNOTATION, Claims, parse_claims
from tests.unit.test_service_account import FIELDS, token

ROLE = "acs:ram::1111111111111111:role/team-a"
PROVIDER = "acs:ram::1111111111111111:oidc-provider/ack-rrsa-c1234"
OWN = {OWN_ANNOTATION: ROLE}
ACK = {ACK_ANNOTATION: "team-a"}
TOKEN = token(FIELDS)


def configuration(**values: Any) -> Configuration:
    return Configuration(**{"service_account_roles": "optional"} | values)


def request(given: str = TOKEN, annotations: dict[str, str] | None = None) -> Request:
    return Request("credentialprovider.kubelet.k8s.io/v1", "r.example.com/team/app", given, annotations)


NODE = None
ROLES: dict[str, tuple[Configuration, Request, str | None]] = {
    "off": (configuration(service_account_roles="off"), request(annotations=OWN), NODE),
    "off, a token that is none": (configuration(service_account_roles="off"), request("x"), NODE),
    "optional": (configuration(), request(annotations=OWN), ROLE),
    "optional, no annotation": (configuration(), request(), NODE),
    "optional, no token": (configuration(), request(""), NODE),
    "optional, ACK's is another's": (configuration(), request(annotations=ACK), NODE),
    "required": (configuration(service_account_roles="required"), request(annotations=OWN), ROLE),
    "ACK's": (configuration(service_account_annotation="ack"), request(annotations={**OWN, **ACK}), "team-a"),
    "in scope": (configuration(scope="configured", watch_namespaces=("team-a",), service_accounts=("app",)),
                 request(), NODE),
    "in scope, with a role": (configuration(scope="configured", watch_namespaces=("all",), service_accounts=("*",)),
                              request(annotations=OWN), ROLE),
    "in scope, off": (configuration(service_account_roles="off", scope="configured", watch_namespaces=("team-a",),
                                    service_accounts=("*",)), request(annotations=OWN), NODE),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "asks", "expected"), ROLES.values(), ids=ROLES)
def test_whose_role_it_is(settings: Configuration, asks: Request, expected: str | None) -> None:
    found = pod_role(settings, asks, 0)
    assert (found.written if found else None) == expected


REFUSED: dict[str, tuple[Configuration, Request, str]] = {
    "required, no annotation": (
        configuration(service_account_roles="required"),
        request(),
        f"ServiceAccount team-a/app has no role of its own, and service-account-roles: required gives nothing without: "
        f"annotate the ServiceAccount with {OWN_ANNOTATION}",
    ),
    "required, no pod": (
        configuration(service_account_roles="required"),
        request(""),
        "without a ServiceAccount's token",
    ),
    "required, ACK's is another's": (
        configuration(service_account_roles="required"),
        request(annotations=ACK),
        f"annotate the ServiceAccount with {OWN_ANNOTATION}",
    ),
    "an annotation and no token": (configuration(), request("", OWN), f"since {OWN_ANNOTATION} needs one"),
    "no ARN": (configuration(), request(annotations={OWN_ANNOTATION: "team-a"}), "right form: acs:ram::ACCOUNT:role"),
    "empty": (configuration(), request(annotations={OWN_ANNOTATION: ""}), "right form: acs:ram::ACCOUNT:role"),
    "no name": (
        configuration(service_account_annotation="ack"),
        request(annotations={ACK_ANNOTATION: ROLE}),
        "right form: a RAM role's name",
    ),
    "of another audience": (
        configuration(),
        request(token({**FIELDS, "aud": ["other"]}), OWN),
        "is not for sts.aliyuncs.com",
    ),
    "ended": (configuration(), request(token({**FIELDS, "exp": -100}), OWN), "has ended"),
    "another namespace": (
        configuration(scope="configured", watch_namespaces=("team-b",), service_accounts=("*",)),
        request(annotations=OWN),
        "ServiceAccount team-a/app is not among watch-namespace and service-account",
    ),
    "another name": (
        configuration(scope="configured", watch_namespaces=("all",), service_accounts=("default",)),
        request(),
        "is not among",
    ),
    "no token in scope": (configuration(scope="configured"), request(""), "since scope: configured needs one"),
    "another audience in scope": (
        configuration(service_account_roles="off", scope="configured", watch_namespaces=("all",)),
        request(token({**FIELDS, "aud": ["other"]})),
        "is not for sts.aliyuncs.com",
    ),
}


@pytest.mark.parametrize(("settings", "asks", "message"), REFUSED.values(), ids=REFUSED)
def test_who_gets_nothing(settings: Configuration, asks: Request, message: str) -> None:
    with pytest.raises(ProviderError) as refused:
        pod_role(settings, asks, 0)
    assert message in str(refused.value)
    assert TOKEN not in str(refused.value)


def test_who_is_not_served_is_not_remembered_for_those_who_are() -> None:
    with pytest.raises(NotServed) as refused:
        pod_role(configuration(scope="configured"), request(), 0)
    assert refused.value.remember_seconds == 0


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (configuration(service_account_roles="off"), ""),
        (configuration(), OWN_ANNOTATION),
        (configuration(service_account_annotation="ack"), ACK_ANNOTATION),
        (configuration(service_account_roles="required"), EVERY_POD),
        (configuration(service_account_roles="off", scope="configured"), EVERY_POD),
    ],
)
def test_what_decides_who_gets_the_nodes_answer(settings: Configuration, expected: str) -> None:
    assert depends_on(settings) == expected


def pod(written: str = ROLE, annotation: str = OWN_ANNOTATION) -> PodRole:
    return PodRole(parse_claims(TOKEN), annotation, written, TOKEN)


def test_a_role_of_the_providers_account() -> None:
    assert role_arn(pod(), PROVIDER) == role_arn(pod("team-a", ACK_ANNOTATION), PROVIDER) == ROLE


def test_a_role_of_another_account_is_refused() -> None:
    with pytest.raises(
        Refused, match="is not of account 2222222222222222, which the cluster's OIDC provider belongs to"
    ):
        role_arn(pod(), PROVIDER.replace("1" * 16, "2" * 16))


def test_a_token_is_not_shown() -> None:
    assert TOKEN not in repr(pod())


ITEM = Instance(rrsa_oidc_provider_arn="acs:ram::1:oidc-provider/item")
OF_ALL = configuration(rrsa=Rrsa(oidc_provider_arn="acs:ram::1:oidc-provider/all"))
ISSUER = "https://oidc-ack-cn-hangzhou.oss-cn-hangzhou.aliyuncs.com/c5678"


@pytest.mark.parametrize(
    ("settings", "instance", "issuer", "cluster", "expected"),
    [
        (OF_ALL, ITEM, ISSUER, "c1234", "acs:ram::1:oidc-provider/item"),
        (OF_ALL, Instance(), ISSUER, "c1234", "acs:ram::1:oidc-provider/all"),
        (configuration(), Instance(), ISSUER, "c1234", "acs:ram::42:oidc-provider/ack-rrsa-c1234"),
        (configuration(), Instance(), ISSUER, "", "acs:ram::42:oidc-provider/ack-rrsa-c5678"),
    ],
)
def test_the_oidc_provider(
    settings: Configuration, instance: Instance, issuer: str, cluster: str, expected: str
) -> None:
    claims = parse_claims(token({**FIELDS, "iss": issuer}))
    assert oidc_provider_of(settings, instance, claims, cluster, lambda: "42") == expected


@pytest.mark.parametrize("issuer", ["https://example.com/c5678", f"{ISSUER}/x", ISSUER.replace("https", "http")])
def test_an_oidc_provider_that_nobody_knows(issuer: str) -> None:
    claims = parse_claims(token({**FIELDS, "iss": issuer}))
    with pytest.raises(ConfigurationError, match="add oidcProviderARN"):
        oidc_provider_of(configuration(), Instance(), claims, "", lambda: "42")


def test_session_names() -> None:
    def named(namespace: str, name: str) -> str:
        return session_name(Claims(namespace, name, "", "", (), 0))

    assert named("team-a", "app") == "team-a.app"
    assert named("n" * 30, "a" * 33) == f"{'n' * 30}.{'a' * 33}"
    long, longer = named("n" * 63, "a" * 100), named("n" * 63, "a" * 101)
    assert len(long) == len(longer) == 64
    assert long != longer


def test_no_host_is_taken_for_a_pods_subject() -> None:
    assert (
        subject_of(Request("credentialprovider.kubelet.k8s.io/v1", "pod-1.example.com/team/app")) == "pod-1.example.com"
    )
    assert subject_of(request(annotations=OWN)).startswith(POD)
    with pytest.raises(RequestError):
        Request("credentialprovider.kubelet.k8s.io/v1", f"{POD}1.example.com/team/app")
