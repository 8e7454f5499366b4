from datetime import date

import pytest

from provider.config.values import AccessKey, Configuration, Instance, Rrsa
from provider.errors import ConfigurationError
from provider.identity.chain import Chain, choose

OLD, NEW = date(2023, 4, 2), date(2023, 4, 3)
KEY = AccessKey("LTAI-example", "secret-example")
ROLE, RRSA_ROLE, OTHER_RRSA_ROLE = (f"acs:ram::1:role/{name}" for name in ("b", "rrsa", "other"))
PROVIDER, OTHER_PROVIDER = (f"acs:ram::1:oidc-provider/ack-rrsa-{name}" for name in ("c1", "c2"))

BARE = Instance("cri-a")
WITH_KEY = Instance("cri-a", access_key=KEY)
WITH_ROLE = Instance("cri-a", assume_role_arn=ROLE, expire_duration=7200, external_id="agreed")
WITH_RRSA = Instance("cri-a", rrsa_role_arn=RRSA_ROLE, rrsa_oidc_provider_arn=PROVIDER)
WITH_BOTH = Instance("cri-a", rrsa_role_arn=RRSA_ROLE, rrsa_oidc_provider_arn=PROVIDER, assume_role_arn=ROLE)
RRSA_ALONE = Instance("cri-a", rrsa_role_arn=RRSA_ROLE)

ON_ROLE = Chain("workerRole", assume_role_arn=ROLE, duration=7200, external_id="agreed")
ON_RRSA = Chain("rrsa", rrsa_role_arn=RRSA_ROLE, rrsa_oidc_provider_arn=PROVIDER)

CHAINS = [
    ("auto, old cluster", Configuration(), BARE, OLD, Chain("workerRole")),
    ("auto, first new cluster", Configuration(), BARE, NEW, Chain("managedRole")),
    ("auto, date unknown", Configuration(), BARE, None, Chain("workerRole")),
    ("worker role", Configuration(token_mode="workerRole"), BARE, NEW, Chain("workerRole")),
    ("managed role", Configuration(token_mode="managedRole"), BARE, OLD, Chain("managedRole")),
    ("key pair", Configuration(), WITH_KEY, NEW, Chain("customAccessKey", access_key=KEY)),
    (
        "key pair beside the role of all",
        Configuration(rrsa=Rrsa(True, RRSA_ROLE, PROVIDER)),
        WITH_KEY,
        NEW,
        Chain("customAccessKey", access_key=KEY),
    ),
    ("role on the worker role", Configuration(), WITH_ROLE, NEW, ON_ROLE),
    ("RRSA of the item, rrsa not written", Configuration(), WITH_RRSA, NEW, ON_RRSA),
    ("RRSA of the item, enabled", Configuration(rrsa=Rrsa(enable=True)), WITH_RRSA, NEW, ON_RRSA),
    ("RRSA of the item, disabled", Configuration(rrsa=Rrsa(enable=False)), WITH_RRSA, NEW, Chain("managedRole")),
    (
        "RRSA for all",
        Configuration(rrsa=Rrsa(enable=True, role_arn=RRSA_ROLE, oidc_provider_arn=PROVIDER)),
        BARE,
        NEW,
        ON_RRSA,
    ),
    (
        "RRSA for all, not enabled",
        Configuration(rrsa=Rrsa(role_arn=RRSA_ROLE, oidc_provider_arn=PROVIDER)),
        BARE,
        OLD,
        Chain("workerRole"),
    ),
    (
        "the item's role and provider before those for all",
        Configuration(rrsa=Rrsa(enable=True, role_arn=OTHER_RRSA_ROLE, oidc_provider_arn=OTHER_PROVIDER)),
        WITH_RRSA,
        NEW,
        ON_RRSA,
    ),
    ("the provider for all", Configuration(rrsa=Rrsa(oidc_provider_arn=PROVIDER)), RRSA_ALONE, NEW, ON_RRSA),
    (
        "role on RRSA, managed role written out",
        Configuration(token_mode="managedRole"),
        WITH_BOTH,
        NEW,
        Chain("rrsa", rrsa_role_arn=RRSA_ROLE, rrsa_oidc_provider_arn=PROVIDER, assume_role_arn=ROLE),
    ),
    (
        "enabled, and another item has the role",
        Configuration(instances=(BARE, WITH_RRSA), rrsa=Rrsa(enable=True)),
        BARE,
        NEW,
        Chain("managedRole"),
    ),
    ("pull-only", Configuration(session_policy="pull-only"), BARE, NEW, Chain("managedRole", pull_only=True)),
]


@pytest.mark.parametrize(
    ("configuration", "instance", "created", "expected"), [row[1:] for row in CHAINS], ids=[row[0] for row in CHAINS]
)
def test_chains(configuration: Configuration, instance: Instance, created: date | None, expected: Chain) -> None:
    assert choose(configuration, instance, created) == expected


ERRORS = [
    ("managed role cannot assume", Configuration(token_mode="managedRole"), WITH_ROLE, "cannot assume roles"),
    ("enabled without a role", Configuration(rrsa=Rrsa(enable=True)), BARE, "add rrsaRoleARN"),
    ("no provider", Configuration(), RRSA_ALONE, "rrsaOIDCProviderRoleARN"),
    ("key and role", Configuration(), Instance("cri-a", access_key=KEY, assume_role_arn=ROLE), "keep one"),
    ("key and RRSA", Configuration(), Instance("cri-a", access_key=KEY, rrsa_role_arn=RRSA_ROLE), "keep one"),
]


@pytest.mark.parametrize(
    ("configuration", "instance", "said"), [row[1:] for row in ERRORS], ids=[row[0] for row in ERRORS]
)
def test_what_cannot_be_is_a_configuration_error(configuration: Configuration, instance: Instance, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as raised:
        choose(configuration, instance, NEW)
    assert KEY.access_key_secret not in str(raised.value)


def test_only_sessions_that_we_assume_ourselves_are_narrowed() -> None:
    assert Chain("rrsa", pull_only=True).is_narrowed
    assert Chain("workerRole", assume_role_arn=ROLE, pull_only=True).is_narrowed
    assert not Chain("workerRole", pull_only=True).is_narrowed
    assert not Chain("managedRole", pull_only=True).is_narrowed
    assert not Chain("rrsa").is_narrowed
