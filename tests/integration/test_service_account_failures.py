"""`doctor --service-account`: what is wrong is found in its own step, with what to do."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from provider.config.values import Configuration
from provider.node.kubelet_version import Version
from provider.node.record import Record
from provider.service_account import ACK_ANNOTATION, OWN_ANNOTATION
from tests.cloud.default_world import ACCOUNT, OTHER_ACCOUNT
from tests.integration.service_account_site import CONFIGURED, REQUIRED, Site, failure, standing
from tests.unit.tls_api_server import NODE

pytestmark = pytest.mark.source


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with standing(tmp_path) as made:
        yield made


def without_annotation(site: Site) -> None:
    site.cluster.accounts["team-a/app"] = {}


def set_(**changes: object) -> Callable[[Site], None]:
    def spoil(site: Site) -> None:
        for name, value in changes.items():
            setattr(site if hasattr(site, name) else site.cluster, name, value)

    return spoil


def annotated(**annotations: str) -> Callable[[Site], None]:
    keys = {"own": OWN_ANNOTATION, "ack": ACK_ANNOTATION}

    def spoil(site: Site) -> None:
        site.cluster.accounts["team-a/app"] = {keys[name]: value for name, value in annotations.items()}

    return spoil


def both(*spoils: Callable[[Site], None]) -> Callable[[Site], None]:
    def spoil(site: Site) -> None:
        for each in spoils:
            each(site)

    return spoil


def docker_config(site: Site) -> None:
    site.record = Record(
        program="1", prefix="/opt/x", delivery="docker-config", mode="", provider_file="", bin_dir="",
        unit="kubelet.service", kubelet_version="1.35.4", placed=1.0, changes=(),
    )  # fmt: skip


def api_is_away(site: Site) -> None:
    text = site.kubeconfig.read_text()
    site.kubeconfig.write_text(re.sub("https://127.0.0.1:[0-9]+", "https://127.0.0.1:1", text))


def another_user(site: Site) -> None:
    pair = trustme.CA().issue_cert(common_name=NODE)
    certificate, key = pair.cert_chain_pems[0].bytes().decode(), pair.private_key_pem.bytes().decode()
    (site.directory / "client.pem").write_text(certificate)
    (site.directory / "client.key").write_text(key)


FAILURES = {
    "outside the scope": (
        set_(configuration=replace(CONFIGURED, watch_namespaces=("team-b",), service_account_roles="required")),
        "scope", "its pods get nothing from us",
    ),
    "an old kubelet": (
        set_(version=Version(1, 33, 9)), "tokenAttributes", "kubelet 1.33.9 does not know them",
    ),
    "docker-config": (docker_config, "tokenAttributes", "install --delivery flags"),
    "no tokenAttributes": (
        set_(attributes_of=Configuration()), "tokenAttributes", "it has no tokenAttributes",
    ),
    "tokenAttributes of another mode": (
        set_(attributes_of=REQUIRED), "tokenAttributes", "requireServiceAccount is true, wanted: false",
    ),
    "an API server that is away": (api_is_away, "API server", "127.0.0.1:1"),
    "a certificate of another cluster": (another_user, "API server", "TLS: "),
    "no audience RBAC": (
        set_(audience_allowed=False), "audience RBAC", "the kubelet runs us for no pod at all",
    ),
    "no audience RBAC before install": (
        set_(audience_allowed=False, configuration=Configuration()), "roles of pods", "service-account-roles: off",
    ),
    "no such ServiceAccount": (
        lambda site: site.cluster.accounts.clear(), "ServiceAccount", "kubectl -n team-a create serviceaccount app",
    ),
    "required without annotation": (
        both(set_(configuration=REQUIRED), without_annotation), "annotation", "required gives its pods nothing",
    ),
    "ACK's annotation alone": (
        both(set_(configuration=REQUIRED), annotated(ack="x")), "annotation", "service-account-annotation: ack alone",
    ),
    "a malformed annotation": (
        annotated(own="team-a-pull; rm -rf /"), "annotation", "is malformed; right form: acs:ram::ACCOUNT:role/NAME",
    ),
    "a role of another account": (
        annotated(own=f"acs:ram::{OTHER_ACCOUNT}:role/x"), "trust policy", f"is not of account {ACCOUNT}",
    ),
    "an issuer inside the cluster": (
        set_(issuer="https://kubernetes.default.svc"), "issuer", "switch RRSA on",
    ),
    "an issuer that is not ACK's, and no provider": (
        set_(issuer="https://issuer.example.com"), "OIDC provider", "add oidcProviderARN",
    ),
    "a role that is not there": (
        annotated(own=f"acs:ram::{ACCOUNT}:role/gone"), "role", "does not exist",
    ),
    "a token that nobody believes": (
        lambda site: setattr(site.cluster, "sign", lambda namespace, name: site.cloud.make.service_account_token(
            namespace, name, stranger=True)),
        "role", "the token of the cluster's OIDC provider is not accepted",
    ),
    "a token for others": (
        lambda site: setattr(site.cluster, "sign", lambda namespace, name: site.cloud.make.service_account_token(
            namespace, name, audience="vault")),
        "pod's token", "is not for sts.aliyuncs.com",
    ),
    "no token at all": (
        set_(sign=lambda namespace, name: "nonsense"), "pod's token", "is no token of a ServiceAccount",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "step", "words"), FAILURES.values(), ids=FAILURES.keys())
def test_the_first_failure_says_what_to_do(spoil: Callable[[Site], None], step: str, words: str, site: Site) -> None:
    spoil(site)
    found = site.look()
    name, detail = failure(found)
    assert (name, words in detail) == (step, True), detail
