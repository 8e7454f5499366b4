"""The cloud and identity packages with the real SDKs against the simulated cloud: identities, tokens, refusals."""

import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from provider.cloud.registry import Challenge
from provider.config.values import AccessKey, Configuration, Instance, Rrsa
from provider.errors import Refused
from provider.identity.chain import IdentityPaths, choose, obtain
from provider.identity.policies import PULL_ONLY_POLICY
from provider.identity.session import Session
from tests.cloud import SimulatedCloud
from tests.cloud.default_world import (
    ALPHA,
    CROSS_ACCOUNT_ROLE,
    CUSTOM_DOMAIN,
    EXTERNAL_ID,
    EXTERNAL_ID_ROLE,
    PARTNER,
    REGION,
    RRSA_PUSH_ROLE,
)
from tests.integration.cloud_package import (
    ALPHA_HOST,
    PARTNER_HOST,
    PERSONAL_HOST,
    reach,
    role,
    rrsa,
    simulation,
    worker,
)

pytestmark = pytest.mark.source


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[SimulatedCloud]:
    with simulation(tmp_path / "cloud") as cloud:
        yield cloud


@pytest.fixture
def paths(tmp_path: Path, simulated: SimulatedCloud) -> IdentityPaths:
    def put(name: str, content: str) -> str:
        path = tmp_path / name
        path.write_text(content)
        path.chmod(0o600)
        return str(path)

    managed = put("managed-role.json", simulated.make.managed_role_secret())
    return IdentityPaths(managed, put("rrsa-token", f"{simulated.make.service_account_token()}\n"))


Setting = Callable[[SimulatedCloud], tuple[Configuration, Instance]]


def key_pair(simulated: SimulatedCloud) -> AccessKey:
    user = simulated.world.users[0]
    return AccessKey(user.access_key_id, user.access_key_secret)


