"""A node with a kubelet that runs, for `status` and `doctor`: files and processes in namespaces of their own.

The kubelet is a stand-in that says its version and that it is well; `systemctl` and `journalctl` print what a test
wrote. Everything that the program reads of the node is real: files, /proc, the process's start, its healthz.
`python -m tests.integration.kubelet_node DIRECTORY COMMAND...` runs inside. Needs root, or user namespaces.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from provider.node.bundle.contents import program_for
from provider.node.files import File
from provider.node.kubelet_version import Version
from provider.node.provider_file.entry import Entry, match_images, own_file
from provider.node.record import INSTALLED, Kept, Record, kept_state
from provider.places import PROGRAM
from provider.version import VERSION
from tests.integration.node import ROOT
from tests.unit import fake_bundle

PLACES = ("/etc/systemd", "/mnt", "/var/lib", "/run", "/usr/local/sbin")
"""What is the node's own; the rest is the machine's, and nobody writes there."""

PREFIX = f"/mnt/{PROGRAM}"
PROVIDER_FILE = "/mnt/etc/CredentialProviderConfig.yaml"
KUBELET, MAIN = "/mnt/kubelet/kubelet", "/mnt/kubelet/main.py"
UNIT = "/etc/systemd/system/kubelet.service"
GUARD = f"{UNIT}.d/90-{PROGRAM}-guard.conf"
JOURNAL, UNITS = "/mnt/journal", "/mnt/units"
HEALTHZ = 10248

VERSION_SAID = ".".join(str(part) for part in sys.version_info[:3])
"""What the stand-in says of itself: it is this Python under another name, since a script is not taken for a kubelet."""

_MAIN = f"""\
import http.server
class Healthz(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *arguments): pass
http.server.HTTPServer(("127.0.0.1", {HEALTHZ}), Healthz).serve_forever()
"""


class KubeletNode:
    """The files of the node below a directory; `at` says where one is out here."""

    inside = "tests.integration.kubelet_node"
    """The module that runs in the namespaces."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        for place in PLACES:
            self.at(place).mkdir(parents=True)
        self.at("/run/systemd/system").mkdir(parents=True)
        self.arguments = ""
        self.flags = {"config": PROVIDER_FILE, "bin-dir": f"{PREFIX}/bin"}
        self.write(MAIN, _MAIN)
        shutil.copy(os.path.realpath(sys.executable), self.at(KUBELET))
        self.write(JOURNAL, "")
        self.write(UNITS, "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n")
        self.write("/usr/local/sbin/systemctl", f"#!/bin/sh\ncat {UNITS}\n", 0o755)
        self.write("/usr/local/sbin/journalctl", f"#!/bin/sh\ncat {JOURNAL}\n", 0o755)

    def at(self, path: str) -> Path:
        return self.directory / path.lstrip("/")

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        place = self.at(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(mode)

    def install(self, *domains: str, placed: float | None = None) -> None:
        """Put there what an install leaves, with a program that runs but is no bundle's."""
        for path in (self.at(PREFIX), self.at(f"{PREFIX}/bin")):
            path.mkdir(mode=0o755)
        program = self.at(f"{PREFIX}/{VERSION}/{PROGRAM}")
        fake_bundle.make(program.parent, VERSION)
        program.write_bytes(program_for(program.read_bytes(), PREFIX, VERSION))
        self.at(f"{PREFIX}/current").symlink_to(VERSION)
        self.write(f"{PREFIX}/bin/{PROGRAM}", f"#!/bin/sh\necho {PROGRAM} {VERSION}\n", 0o755)
        self.write(PROVIDER_FILE, own_file(Entry(match_images(domains)), Version(1, 34, 4)).decode())
        self.write(GUARD, "[Service]\n")
        # Inside, whoever runs the tests is called root.
        guard = kept_state(File(b"[Service]\n"))
        record = Record(
            program=VERSION,
            prefix=PREFIX,
            delivery="flags",
            mode="set",
            provider_file=PROVIDER_FILE,
            bin_dir=f"{PREFIX}/bin",
            unit="kubelet.service",
            kubelet_version=VERSION_SAID,
            placed=time.time() if placed is None else placed,
            changes=(Kept(GUARD, None, guard),),
        )
        generation = self.at(INSTALLED).parent / "generations/1"
        generation.mkdir(parents=True)
        (generation / "record.json").write_bytes(record.dump())
        self.at(INSTALLED).symlink_to("generations/1")

    def run(self, *command: str) -> tuple[int, str]:
        """Start the kubelet, run a command of the program, and return its exit status and stdout."""
        flags = "".join(f" --image-credential-provider-{name}={value}" for name, value in self.flags.items() if value)
        self.write(
            UNIT,
            f"[Service]\nExecStart={KUBELET} {MAIN}{flags} {self.arguments}\n[Install]\nWantedBy=multi-user.target\n",
        )
        unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private"]
        if os.geteuid():
            unshare += ["--user", "--map-root-user"]
        inside = [sys.executable, "-m", self.inside, str(self.directory), *command]
        done = subprocess.run([*unshare, *inside], cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)
        if done.returncode == 77:
            pytest.skip(done.stderr.strip())
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout

    def fields(self, *command: str) -> tuple[int, dict[str, Any]]:
        status, text = self.run(*command, "--json")
        parsed = json.loads(text)
        assert isinstance(parsed, dict)
        return status, parsed


def main(directory: Path, command: Sequence[str], module: str = "provider") -> int:
    """Inside: put the node's places over the machine's, start the kubelet, and run the command of a module."""
    from tests.frozen.enter import set_address

    try:
        for place in PLACES:
            subprocess.run(["mount", "--bind", directory / place[1:], place], check=True, capture_output=True)
        subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True, capture_output=True)
        set_address("lo", "127.0.0.1")
    except (OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"no namespaces here: {error}\n")
        return 77
    words = Path(UNIT).read_text().partition("ExecStart=")[2].splitlines()[0].split()
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as kubelet:
        _wait_for_healthz()
        done = subprocess.run([sys.executable, "-m", module, *command], stdin=subprocess.DEVNULL, check=False)
        kubelet.kill()
    return done.returncode


def _wait_for_healthz() -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", HEALTHZ)) == 0:
                return
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
