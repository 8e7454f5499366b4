"""A network of its own for a scenario: the real host names, the real ports, and a DNS server that may stay silent.

A scenario is a function `(network, directory)`, run in a process that has left the machine's network: loopback alone
is left, with the addresses that the scenario needs. The nameservers that this machine is set to ask are ours in there.
As root that takes nothing else; others need user namespaces, which not every machine (and no chroot) allows.
"""

import contextlib
import ctypes
import fcntl
import importlib
import os
import re
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLOUD_ADDRESS = "10.0.0.9"
EMPTY_ADDRESS = "10.0.0.8"
"""An address where nothing listens."""
METADATA_ADDRESS = "100.100.100.200"
UNAVAILABLE = 77

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCSIFFLAGS, SIOCSIFADDR = 0x8914, 0x8916
IFF_UP = 0x1


class Unavailable(Exception):
    """This machine does not let us do it; the text says what is missing."""


class Network:
    """The network of one scenario, as the process in it sees it."""

    def __init__(self) -> None:
        self.address: str | None = CLOUD_ADDRESS
        """What every name is answered with; None: there is no such name."""
        self.silent = False
        """Whether the DNS server answers nothing at all."""
        self.asked: list[str] = []
        """The names that were asked for."""

    def enter(self) -> None:
        """Leave the machine's network. Raises Unavailable."""
        user, group = os.geteuid(), os.getegid()
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET | (CLONE_NEWUSER if user else 0)):
            what = "network namespaces" if user == 0 else "user namespaces"
            raise Unavailable(f"no {what} here: {os.strerror(ctypes.get_errno())}")
        if user:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"0 {user} 1")
            Path("/proc/self/gid_map").write_text(f"0 {group} 1")
        servers = nameservers()
        if not servers:
            raise Unavailable("no IPv4 nameserver in resolv.conf")
        own = [CLOUD_ADDRESS, EMPTY_ADDRESS, METADATA_ADDRESS]
        _bring_up(*own, *(server for server in servers if not server.startswith("127.")))
        for server in servers:
            dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            dns.bind((server, 53))
            threading.Thread(target=self._serve, args=(dns,), daemon=True).start()
        with contextlib.suppress(OSError):
            socket.getaddrinfo("a-first-question.example", 443)
        if not self.asked:
            raise Unavailable("names are not looked up by DNS here (nsswitch.conf)")
        self.asked.clear()

    def _serve(self, dns: socket.socket) -> None:
        while True:
            query, sender = dns.recvfrom(4096)
            name, kind, end = _question(query)
            self.asked.append(name)
            if not self.silent:
                dns.sendto(_dns_answer(query[:end], self.address, of_type_a=kind == 1), sender)


def nameservers() -> list[str]:
    """The IPv4 nameservers that the C library asks, in its order."""
    try:
        text = Path("/etc/resolv.conf").read_text()
    except OSError:
        text = ""
    found = re.findall(r"^nameserver\s+(\S+)", text, re.MULTILINE)[:3]
    return [server for server in found or ["127.0.0.1"] if ":" not in server]


def _bring_up(*addresses: str) -> None:
    """Bring loopback up with more addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))
        for number, address in enumerate(dict.fromkeys(addresses), 1):
            place = struct.pack("hH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
            fcntl.ioctl(control, SIOCSIFADDR, struct.pack("16s16s8x", f"lo:{number}".encode(), place))


def _question(query: bytes) -> tuple[str, int, int]:
    """The name that a DNS query asks for, the type, and where the question ends."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii"))
        at += 1 + query[at]
    return ".".join(labels).lower(), int.from_bytes(query[at + 1 : at + 3], "big"), at + 5


def _dns_answer(question: bytes, address: str | None, *, of_type_a: bool) -> bytes:
    answered = address is not None and of_type_a
    flags = 0x8180 if address is not None else 0x8183  # NXDOMAIN
    head = question[:2] + struct.pack("!HHHHH", flags, 1, int(answered), 0, 0)
    record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton(address or "") if answered else b""
    return head + question[12:] + record


Scenario = Callable[[Network, Path], None]


def start(scenario: Scenario, directory: Path) -> subprocess.Popen[str]:
    """Start a scenario, a function of a module."""
    directory.mkdir()
    command = [sys.executable, "-m", __name__, scenario.__module__, scenario.__name__, str(directory)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(started: subprocess.Popen[str], timeout: float) -> None:
    """Wait for a scenario; its failure is the test's, and where it cannot be run at all, the test is skipped."""
    try:
        stdout, stderr = started.communicate(timeout=timeout)
    finally:
        started.kill()
        started.wait(10)
    if started.returncode == UNAVAILABLE:
        pytest.skip(stdout.strip())
    assert started.returncode == 0, stderr


def run(scenario: Scenario, directory: Path, timeout: float = 60) -> None:
    """Run a scenario to its end."""
    finish(start(scenario, directory), timeout)


def _main(module: str, name: str, directory: str) -> int:
    network = Network()
    try:
        network.enter()
    except Unavailable as missing:
        print(missing)
        return UNAVAILABLE
    getattr(importlib.import_module(module), name)(network, Path(directory))
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
