"""The few fields that are read of what the API server sends; all else is skipped while it is decoded.

A Secret's `data` is not among them, so no token of another writer is ever in memory longer than its text.
"""

from typing import Any

import msgspec
from lightkube.core.resource import GlobalResource, NamespacedResourceG
from lightkube.resources import core_v1


class Metadata(msgspec.Struct):
    """What every object has; a bookmark has the version alone."""

    resourceVersion: str  # noqa: N815
    name: str = ""
    namespace: str = ""
    deletionTimestamp: str | None = None  # noqa: N815


class OwnedFields(msgspec.Struct):
    """The fields of a Secret that one manager owns, of which only the keys of `data` are looked at."""

    data: dict[str, Any] = msgspec.field(name="f:data", default_factory=dict)


class ManagedFields(msgspec.Struct):
    """What one manager did."""

    manager: str = ""
    operation: str = ""
    fieldsV1: OwnedFields = msgspec.field(default_factory=OwnedFields)  # noqa: N815


class SecretMetadata(Metadata):
    """A Secret's."""

    annotations: dict[str, str] = msgspec.field(default_factory=dict)
    managedFields: list[ManagedFields] = msgspec.field(default_factory=list)  # noqa: N815


class Reference(msgspec.Struct):
    """One of imagePullSecrets; the name may be missing."""

    name: str = ""


class NamespaceObject(GlobalResource, msgspec.Struct):
    """A Namespace."""

    metadata: Metadata


class ServiceAccountObject(NamespacedResourceG, msgspec.Struct):
    """A ServiceAccount."""

    metadata: Metadata
    imagePullSecrets: list[Reference] | None = None  # noqa: N815


class SecretObject(NamespacedResourceG, msgspec.Struct):
    """A Secret, without what is in it."""

    metadata: SecretMetadata
    type: str = ""
    immutable: bool = False


class ConfigMapObject(NamespacedResourceG, msgspec.Struct):
    """A ConfigMap."""

    metadata: Metadata
    data: dict[str, str] = msgspec.field(default_factory=dict)


class Status(msgspec.Struct):
    """What an ERROR of a watch carries."""

    code: int = 0
    reason: str = ""


class WatchEvent(msgspec.Struct):
    """One line of a watch."""

    type: str
    object: msgspec.Raw


NamespaceObject._api_info = core_v1.Namespace._api_info
ServiceAccountObject._api_info = core_v1.ServiceAccount._api_info
SecretObject._api_info = core_v1.Secret._api_info
ConfigMapObject._api_info = core_v1.ConfigMap._api_info
