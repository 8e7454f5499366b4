"""What is known of the node from an earlier run, so that it need not be asked again."""

from typing import NamedTuple

from provider.registries import is_region


class NodeFacts(NamedTuple):
    """What the metadata service said. Empty where it was not asked."""

    region: str = ""
    role: str = ""
    """The name of the node's RAM role."""
    token_mode: bool = False
    """Whether the service gave a token when `role` was asked for."""


NOTHING_KNOWN = NodeFacts()


def facts_of(value: object) -> NodeFacts:
    """Return the facts that a JSON value holds; none for anything else."""
    match value:
        case [str(region), str(role), bool(token_mode)] if is_region(region) or not region:
            return NodeFacts(region, role, token_mode)
    return NOTHING_KNOWN
