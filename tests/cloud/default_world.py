"""The world that a simulated cloud starts with. README.md lists it."""

import secrets

from tests.cloud.policy import Document, allow, trust
from tests.cloud.world import (
    Cluster,
    Domain,
    Instance,
    Node,
    OidcProvider,
    PersonalRegistry,
    Repository,
    Role,
    User,
    World,
)

ACCOUNT = "1111111111111111"
OTHER_ACCOUNT = "2222222222222222"
ACK_ACCOUNT = "9999999999999999"
REGION = "cn-hangzhou"

WORKER_ROLE = "KubernetesWorkerRole-test"
MANAGED_ROLE = "AliyunCSManagedAcrRole"
RRSA_ROLE = "acr-rrsa"
RRSA_PUSH_ROLE = "acr-rrsa-push"
TEAM_A_ROLE = "team-a-pull"
TEAM_B_ROLE = "team-b-pull"
ANY_POD_ROLE = "any-pod-pull"
CROSS_ACCOUNT_ROLE = "acr-pull"
EXTERNAL_ID_ROLE = "acr-pull-external"
EXTERNAL_ID = "agreed-on-42"

ALPHA = "cri-alphaalphaalpha1"
ALPHABET = "cri-alphabetalphabet"
GAMMA = "cri-gammagammagamma1"
PARTNER = "cri-partnerpartner02"
CUSTOM_DOMAIN = "registry.example.com"

PULL = ("cr:GetAuthorizationToken", "cr:ListInstanceEndpoint", "cr:PullRepository")
SERVICE_ACCOUNTS = (
    "system:serviceaccount:kube-system:aliyun-acr-credential-helper",
    "system:serviceaccount:kube-system:aliyun-acr-credential-provider",
)


def instance(id_: str, name: str, region: str, account: str, *repositories: str) -> Instance:
    """An instance with its two SYSTEM domains; the repositories are private."""
    return Instance(
        id_,
        name,
        region,
        account,
        [
            Domain(f"{name}-registry.{region}.cr.aliyuncs.com", "internet"),
            Domain(f"{name}-registry-vpc.{region}.cr.aliyuncs.com", "vpc"),
        ],
        [Repository(repository, account) for repository in repositories],
    )


def default_world() -> World:
    """Two accounts, one cluster with RRSA, four instances that matter and forty that do not, two Personal regions."""
    cluster = Cluster("c0123456789", f"https://oidc-ack-{REGION}.oss-{REGION}.aliyuncs.com/c0123456789")
    provider = OidcProvider(ACCOUNT, f"ack-rrsa-{cluster.id}", cluster)
    return World(
        node=Node(ACCOUNT, REGION, f"{REGION}-h", "i-bp10000000000000test", WORKER_ROLE),
        cluster=cluster,
        roles=[*_own_roles(provider), *_other_roles()],
        users=[
            User(OTHER_ACCOUNT, "acr-puller", _key_id(), _key_secret(), [allow([*PULL, "cr:ListInstance"])]),
            User(ACCOUNT, "nobody", _key_id(), _key_secret(), []),
        ],
        oidc_providers=[provider],
        instances=_instances(),
        personal_registries=[
            PersonalRegistry(region, [ACCOUNT, OTHER_ACCOUNT], _personal_repositories())
            for region in (REGION, "cn-shanghai")
        ],
        regions=[REGION, "cn-shanghai", "cn-beijing", "ap-southeast-1"],
    )


def _own_roles(provider: OidcProvider) -> list[Role]:
    def by_pods(**subject: str | list[str]) -> Document:
        issued = {"oidc:iss": provider.cluster.issuer, "oidc:aud": "sts.aliyuncs.com"}
        condition: dict[str, dict[str, str | list[str]]] = {"StringEquals": {**issued}}
        for operator, value in subject.items():
            condition.setdefault(operator, {})["oidc:sub"] = value
        return trust({"Federated": [provider.arn]}, condition)

    own = by_pods(StringEquals=list(SERVICE_ACCOUNTS))

    def of_a_team(team: str) -> list[Document]:
        repositories = f"acs:cr:{REGION}:{ACCOUNT}:repository/{ALPHA}/{team}/*"
        return [allow(["cr:GetAuthorizationToken"]), allow(["cr:PullRepository"], [repositories])]

    return [
        Role(
            ACCOUNT,
            WORKER_ROLE,
            trust({"Service": ["ecs.aliyuncs.com"]}),
            [allow(["cr:Get*", "cr:List*", "cr:PullRepository"]), allow(["sts:AssumeRole"])],
        ),
        Role(ACCOUNT, MANAGED_ROLE, trust({"Service": ["cs.aliyuncs.com"]}), [allow(PULL)]),
        Role(ACCOUNT, RRSA_ROLE, own, [allow(PULL), allow(["sts:AssumeRole"])]),
        Role(ACCOUNT, RRSA_PUSH_ROLE, own, [allow(["cr:*"])], max_session_duration=43200),
        Role(
            ACCOUNT,
            TEAM_A_ROLE,
            by_pods(StringLike="system:serviceaccount:team-a:*"),
            of_a_team("team-a"),
        ),
        Role(ACCOUNT, TEAM_B_ROLE, by_pods(StringEquals="system:serviceaccount:team-b:app"), of_a_team("team-b")),
        Role(ACCOUNT, ANY_POD_ROLE, by_pods(), [allow(PULL)]),
    ]


def _other_roles() -> list[Role]:
    trusted = {"RAM": [f"acs:ram::{ACCOUNT}:role/{name.lower()}" for name in (WORKER_ROLE, RRSA_ROLE)]}
    external = trust(trusted, {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}})
    return [
        Role(OTHER_ACCOUNT, CROSS_ACCOUNT_ROLE, trust(trusted), [allow(PULL)]),
        Role(OTHER_ACCOUNT, EXTERNAL_ID_ROLE, external, [allow(PULL)], max_session_duration=43200),
        Role(OTHER_ACCOUNT, "acr-strangers", trust({"RAM": [f"acs:ram::{OTHER_ACCOUNT}:root"]}), [allow(PULL)]),
    ]


def _instances() -> list[Instance]:
    """Forty names that contain `alpha` stand around, so that `alpha` itself is on the second page."""
    fillers = [
        instance(f"cri-filler{number:010}", f"team-{number:02}-alpha", REGION, ACCOUNT) for number in range(1, 41)
    ]
    alpha = instance(ALPHA, "alpha", REGION, ACCOUNT, "team/app", "team-a/app", "team-a/job", "team-b/app")
    alpha.domains.append(Domain(CUSTOM_DOMAIN, "internet", "USER"))
    alpha.repositories.append(Repository("open/tool", ACCOUNT, public=True))
    return [
        *fillers[:7],
        instance(ALPHABET, "alphabet", REGION, ACCOUNT, "team/app"),
        *fillers[7:35],
        alpha,
        *fillers[35:],
        instance(GAMMA, "gamma", "cn-shanghai", ACCOUNT, "team/app"),
        instance(PARTNER, "partner", REGION, OTHER_ACCOUNT, "shared/app"),
    ]


def _personal_repositories() -> list[Repository]:
    return [
        Repository("mine/app", ACCOUNT),
        Repository("theirs/app", OTHER_ACCOUNT),
        Repository("mine/open", ACCOUNT, public=True),
        Repository("acs/pause", ACK_ACCOUNT, public=True),
    ]


def _key_id() -> str:
    return "LTAI5t" + secrets.token_hex(9)


def _key_secret() -> str:
    return secrets.token_hex(15)
