"""What the tests of the cloud package share: the way to the simulated cloud, and sessions in it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from darabonba.core import DaraCore
from Tea.core import TeaCore

from provider.cloud.cloud import Cloud
from provider.config.values import Endpoints, Local
from provider.deadline import Deadline
from provider.environment import Environment
from provider.identity.session import Session
from tests.cloud import SimulatedCloud
from tests.cloud.default_world import ALPHA, REGION, RRSA_ROLE, WORKER_ROLE

ALPHA_HOST = f"alpha-registry.{REGION}.cr.aliyuncs.com"
PARTNER_HOST = f"partner-registry-vpc.{REGION}.cr.aliyuncs.com"
PERSONAL_HOST = f"registry-vpc.{REGION}.aliyuncs.com"


@contextmanager
def simulation(directory: Path) -> Iterator[SimulatedCloud]:
    """Start a cloud; afterwards the SDKs are again as they were before the body had them loaded on a transport."""
    cores: tuple[Any, ...] = (TeaCore, DaraCore)
    kept = [(core, core.__dict__["get_adapter"]) for core in cores]
    disabled = logging.root.manager.disable
    try:
        with SimulatedCloud(directory) as cloud:
            yield cloud
    finally:
        for core, get_adapter in kept:
            core.get_adapter = get_adapter
            core._sessions.clear()
        logging.disable(disabled)


def reach(simulated: SimulatedCloud, seconds: float = 45, ca_file: str = "", **endpoints: str) -> Cloud:
    environment = Environment(https_proxy=simulated.proxy_url, ssl_cert_file=str(simulated.ca_file))
    local = Local(Endpoints(**{"metadata": simulated.metadata_address} | endpoints), ca_file)
    return Cloud(environment, local, Deadline(seconds))


def role(simulated: SimulatedCloud, name: str) -> str:
    found = simulated.world.role(name)
    assert found is not None
    return found.arn


def rrsa(simulated: SimulatedCloud, name: str = RRSA_ROLE) -> dict[str, Any]:
    provider = simulated.world.oidc_providers[0].arn
    return {"rrsa_role_arn": role(simulated, name), "rrsa_oidc_provider_arn": provider}


def token(simulated: SimulatedCloud, cloud: Cloud) -> object:
    return cloud.enterprise.authorization_token(worker(simulated), REGION, ALPHA)


def worker(simulated: SimulatedCloud) -> Session:
    found = simulated.world.role(WORKER_ROLE)
    assert found is not None
    made = simulated.sessions.issue(found, "i-test", 3600)
    return Session(made.access_key_id, made.access_key_secret, made.security_token, made.expiration, "worker role")
