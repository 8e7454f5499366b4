"""Logins at registries as the cloud package makes them: which host and port, and where the password may go."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from provider.errors import Refused, Unreachable
from tests.cloud import SimulatedCloud
from tests.cloud.default_world import ALPHA, CUSTOM_DOMAIN, REGION
from tests.integration.cloud_package import ALPHA_HOST, PERSONAL_HOST, reach, simulation, worker

pytestmark = pytest.mark.source


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[SimulatedCloud]:
    with simulation(tmp_path / "cloud") as cloud:
        yield cloud


@pytest.mark.parametrize("network", ["", "-vpc"])
@pytest.mark.parametrize("port", ["", ":443", ":65002"])
def test_a_login_goes_to_the_port_that_the_image_names(simulated: SimulatedCloud, network: str, port: str) -> None:
    cloud = reach(simulated)
    token = cloud.enterprise.authorization_token(worker(simulated), REGION, ALPHA)
    name = f"alpha-registry{network}.distributed.{REGION}.cr.aliyuncs.com"
    simulated.calls.clear()
    cloud.registry.login(f"{name}{port}", token.username, token.password)
    assert {call.host for call in simulated.calls.of("registry")} == {name}
    asked = [f"{name}{port or ':443'}", f"dockerauth{network}.{REGION}.aliyuncs.com:443"]
    assert [call.parameters["target"] for call in simulated.calls.of("proxy", "CONNECT")] == asked
    with pytest.raises(Refused, match=f"{name}{port} did not accept user name and password"):
        cloud.registry.login(f"{name}{port}", token.username, "wrong")


def test_a_registry_with_a_port_may_send_logins_to_its_own_host(simulated: SimulatedCloud) -> None:
    own = f'Bearer realm="https://{CUSTOM_DOMAIN}/auth",service="x"'
    simulated.world.instance(ALPHA).challenge = own
    with pytest.raises(Refused, match="did not accept user name and password"):
        reach(simulated).registry.login(f"{CUSTOM_DOMAIN}:443", "cr_temp_user", "password")
    assert simulated.calls.of("registry")[-1].action == "GET /auth"


def test_a_port_that_the_registry_does_not_serve_is_not_left_out(simulated: SimulatedCloud) -> None:
    with pytest.raises(Unreachable, match=rf"{ALPHA_HOST} cannot be reached .* HTTP 403"):
        reach(simulated).registry.login(f"{ALPHA_HOST}:5000", "cr_temp_user", "password")


def test_personal_edition_ends_in_a_login(simulated: SimulatedCloud) -> None:
    cloud = reach(simulated)
    token = cloud.personal.authorization_token(cloud.metadata.worker_role_session(), REGION)
    cloud.registry.login(PERSONAL_HOST, token.username, token.password)
    with pytest.raises(Refused, match="did not accept user name and password"):
        cloud.registry.login(PERSONAL_HOST, token.username, "wrong")
    assert simulated.calls.of("acr")[0].host == f"cr-vpc.{REGION}.aliyuncs.com"


def test_a_password_does_not_go_where_a_registry_sends_it(simulated: SimulatedCloud) -> None:
    simulated.world.instance(ALPHA).challenge = 'Bearer realm="https://evil.example/auth",service="x"'
    with pytest.raises(Refused, match="neither its own nor Alibaba Cloud's"):
        reach(simulated).registry.login(ALPHA_HOST, "cr_temp_user", "password")
    assert simulated.trapped == []
