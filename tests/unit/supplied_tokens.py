"""A writer's folders, and a token as the child leaves it there."""

from pathlib import Path

from provider.places import Places
from provider.secrets.content import Token

NOW = 1_800_000_000


def places_in(folder: Path) -> Places:
    """The places below a state directory of their own."""
    state = folder / "state"
    state.mkdir(mode=0o700)
    options = {"--config": "config.yaml", "--local": "local.yaml", "--state-dir": ".", "--data-dir": "data"}
    return Places({name: str(state / path) for name, path in options.items()})


def token(end: int = NOW + 3600) -> Token:
    return Token("key", "target", ("a.example.com",), "user", "pass", "source", 900, NOW - 60, end - 900, end)
