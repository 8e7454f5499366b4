"""Where the tokens are between two runs of the child: a file below the state directory, this user's alone."""

from collections.abc import Iterable

from provider.answers import read_private
from provider.errors import ProviderError
from provider.places import Places
from provider.secrets.content import Token, dump, parse
from provider.store import write_private

NAME = "tokens.json"


def read_tokens(places: Places) -> tuple[Token, ...]:
    """Return the tokens that are there; none where the file is not ours alone, or damaged."""
    return parse(read_private(f"{places.state}/{NAME}"))


def write_tokens(places: Places, tokens: Iterable[Token]) -> None:
    """Put the tokens there, as a whole. Raises ProviderError."""
    path = f"{places.state}/{NAME}"
    if not write_private(path, dump(tokens)):
        raise ProviderError(f"{path} cannot be written: is it this user's own, and is there space?")
