"""The node's identities in step with what is mounted: the managed role's session, and the token for RRSA.

They are credentials: no value is ever told, and a target is root's alone. What is no longer mounted is taken away: a
session that is missing is an error of whoever asks for it, never a reason to take another identity.
"""

import base64
import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from provider.agent.node_volume import read_key
from provider.kubernetes.names import MANAGED_ROLE_KEY, MANAGED_ROLE_SECRET
from provider.node.files import File, NodeError, Tree, unlink
from provider.node.private_folder import make_private

MODE = 0o600
MALFORMED = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)
"""What comes of reading what has another form."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What is copied: from a key of a mounted folder, to a file among the identities."""

    name: str
    """In metrics."""
    what: str
    folder: str
    """Below the one that everything is mounted in."""
    key: str
    target: str
    end: Callable[[bytes], float | None]
    """Tells when a value ends, in seconds since the epoch; None where it does not say."""


def end_of_managed_role(value: bytes) -> float | None:
    """Return when the managed role's session ends, as its Secret says in plain; None where it has none."""
    with contextlib.suppress(*MALFORMED):
        fields = json.loads(value)
        if not fields.get("error"):
            return _seconds(fields["expiration"])
    return None


def end_of_token(value: bytes) -> float | None:
    """Return when a JWT ends; it is not verified, which is for whoever takes it."""
    with contextlib.suppress(*MALFORMED):
        payload = value.split(b".")[1]
        end = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))["exp"]
        return float(end) if not isinstance(end, bool) else None
    return None


MANAGED_ROLE = Identity(
    "managed-role",
    f"the managed role's session (Secret {MANAGED_ROLE_SECRET})",
    "managed-role",
    MANAGED_ROLE_KEY,
    "managed-role.json",
    end_of_managed_role,
)
RRSA = Identity("rrsa", "the token for RRSA", "rrsa", "token", "rrsa-token", end_of_token)
IDENTITIES = (MANAGED_ROLE, RRSA)


class Identities:
    """The files in `folder`, kept what is mounted below `mounts`, round by round."""

    def __init__(self, mounts: str, folder: str) -> None:
        self._mounts = mounts
        self._folder = folder
        self._missing: set[str] = set()

    def put(self, identity: Identity) -> float | None:
        """Do as `put_identity` does, but take a file away only when two rounds, one after the other, find nothing."""
        value = _mounted(identity, self._mounts)
        if value is None and identity.name not in self._missing:
            self._missing.add(identity.name)
            return None
        if value is not None:
            self._missing.discard(identity.name)
        return _put(identity, value, self._folder, Tree())


def put_identity(identity: Identity, mounts: str, folder: str, tree: Tree | None = None) -> float | None:
    """Make the file in `folder` (of the tree) what is mounted below `mounts`, or take it away where nothing is.

    Returns when the identity ends, in seconds since the epoch: None where there is none, or it does not say.
    Raises NodeError, which quotes nothing.
    """
    return _put(identity, _mounted(identity, mounts), folder, tree or Tree())


def take_identities_back(folder: str) -> None:
    """Take all of them away. Raises NodeError."""
    for identity in IDENTITIES:
        target = f"{folder}/{identity.target}"
        try:
            unlink(target)
        except OSError as error:
            raise NodeError(f"{target}: {error.strerror}") from None


def _mounted(identity: Identity, mounts: str) -> bytes | None:
    folder = f"{mounts}/{identity.folder}"
    try:
        return read_key(folder, identity.key)
    except OSError as error:
        raise _not_in_step(identity, error, folder) from None


def _put(identity: Identity, value: bytes | None, folder: str, tree: Tree) -> float | None:
    target = f"{folder}/{identity.target}"
    try:
        if value is None:
            unlink(tree.at(target))
            return None
        make_private(tree.at(folder))
        wanted = File(value, MODE, os.geteuid(), os.getegid())
        if _state(tree, target) != wanted:
            tree.put(target, wanted)
    except OSError as error:
        raise _not_in_step(identity, error, target) from None
    return identity.end(value)


def _not_in_step(identity: Identity, error: OSError, path: str) -> NodeError:
    return NodeError(f"{identity.what} is not in step: {error.filename or path}: {error.strerror}")


def _state(tree: Tree, path: str) -> object:
    try:
        return tree.state(path)
    except NodeError:
        # What may not be read is replaced.
        return None


def _seconds(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
