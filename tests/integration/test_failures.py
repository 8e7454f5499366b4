"""Faults of each service: one line that says who failed, again where it helps, never where the cloud said no."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.cloud.faults import ServiceName
from tests.integration.leaks import no_part_of_a_secret_in
from tests.integration.many import at_once
from tests.integration.node import ALPHA, BUSY_SECONDS, PERSONAL, Node
from tests.integration.test_identities import (
    ALPHA_ID,
    OIDC_PROVIDER,
    PARTNER,
    PARTNER_ID,
    RRSA_ROLE,
    by_rrsa,
    instances,
    rrsa,
)

CR = ("cr-vpc.cn-hangzhou.aliyuncs.com", "cr.cn-hangzhou.aliyuncs.com")
STS = ("sts-vpc.cn-hangzhou.aliyuncs.com", "sts.cn-hangzhou.aliyuncs.com")
ITSELF = "failure of its own"
GARBLED = "cannot be understood"
PASSING_BY_ITSELF = {ITSELF, GARBLED, "broke the connection off", "no usable token"}
REMEDY = re.compile(
    r"check |something (else )?in between|is this an ECS instance|is access to it switched off|must allow"
)
NAMES_IT = re.compile(r"\(Code [A-Za-z0-9.]+, RequestId [0-9A-F-]{36}\)$")


def to_acr(node: Node) -> str:
    node.configure(instances({"instanceId": ALPHA_ID, "regionId": "cn-hangzhou", "domains": ALPHA}))
    return f"{ALPHA}/team/app"


def to_personal(node: Node) -> str:
    node.configure(instances({"instanceId": "", "regionId": "cn-hangzhou"}))
    return f"{PERSONAL}/mine/app"


def to_sts(node: Node) -> str:
    item = {"instanceId": PARTNER_ID, "regionId": "cn-hangzhou", "domains": PARTNER, **by_rrsa(node)}
    node.configure(instances(item))
    return f"{PARTNER}/shared/app"


def to_registry(node: Node) -> str:
    """Of an instance that the registry alone can tell: the identity may list none."""
    rrsa(node)
    node.configure(f"rrsa:\n  enable: true\n  rrsaRoleARN: {RRSA_ROLE}\n  oidcProviderARN: {OIDC_PROVIDER}\n")
    return f"{ALPHA}/team/app"


class Way(NamedTuple):
    """How a request comes to a service, and the names under which messages speak of it."""

    service: ServiceName
    prepare: Callable[[Node], str]
    names: tuple[str, ...]


WAYS = {
    "metadata": Way("metadata", to_acr, ("the ECS metadata service",)),
    "STS": Way("sts", to_sts, STS),
    "ACR": Way("acr", to_acr, CR),
    "ACR Personal": Way("acr", to_personal, CR),
    "registry": Way("registry", to_registry, (ALPHA,)),
    "proxy": Way("proxy", to_acr, (*CR, "through the proxy 127.0.0.1:")),
}

Options = dict[str, Any]
FAULTS: dict[str, tuple[str, Options, dict[str, str]]] = {
    # kind, options, what is said, by service where it differs
    "503": ("status", {}, {"": ITSELF, "proxy": "the proxy refused with HTTP 503"}),
    "html": ("html", {}, {"": ITSELF, "proxy": "the proxy refused with HTTP 502"}),
    "drop": ("drop", {}, {"": "broke the connection off"}),
    "half": ("half", {}, {"": "broke the connection off", "proxy": "TLS"}),
    "torn": ("torn", {}, {"": GARBLED, "proxy": "TLS"}),
    "not JSON": ("not-json", {}, {"": GARBLED, "metadata": "no usable token", "proxy": "TLS"}),
    "empty": ("empty", {}, {"": GARBLED, "metadata": "no usable token", "proxy": "TLS"}),
    "huge": ("huge", {}, {"": "more than 1 MiB", "proxy": "TLS"}),
    "redirect": ("redirect", {}, {"": "a redirect, which is not followed", "proxy": "HTTP 302"}),
    "a gateway's own no": ("html", {"status": 403}, {"": "HTTP 403", "proxy": "HTTP 403"}),
}
NOTHING_TO_UNDERSTAND = {("registry", name) for name in ("torn", "not JSON", "empty", "a gateway's own no")} | {
    ("metadata", "torn")
}
"""The registry's challenge has no body, and a torn token of the metadata service is a token."""


