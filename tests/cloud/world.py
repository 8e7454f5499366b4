"""What exists in the simulated cloud: accounts' roles and users, instances, registries, clusters, and our node.

Plain values. Tests change them as they like; the services look at them anew at every request.
"""

from dataclasses import dataclass, field
from typing import Literal

from tests.cloud.jwt import SigningKeys
from tests.cloud.policy import Document

MetadataMode = Literal["open", "hardened", "old"]


@dataclass
class Role:
    """A RAM role."""

    account: str
    name: str
    trust: Document
    policies: list[Document]
    max_session_duration: int = 3600

    @property
    def arn(self) -> str:
        return f"acs:ram::{self.account}:role/{self.name.lower()}"


@dataclass
class User:
    """A RAM user with one key pair."""

    account: str
    name: str
    access_key_id: str
    access_key_secret: str
    policies: list[Document]

    @property
    def arn(self) -> str:
        return f"acs:ram::{self.account}:user/{self.name}"


@dataclass
class Cluster:
    """An ACK cluster with RRSA switched on."""

    id: str
    issuer: str
    keys: SigningKeys = field(default_factory=SigningKeys)


@dataclass
class OidcProvider:
    """An OIDC provider registered with RAM."""

    account: str
    name: str
    cluster: Cluster
    client_ids: list[str] = field(default_factory=lambda: ["sts.aliyuncs.com"])

    @property
    def arn(self) -> str:
        return f"acs:ram::{self.account}:oidc-provider/{self.name}"


@dataclass
class Repository:
    """One repository; its content is made up from its name."""

    name: str
    """`NAMESPACE/REPO`."""
    account: str
    public: bool = False
    tags: list[str] = field(default_factory=lambda: ["latest", "v1"])


@dataclass
class Domain:
    """A host name of an Enterprise instance."""

    name: str
    endpoint: Literal["internet", "vpc"]
    type: Literal["SYSTEM", "USER"] = "SYSTEM"


@dataclass
class Instance:
    """An Enterprise Edition instance."""

    id: str
    name: str
    region: str
    account: str
    domains: list[Domain] = field(default_factory=list)
    repositories: list[Repository] = field(default_factory=list)
    status: str = "RUNNING"
    challenge: str = "standard"
    """`standard`: the 401 that names region and id; empty: no 401 at all (a 404 page); else sent word for word."""


@dataclass
class PersonalRegistry:
    """Personal Edition of one region, shared by all accounts."""

    region: str
    accounts: list[str]
    """Those who have Personal Edition switched on; others get USER_NOT_EXIST."""
    repositories: list[Repository]
    challenge: str = "standard"


@dataclass
class Node:
    """The ECS instance whose metadata service is asked."""

    account: str
    region: str
    zone: str
    instance_id: str
    role_name: str
    """Empty: no RAM role on this node."""
    mode: MetadataMode = "open"
    """`open`: with or without token; `hardened`: only with token; `old`: no token service at all (404)."""
    session_seconds: int = 21600
    credentials_code: str = "Success"
    """`Code` in the credentials' answer."""


@dataclass
class World:
    """Everything, and a few switches for how the services behave."""

    node: Node
    cluster: Cluster
    roles: list[Role]
    users: list[User]
    oidc_providers: list[OidcProvider]
    instances: list[Instance]
    """ListInstance answers in this order."""
    personal_registries: list[PersonalRegistry]
    regions: list[str]
    """Host names of other regions do not exist."""
    business_errors_with_status_200: bool = False
    """ACR Enterprise says no with HTTP 200 and `IsSuccess: false` instead of 403 and 404."""
    wrong_account_code: str = "INSTANCE_NOT_EXIST"
    """What the owner of another account gets for an instance that exists."""
    authorization_token_seconds: int | None = None
    """Length of every authorization token; None: the real rules."""

    def role(self, arn_or_name: str) -> Role | None:
        wanted = arn_or_name.lower()
        return next((role for role in self.roles if wanted in (role.arn, role.name.lower())), None)

    def user(self, access_key_id: str) -> User | None:
        return next((user for user in self.users if user.access_key_id == access_key_id), None)

    def policies(self, arn: str) -> list[Document]:
        """The permission policies of a role or user; none when it does not exist (any more)."""
        owners: list[Role | User] = [*self.roles, *self.users]
        return next((one.policies for one in owners if one.arn == arn), [])

    def instance(self, name_or_id: str) -> Instance:
        """The first instance of that name or id."""
        for one in self.instances:
            if name_or_id in (one.id, one.name):
                return one
        raise LookupError(f"the world has no instance {name_or_id}")

    def instance_of_host(self, host: str) -> Instance | None:
        return next((one for one in self.instances if any(domain.name == host for domain in one.domains)), None)

    def personal_registry(self, region: str) -> PersonalRegistry | None:
        return next((one for one in self.personal_registries if one.region == region), None)
