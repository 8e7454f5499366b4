"""Versions of Kubernetes, as the programs of a node tell them."""

import re
from typing import NamedTuple

# "go1.24.4" in the second line of k3s is none, hence the look behind.
_VERSION = re.compile(r"(?<![\w.])v?(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})(?![\w.])")


class Version(NamedTuple):
    """A version, in the order of releases; what distributions add (`+k3s1`, `-aliyun.1`) does not count."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        """Return it as people write it: 1.34.4."""
        return f"{self.major}.{self.minor}.{self.patch}"


def parse(text: str) -> Version | None:
    """Return the first version in what `kubelet --version` or `k3s --version` says; None where there is none."""
    match = _VERSION.search(text)
    return Version(int(match[1]), int(match[2]), int(match[3])) if match else None