IDENTITIES: dict[str, Setting] = {
    "worker role": lambda _: (Configuration(token_mode="workerRole"), Instance(ALPHA)),
    "managed role": lambda _: (Configuration(), Instance(ALPHA)),
    "RRSA": lambda it: (Configuration(), Instance(ALPHA, **rrsa(it))),
    "RRSA, pull-only": lambda it: (
        Configuration(session_policy="pull-only"),
        Instance(ALPHA, **rrsa(it, RRSA_PUSH_ROLE)),
    ),
    "another account by RRSA, pull-only": lambda it: (
        Configuration(rrsa=Rrsa(enable=True), session_policy="pull-only"),
        Instance(PARTNER, assume_role_arn=role(it, CROSS_ACCOUNT_ROLE), **rrsa(it)),
    ),
    "another account by the worker role": lambda it: (
        Configuration(session_policy="pull-only"),
        Instance(PARTNER, assume_role_arn=role(it, CROSS_ACCOUNT_ROLE)),
    ),
    "another account with an external id": lambda it: (
        Configuration(),
        Instance(PARTNER, assume_role_arn=role(it, EXTERNAL_ID_ROLE), external_id=EXTERNAL_ID, expire_duration=43200),
    ),
    "another account's key pair": lambda it: (Configuration(), Instance(PARTNER, access_key=key_pair(it))),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_every_identity_ends_in_a_login(simulated: SimulatedCloud, paths: IdentityPaths, name: str) -> None:
    cloud = reach(simulated)
    configuration, instance = IDENTITIES[name](simulated)
    journal: list[str] = []
    session = obtain(choose(configuration, instance, date(2024, 1, 1)), cloud, paths, journal.append)
    token = cloud.enterprise.authorization_token(session, REGION, instance.instance_id)
    host = ALPHA_HOST if instance.instance_id == ALPHA else PARTNER_HOST
    cloud.registry.login(host, token.username, token.password)
    assert time.time() < token.expiration <= time.time() + 43200
    assert len(journal) == ("key pair" in name)
    assert not any(secret in line for line in journal for secret in simulated.secrets())
    policies = [call.parameters.get("Policy") for call in simulated.calls if call.service == "sts"]
    assert policies == ([] if not policies else [*[None] * (len(policies) - 1), policies[-1]])
    assert (policies[-1:] == [PULL_ONLY_POLICY]) is (configuration.session_policy == "pull-only")


@pytest.mark.parametrize("mode", ["open", "hardened", "old"])
def test_every_mode_of_the_metadata_service(simulated: SimulatedCloud, mode: Any) -> None:
    simulated.world.node.mode = mode
    session = reach(simulated).metadata.worker_role_session()
    assert session.identity == "worker RAM role KubernetesWorkerRole-test"
    assert session.expiration is not None and session.expiration > time.time()
    assert len(list(simulated.calls)) == 4  # token and role name by us, token and credentials by the SDK


def test_finding_instances_and_their_domains(simulated: SimulatedCloud) -> None:
    cloud = reach(simulated)
    session = cloud.metadata.worker_role_session()
    assert cloud.enterprise.find_instance(session, REGION, "alpha") == ALPHA
    assert cloud.enterprise.find_instance(session, REGION, "alph") is None
    assert CUSTOM_DOMAIN in cloud.enterprise.instance_domains(session, REGION, ALPHA)
    assert cloud.registry.challenge(ALPHA_HOST) == Challenge(REGION, ALPHA)
    assert cloud.registry.challenge(PERSONAL_HOST) is None
    simulated.world.instance(ALPHA).challenge = ""
    assert cloud.registry.challenge(ALPHA_HOST) is None


@pytest.mark.parametrize(("offset", "direction"), [(4000, "67 minutes behind"), (-4000, "67 minutes ahead of")])
def test_a_wrong_clock_is_named(simulated: SimulatedCloud, offset: int, direction: str) -> None:
    session = worker(simulated)
    simulated.clock.offset = offset
    cloud = reach(simulated)
    with pytest.raises(Refused, match=direction):
        cloud.enterprise.authorization_token(session, REGION, ALPHA)
    assert cloud.transport.clock_offset == pytest.approx(offset, abs=3)


def test_a_session_that_ended_by_the_nodes_clock_names_the_clock(simulated: SimulatedCloud) -> None:
    simulated.clock.offset = -30000
    with pytest.raises(Refused, match="has ended by this node's clock; this node's clock is 500 minutes ahead"):
        reach(simulated).metadata.worker_role_session()


@pytest.mark.parametrize("with_status_200", [True, False])
def test_refusals_name_identity_instance_and_cure(simulated: SimulatedCloud, with_status_200: bool) -> None:
    simulated.world.business_errors_with_status_200 = with_status_200
    cloud = reach(simulated)
    with pytest.raises(Refused, match=rf"no instance {PARTNER} in {REGION} for worker role: .*assumeRoleARN") as raised:
        cloud.enterprise.authorization_token(worker(simulated), REGION, PARTNER)
    assert raised.value.code == "INSTANCE_NOT_EXIST"
    assert raised.value.request_id
    nobody = simulated.world.users[1]
    session = Session(nobody.access_key_id, nobody.access_key_secret, identity="RAM user nobody")
    with pytest.raises(
        Refused, match=r"RAM user nobody may not call GetAuthorizationToken .* cr:GetAuthorizationToken"
    ):
        cloud.enterprise.authorization_token(session, REGION, ALPHA)


def test_a_node_without_a_role_is_told_what_to_do(simulated: SimulatedCloud) -> None:
    simulated.world.node.role_name = ""
    with pytest.raises(Refused, match="no RAM role on this node: attach"):
        reach(simulated).metadata.worker_role_session()


def test_too_long_a_session_is_asked_once_more_and_said(simulated: SimulatedCloud, paths: IdentityPaths) -> None:
    instance = Instance(PARTNER, assume_role_arn=role(simulated, CROSS_ACCOUNT_ROLE), expire_duration=7200)
    journal: list[str] = []
    chain = choose(Configuration(), instance, None)
    session = obtain(chain, reach(simulated), paths, journal.append)
    assert session.expiration == pytest.approx(time.time() + 3600, abs=10)
    assert [call.parameters["DurationSeconds"] for call in simulated.calls.of("sts")] == ["7200", "3600"]
    assert len(journal) == 1 and "expireDuration 7200 s is above the maximum" in journal[0]


MISSING: list[tuple[str, Configuration, str]] = [
    ("managed role", Configuration(token_mode="managedRole"), "is missing: no file"),
    ("RRSA", Configuration(), "the RRSA token is missing"),
]


@pytest.mark.parametrize(("name", "configuration", "said"), MISSING, ids=[row[0] for row in MISSING])
def test_a_missing_session_is_no_reason_to_take_another_identity(
    simulated: SimulatedCloud, name: str, configuration: Configuration, said: str
) -> None:
    instance = Instance(ALPHA, **rrsa(simulated)) if name == "RRSA" else Instance(ALPHA)
    nowhere = IdentityPaths("/nonexistent/managed-role.json", "/nonexistent/rrsa-token")
    with pytest.raises(Refused, match=said):
        obtain(choose(configuration, instance, None), reach(simulated), nowhere, list[str]().append)
    assert list(simulated.calls) == []


TOKENS = [
    ("expired", {"seconds": -10}, "the RRSA token has ended"),
    ("another audience", {"audience": "other"}, "is not accepted"),
    ("another's key", {"stranger": True}, "is not accepted"),
    ("another ServiceAccount", {"name": "other"}, "does not trust"),
]


@pytest.mark.parametrize(("options", "said"), [row[1:] for row in TOKENS], ids=[row[0] for row in TOKENS])
def test_rrsa_tokens_that_sts_refuses(simulated: SimulatedCloud, options: dict[str, Any], said: str) -> None:
    jwt = simulated.make.service_account_token(**options)
    given = rrsa(simulated)
    with pytest.raises(Refused, match=said) as raised:
        reach(simulated).sts.assume_role_with_oidc(given["rrsa_role_arn"], given["rrsa_oidc_provider_arn"], jwt)
    assert jwt not in str(raised.value)
    assert simulated.calls.of("sts")[0].parameters["OIDCToken"] == "(body)"
