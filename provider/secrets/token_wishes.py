"""Whom the configuration wants tokens of, for which hosts, and which of those that are there will do. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from provider.config.values import Configuration, Instance, Local
from provider.registries import classify
from provider.secrets.content import Token, hashed

AHEAD_SECONDS = 600
"""What is due within that time is renewed together with what is due now: a renewal writes every Secret."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One token that is wanted."""

    instance: Instance
    """The item of the configuration, which says with which identity."""
    region: str
    """Empty: the cluster's own."""
    hosts: tuple[str, ...]
    """Empty: all of the instance, or of Personal Edition in that region."""
    key: str
    """`Token.key`."""
    is_default: bool = False
    """Nobody configured it."""

    @property
    def target(self) -> str:
        """What people call it."""
        edition = f"instance {self.instance.instance_id}" if self.instance.instance_id else "Personal Edition"
        return f"{edition} in {self.region}" if self.region else edition


def wishes_of(configuration: Configuration, local: Local, created: str) -> tuple[Wish, ...]:
    """Return the tokens that are wanted, in the order of the configuration.

    `created`: the cluster's date, which decides about the identity. Without any item it is Personal Edition of the
    cluster's own region, as for everybody who has `acr-registry-info` empty; not with `discovery: off`.
    """
    whole = {
        "token-mode": configuration.token_mode,
        "rrsa": asdict(configuration.rrsa),
        "session-policy": configuration.session_policy,
        "created": created,
        "local": asdict(local),
    }

    def wish(item: Instance, region: str, hosts: tuple[str, ...], *, is_default: bool = False) -> Wish:
        # A key pair is known by its id alone.
        pair = item.access_key.access_key_id if item.access_key else ""
        who = asdict(item) | {"domains": (), "access_key": pair}
        return Wish(item, region, hosts, hashed([who, region, hosts, whole]), is_default)

    if not configuration.instances:
        return (wish(Instance(), "", (), is_default=True),) if configuration.discovery else ()
    found = (
        wish(item, region, hosts) for item in configuration.instances for region, hosts in _by_region(item).items()
    )
    return tuple({each.key: each for each in found}.values())


def _by_region(item: Instance) -> dict[str, tuple[str, ...]]:
    """Return an item's hosts by the region they are asked for in."""
    written = [getattr(classify(host), "region", "") for host in item.domains]
    if item.region or not item.domains:
        return {item.region: item.domains}
    if item.instance_id:
        return {next(filter(None, written), ""): item.domains}
    return {
        region: tuple(host for host, where in zip(item.domains, written, strict=True) if where == region)
        for region in dict.fromkeys(written)
    }


def kept_for(wish: Wish, tokens: Iterable[Token], now: float) -> Token | None:
    """Return a token that is there and still valid for a wish: of the same identity, or else of the same target."""
    valid = [token for token in tokens if token.is_valid(now) and wish.target == token.target]
    return next((token for token in valid if token.key == wish.key), next(iter(valid), None))


def due(wishes: Iterable[Wish], tokens: Iterable[Token], threshold: int, now: float, *, every: bool) -> list[Wish]:
    """Return the wishes for which a new token is to be asked now. `every`: for all of them, due or not."""
    known = tuple(tokens)
    late = list(_not_fresh(wishes, known, threshold, now, ahead=0))
    if every:
        return list(wishes)
    return list(_not_fresh(wishes, known, threshold, now, ahead=AHEAD_SECONDS)) if late else []


def _not_fresh(
    wishes: Iterable[Wish], tokens: tuple[Token, ...], threshold: int, now: float, ahead: float
) -> Iterator[Wish]:
    by_key = {token.key: token for token in tokens}
    for wish in wishes:
        token = by_key.get(wish.key)
        if token is None or token.threshold != threshold or not token.is_fresh(now, ahead):
            yield wish
