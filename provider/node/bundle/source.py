"""The bundle that runs now: what install puts on the node."""

import os
import sys
from dataclasses import dataclass

from provider.node.bundle.contents import LIBRARIES, NODE_FILES, SUMS, read
from provider.node.files import NodeError
from provider.places import PROGRAM
from provider.version import VERSION


@dataclass(frozen=True, slots=True)
class Source:
    """A bundle in a folder of this machine, wherever that is: unpacked, in an image, or installed."""

    folder: str
    version: str

    def node_files(self, below: str) -> dict[str, str]:
        """Return the texts in a folder of `node/`, by name. Raises NodeError."""
        folder = f"{self.folder}/{NODE_FILES}/{below}"
        try:
            names = sorted(os.listdir(folder))
        except OSError as error:
            raise NodeError(f"{folder}: {error.strerror}: this bundle is not whole") from None
        return {name: read(folder, name).decode() for name in names}


def source(libraries: str = "") -> Source:
    """Return the bundle that runs now. Raises NodeError where this is no frozen program.

    `libraries`: its folder of libraries, by default as PyInstaller's bootloader tells.
    """
    place = os.path.realpath(libraries or getattr(sys, "_MEIPASS", ""))
    folder, _, name = place.rpartition("/")
    if name != LIBRARIES or not os.path.exists(f"{folder}/{SUMS}"):
        raise NodeError(
            f"only the frozen program can be installed on a node, and this is none: unpack a release of {PROGRAM}, "
            "or make one of this source tree with `make build`"
        )
    return Source(folder, VERSION)
