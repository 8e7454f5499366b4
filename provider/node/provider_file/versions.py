"""From which version of the kubelet what of a provider file is known or checked. Later ones are as the newest named."""

from provider.node.kubelet_version import Version

CONFIG_GROUP = "kubelet.config.k8s.io"
PROVIDER_GROUP = "credentialprovider.kubelet.k8s.io"

FIRST = Version(1, 24, 0)
"""The first kubelet that runs credential providers without a feature gate."""
V1 = Version(1, 26, 0)
STRICT = Version(1, 32, 0)
"""Unknown, repeated and differently cased fields are errors from here on; before, they are left out without a word."""
TOKENS_KNOWN = Version(1, 33, 0)
TOKENS = Version(1, 34, 0)
"""tokenAttributes with cacheType. 1.33 knows them behind a gate that is off, 1.32 as an unknown field, older ones not
at all."""
DIRECTORIES = Version(1, 34, 0)
"""The flag may name a directory."""

_API_VERSIONS = (("v1", V1), ("v1beta1", FIRST), ("v1alpha1", Version(1, 20, 0)))


def api_versions(group: str, version: Version) -> tuple[str, ...]:
    """Return what a kubelet takes as apiVersion, newest first."""
    return tuple(f"{group}/{name}" for name, since in _API_VERSIONS if version >= since)


def newest_api(group: str, version: Version) -> str:
    """Return the apiVersion to write for a kubelet. Below 1.20 there is none that it knows."""
    return next(iter(api_versions(group, version)), f"{group}/v1alpha1")
