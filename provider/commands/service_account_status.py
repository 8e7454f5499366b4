"""What `status` says of tokens of pods' ServiceAccounts. Pure; the API server is not asked."""

from typing import Literal

from provider.commands.service_account_advice import attribute_differences
from provider.config.values import Configuration
from provider.node.seen import Seen
from provider.node.token_attributes import ROLE, consequence, wanted
from provider.places import PROGRAM
from provider.pods import needed_by


def tokens(seen: Seen, configuration: Configuration) -> tuple[Literal["ok", "note", "wrong"], str] | None:
    """Return whether the kubelet's next start hands over what the configuration needs; None: nothing is to be said."""
    record, provider, wants = seen.record, seen.provider, wanted(configuration)
    if record is None:
        return None
    if record.delivery != "flags":
        if wants is None:
            return None
        detail = "config.json is for all pods of the node alike"
        return "wrong", f"{detail}: `{PROGRAM} install --delivery flags`; {consequence(configuration)}"
    if provider is None or provider.entry is None:
        # Said of the provider file itself.
        return None
    has = provider.entry.token_attributes
    difference = attribute_differences(has, wants)
    if not difference:
        return None if wants is None else ("ok", f"{provider.path} asks the kubelet for what this configuration needs")
    lead = f"{provider.path}: {difference}"
    if wants is not None and seen.tokens_obstacle:
        # Nothing is to be mended where the node's identity does as well.
        state: Literal["note", "wrong"] = "wrong" if needed_by(configuration) else "note"
        return state, f"{lead}; {seen.tokens_obstacle}, then `{PROGRAM} install`; {consequence(configuration)}"
    if wants == record.token_attributes:
        return "wrong", f"{lead}: `{PROGRAM} repair` mends it"
    if wants is not None and has is None:
        rbac = f"where ClusterRole {ROLE} and its binding are there"
        return "wrong", f"{lead}: `{PROGRAM} install` sets them {rbac}; {consequence(configuration)}"
    return "wrong", f"{lead}: `{PROGRAM} install` mends it"
