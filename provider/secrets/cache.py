"""What is known of the cluster: a small value an object, kept in step by lists, watches and what we write."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from provider.kubernetes.names import FIELD_MANAGER, PREFIX
from provider.secrets.wire import NamespaceObject, SecretObject, ServiceAccountObject

SECRET_TYPE = "kubernetes.io/dockerconfigjson"  # noqa: S105
DATA_KEY = ".dockerconfigjson"
KEY, MARK, RENEW, END, SERVICE_ACCOUNTS = (
    f"{PREFIX}{name}" for name in ("key", "content", "renew", "end", "service-accounts")
)
"""Annotations of a Secret: what it was written from, and whom it was written for."""


class View(Protocol):
    """What all kinds have in common."""

    @property
    def namespace(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def version(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class NamespaceView:
    """A Namespace; its own name is the key, as for what is in it."""

    namespace: str
    name: str
    version: int
    terminating: bool


@dataclass(frozen=True, slots=True)
class AccountView:
    """A ServiceAccount."""

    namespace: str
    name: str
    version: int
    pulls: tuple[str, ...] | None
    """The names in imagePullSecrets, in order; None where there is no list."""


@dataclass(frozen=True, slots=True)
class SecretView:
    """The Secret of our name in a namespace, whoever wrote it."""

    namespace: str
    name: str
    version: int
    is_ours: bool
    """Whether the docker config in it is ours alone, by the API server's own record (`managedFields`).

    That record decides whether an apply conflicts, too, so we never judge otherwise than the server will; a label
    would stay when another writer replaces the data.
    """
    other: str
    """Who else wrote it; empty where nobody knows."""
    has_type: bool
    immutable: bool
    deleting: bool
    key: str
    mark: str
    renew: int
    end: int
    """0: nobody knows, or there are no logins in it."""
    service_accounts: str
    """Whose entries were added because of it, as Selection writes itself; others' entries are users' own."""


def namespace_view(found: NamespaceObject) -> NamespaceView:
    """Return what is kept of a Namespace."""
    metadata = found.metadata
    name = sys.intern(metadata.name)
    return NamespaceView(name, name, int(metadata.resourceVersion), metadata.deletionTimestamp is not None)


def account_view(found: ServiceAccountObject) -> AccountView:
    """Return what is kept of a ServiceAccount."""
    metadata, pulls = found.metadata, found.imagePullSecrets
    names = None if pulls is None else tuple(sys.intern(reference.name) for reference in pulls)
    return AccountView(sys.intern(metadata.namespace), sys.intern(metadata.name), int(metadata.resourceVersion), names)


def secret_view(found: SecretObject) -> SecretView:
    """Return what is kept of a Secret."""
    metadata, said = found.metadata, found.metadata.annotations
    writers = {(entry.manager, entry.operation) for entry in metadata.managedFields
               if f"f:{DATA_KEY}" in entry.fieldsV1.data}  # fmt: skip
    others = sorted(manager for manager, operation in writers if (manager, operation) != (FIELD_MANAGER, "Apply"))
    return SecretView(
        namespace=sys.intern(metadata.namespace),
        name=metadata.name,
        version=int(metadata.resourceVersion),
        is_ours=bool(writers) and not others,
        other=others[0] if others else "",
        has_type=found.type == SECRET_TYPE,
        immutable=found.immutable,
        deleting=metadata.deletionTimestamp is not None,
        key=said.get(KEY, ""),
        mark=said.get(MARK, ""),
        renew=_number(said.get(RENEW, "")),
        end=_number(said.get(END, "")),
        service_accounts=said.get(SERVICE_ACCOUNTS, ""),
    )


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


Kept = TypeVar("Kept", bound=View)


class Store(Generic[Kept]):
    """All objects of one kind, by namespace and name. What is older than what is known is dropped.

    resourceVersions of one kind can be compared as numbers: so our own writes' answers and the watch may come in any
    order.
    """

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Kept]] = {}
        self._last_removal = 0
        self._last_list = 0
        self.is_synced = False

    def __len__(self) -> int:
        return sum(map(len, self._kept.values()))

    def namespaces(self) -> Iterable[str]:
        """Return the namespaces that hold something."""
        return self._kept.keys()

    def of(self, namespace: str) -> Mapping[str, Kept]:
        """Return what a namespace holds, by name."""
        return self._kept.get(namespace, {})

    def put(self, view: Kept) -> bool:
        """Take what a watch says; tell whether it is news."""
        known = self.of(view.namespace).get(view.name)
        if known is not None and known.version >= view.version:
            return False
        self._kept.setdefault(view.namespace, {})[view.name] = view
        return True

    def answered(self, view: Kept) -> None:
        """Take what a write or a read was answered with, unless the object may have been removed since."""
        if view.name in self.of(view.namespace) or view.version > self._last_removal:
            self.put(view)

    def remove(self, view: Kept) -> bool:
        """Take it that an object has gone, as of `view`'s version; tell whether it was there."""
        self._last_removal = max(self._last_removal, view.version)
        inside = self._kept.get(view.namespace, {})
        known = inside.get(view.name)
        if known is None or known.version > view.version:
            return False
        del inside[view.name]
        if not inside:
            del self._kept[view.namespace]
        return True

    def replace(self, views: Iterable[Kept], version: int) -> set[str]:
        """Take a whole list, read as of `version`; return the namespaces in which something is different.

        One that is older than the last list shows that the cluster was restored to what it was before: it alone counts.
        """
        before, self._kept = self._kept, {}
        is_restored, self._last_list = version < self._last_list, version
        self._last_removal = version if is_restored else max(self._last_removal, version)
        for view in views:
            self._kept.setdefault(view.namespace, {})[view.name] = view
        for inside in before.values():
            for known in inside.values():
                # Written by us while the list was on its way.
                if known.version > version and not is_restored:
                    self.put(known)
        self.is_synced = True
        return {space for space in before.keys() | self._kept.keys() if before.get(space) != self._kept.get(space)}


class Cache:
    """The three kinds."""

    def __init__(self) -> None:
        self.namespaces: Store[NamespaceView] = Store()
        self.accounts: Store[AccountView] = Store()
        self.secrets: Store[SecretView] = Store()

    @property
    def is_synced(self) -> bool:
        """Whether all of the cluster has been read once."""
        return self.namespaces.is_synced and self.accounts.is_synced and self.secrets.is_synced
