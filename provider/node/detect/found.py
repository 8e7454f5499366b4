"""What detection finds on a node, and what it says where it finds nothing or too much."""

from dataclasses import dataclass, field
from typing import Literal

from provider.errors import ProviderError
from provider.node.files import NodeError
from provider.node.kubelet_version import Version

System = Literal["ack", "kubeadm", "k3s", "rke2", "custom"]


class NotForThisNode(NodeError):
    """The node can never have it, as it is; `agent place` takes that from the exit status."""

    exit_status = 3


class NoKubelet(NotForThisNode):
    """No unit of this node starts a kubelet."""


class NotUnderstood(ProviderError):
    """How this node starts its kubelet cannot be told, or not be changed, with certainty: nothing is touched."""


@dataclass(frozen=True, slots=True)
class Flags:
    """The values of `--image-credential-provider-config` and `--image-credential-provider-bin-dir`; empty: not set."""

    config: str = ""
    bin_dir: str = ""


@dataclass(frozen=True, slots=True)
class Process:
    """The process that the kubelet is, or is a part of (k3s). `started`: seconds since the epoch, to some 20 ms.

    Its command line is not in repr: that of k3s may hold the cluster's token.
    """

    pid: int
    started: float
    command_line: tuple[str, ...] = field(repr=False)
    executable: str


@dataclass(frozen=True, slots=True)
class Found:
    """A node's kubelet. Paths are as the node sees them."""

    system: System
    unit: str
    """The systemd unit that a restart of the kubelet restarts."""
    executable: str
    """What the unit runs; of k3s and RKE2 that program, not the kubelet in it."""
    version: Version | None
    """That of the executable on disk, which the next start runs; None where it does not tell."""
    process: Process | None
    flags: Flags
    """As the next start will have them. Where a script starts the kubelet: as the running process has them."""
    live: Flags | None
    """Those of the running process; None where none runs, and for k3s, whose kubelet has no command line."""
    health_url: str
    """Empty where the kubelet's health port is off."""
    root_dir: str
    kubeconfig: str
    """Empty where none is named."""
    command_line: tuple[str, ...] = field(repr=False)
    """Of the next start; k3s and RKE2: the program, and those arguments that matter here, its files' first.

    Empty where a script starts the kubelet and none runs.
    """
    teller: str = ""
    """The program whose `--version` counts: `executable`, or what runs where a script starts it; empty for none."""
