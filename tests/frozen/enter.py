"""Runs a command where the bundle is installed and no network is: `python -m tests.frozen.enter COMMAND [...]`.

The bundle of dist/ stands at the place that its loader's path names, in mount, network and process namespaces that end
with the command. Nothing of the machine is written. Needs no root where user namespaces are allowed.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from provider.places import PROGRAM
from provider.version import VERSION

BUILT = Path(__file__).parents[2] / "dist" / PROGRAM
INSTALLED = Path("/opt") / PROGRAM / VERSION
METADATA = "100.100.100.200"
INSIDE = "--inside"

SIOCSIFADDR, SIOCSIFFLAGS, SIOCSIFNETMASK, IFF_UP = 0x8916, 0x8914, 0x891C, 1


def main(arguments: Sequence[str]) -> int:
    """Enter the namespaces and run the command; returns its exit status."""
    if not arguments:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    if arguments[0] == INSIDE:
        return inside(arguments[1:])
    if not (BUILT / PROGRAM).exists():
        sys.stderr.write(f"{BUILT} is not there: make build\n")
        return 2
    unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private"]
    if os.geteuid():
        unshare += ["--user", "--map-root-user"]
    # What tests leave goes with the run; inside, everybody is called root, whose folder may not be ours.
    with tempfile.TemporaryDirectory(prefix="frozen-") as folder:
        environment = {**os.environ, "PYTEST_DEBUG_TEMPROOT": folder}
        command = [*unshare, sys.executable, "-m", __spec__.name, INSIDE, *arguments]
        return subprocess.call(command, env=environment)


def inside(command: Sequence[str]) -> int:
    """Set the namespaces up and run the command in them."""
    mount("-t", "proc", "proc", "/proc")
    set_address("lo", "127.0.0.1")
    set_address("lo:metadata", METADATA)
    install(Path("/"), BUILT)
    environment = {**os.environ, "PROGRAM": str(INSTALLED / PROGRAM)}
    return subprocess.call(command, env=environment)


def mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True)


def install(root: Path, bundle: Path) -> None:
    """Put the bundle at its place under `root` by mounts alone; what else is under /opt stays there."""
    above = root / INSTALLED.relative_to("/").parts[0]
    found = sorted(above.iterdir())
    aside = root / "mnt"
    mount("--bind", above, aside)
    mount("-t", "tmpfs", "-o", "mode=755", "opt", above)
    for entry in found:
        if entry.name == PROGRAM or entry.is_symlink():
            continue
        if (aside / entry.name).is_dir():
            entry.mkdir()
        else:
            entry.touch()
        mount("--rbind", aside / entry.name, entry)
    subprocess.run(["umount", "--lazy", aside], check=True)
    place = root / INSTALLED.relative_to("/")
    place.mkdir(parents=True)
    mount("--bind", bundle, place)
    mount("-o", "remount,bind,ro", place)


def set_address(interface: str, address: str) -> None:
    """Give an interface an address, and take it up. On loopback all of 127.0.0.0/8 is there, of others the one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        name = interface.encode()
        fields = struct.pack("<16sHH4s8x", name, socket.AF_INET, 0, socket.inet_aton(address))
        fcntl.ioctl(control, SIOCSIFADDR, fields)
        if not address.startswith("127."):
            whole = struct.pack("<16sHH4s8x", name, socket.AF_INET, 0, b"\xff" * 4)
            fcntl.ioctl(control, SIOCSIFNETMASK, whole)
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("<16sH14x", name, IFF_UP))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