@pytest.mark.parametrize(("name", "way"), WAYS.items(), ids=WAYS.keys())
def test_a_fault_is_one_line_that_names_the_service(name: str, way: Way, tmp_path: Path) -> None:
    def check(node: Node, row: tuple[str, Options, dict[str, str]]) -> None:
        kind, options, said = row
        image = way.prepare(node)
        fault = node.cloud.faults.set(way.service, kind, **options)  # type: ignore[arg-type]
        result = node.request(image)
        refusal = result.refusal
        assert result.status == 1
        assert fault.met > 0
        assert said.get(name, said[""]) in refusal, refusal
        names = way.names[:1] if kind == "html" and options else way.names
        assert all(each in refusal for each in names), refusal
        assert REMEDY.search(refusal) or said.get(name, said[""]) in PASSING_BY_ITSELF, refusal
        assert (kind != "status" or way.service not in ("sts", "acr")) or NAMES_IT.search(refusal), refusal
        assert node.cloud.trapped == []
        assert "please report it" not in refusal
        no_part_of_a_secret_in(node, refusal)

    rows = {fault: row for fault, row in FAULTS.items() if (name, fault) not in NOTHING_TO_UNDERSTAND}
    assert at_once(tmp_path, rows, check) == {}


PASSING: dict[str, tuple[str, Options]] = {
    "503 twice": ("status", {"count": 2}),
    "500 twice": ("status", {"count": 2, "status": 500, "code": "InternalError"}),
    "dropped twice": ("drop", {"count": 2}),
    "dropped after it was acted upon": ("drop-after", {"count": 1}),
    "half an answer": ("half", {"count": 1}),
    "a load balancer's page": ("html", {"count": 2}),
    "an empty answer": ("empty", {"count": 1}),
    "throttled twice": ("throttle", {"count": 2}),
    "throttled, told when to come back": ("throttle", {"count": 1, "retry_after": 5000}),
    "throttled with 429": ("status", {"count": 2, "status": 429, "code": "Throttling"}),
}
BY_OPENAPI = ("throttled twice", "throttled, told when to come back")
NOT_SPOKEN = {(service, name) for service in ("metadata", "registry") for name in BY_OPENAPI} | {
    ("registry", "an empty answer")
}
"""How neither of the two says it."""


@pytest.mark.parametrize(("name", "way"), list(WAYS.items())[:5], ids=list(WAYS)[:5])
def test_a_fault_that_passes_is_waited_for(name: str, way: Way, tmp_path: Path) -> None:
    def check(node: Node, row: tuple[str, Options]) -> None:
        kind, options = row
        image = way.prepare(node)
        fault = node.cloud.faults.set(way.service, kind, **options)  # type: ignore[arg-type]
        result = node.request(image)
        assert node.login(result, image.partition("/")[0]) == 200
        assert result.stderr == ""
        assert fault.count == 0
        assert result.seconds > fault.retry_after / 1000
        assert result.seconds < 20 + BUSY_SECONDS

    rows = {fault: row for fault, row in PASSING.items() if (name, fault) not in NOT_SPOKEN}
    assert at_once(tmp_path, rows, check) == {}


VPC_FAULTS: dict[str, tuple[str, Options]] = {
    "refused": ("", {}),
    "hangs": ("hang", {}),
    "drips": ("drip-headers", {}),
    "fails": ("status", {}),
    "drops": ("drop", {}),
    "another's certificate": ("certificate", {}),
}


@pytest.mark.parametrize("way", [WAYS["STS"], WAYS["ACR"], WAYS["ACR Personal"]], ids=["STS", "ACR", "ACR Personal"])
def test_the_public_endpoint_stands_in_for_the_vpc_one(way: Way, tmp_path: Path) -> None:
    vpc, public = way.names

    def check(node: Node, row: tuple[str, Options]) -> None:
        kind, options = row
        image = way.prepare(node)
        if kind == "certificate":
            node.cloud.untrusted_hosts.add(vpc)
        elif kind:
            node.cloud.faults.set(way.service, kind, host=vpc, **options)  # type: ignore[arg-type]
        else:
            node.cloud.proxy.refused_hosts.add(vpc)
        result = node.request(image)
        assert next(call.host for call in node.cloud.calls.of("proxy") if call.host in way.names) == vpc
        assert node.login(result, image.partition("/")[0]) == 200
        served = [call.host for call in node.cloud.calls.of(way.service) if call.status == 200 and not call.code]
        assert set(served) == {public}, served
        assert result.seconds < 8 + BUSY_SECONDS

    assert at_once(tmp_path, VPC_FAULTS, check) == {}


def test_another_regions_endpoint_is_asked_in_public_first(node: Node) -> None:
    gamma = "gamma-registry.cn-shanghai.cr.aliyuncs.com"
    assert node.login(node.request(f"{gamma}/team/app"), gamma) == 200
    assert {call.host for call in node.cloud.calls.of("acr")} == {"cr.cn-shanghai.aliyuncs.com"}


def test_an_outage_of_the_registry_is_told_and_is_no_refusal(node: Node) -> None:
    """The managed role may list no instances; that is not what is wrong while the registry is down."""
    image = to_registry(node)
    node.cloud.faults.set("registry", "redirect")
    refusal = node.request(image).refusal
    assert f"{ALPHA} answered with a redirect" in refusal
    assert "cr:ListInstance" in refusal
    node.cloud.faults.clear()
    (kept,) = node.state.glob("answers/*.refused")
    assert '"cause":"unreachable"' in kept.read_text().replace(" ", "")
