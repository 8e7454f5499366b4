"""A Debian system of the tests' own: changes to it are kept apart from its base, and nothing of it outlives a test.

Every run has mount, network and process namespaces that end with it.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from tests.systems.groups import groups, removed

ENTER = Path(__file__).parent / "enter.sh"
UNSHARE = ("unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--propagation", "private")
NSPAWN = (
    *("systemd-nspawn", "--directory=/node", "--boot", "--register=no", "--keep-unit"),
    *("--capability=all", "--console=pipe"),
)
BOOT = "mount --make-rprivate / && mkdir -p /node && mount --bind / /node && exec "
ENVIRONMENT = ("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8")
BASH = ("bash", "-euo", "pipefail", "-c")
STOP = "-RTMIN+4"
POWER_OFF_SECONDS = 30
BOOT_SECONDS = 60
GROUPS_SECONDS = 60


class System:
    """The system as `base` has it, with changes in `folder`.

    `base`: a folder, or several with a colon between them, the first on top. `network`: path of the network namespace
    that it is in; empty for one of its own, which ends with each run.
    """

    def __init__(self, base: Path | str, folder: Path, *, group: str = "packages", network: str = "") -> None:
        self.folder = folder
        self.group = f"{group}-{folder.name}"
        self._network = network
        join = ["nsenter", f"--net={network}", *UNSHARE] if network else [*UNSHARE, "--net"]
        named = " ".join(str(path) for path in groups(self.group))
        self._enter = [*join, "bash", str(ENTER), str(base), str(folder), named]
        (folder / "upper").mkdir(parents=True)

    def __enter__(self) -> "System":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def remove(self) -> None:
        shutil.rmtree(self.folder)
        # Who was killed a moment ago may still be on its way out of its group.
        wait_for(lambda: removed(self.group), GROUPS_SECONDS, "the control groups to be empty")

    def put(self, path: str, content: bytes | Path, mode: int = 0o644) -> None:
        """Put a file there, between runs; `path` begins at the system's root."""
        place = self.folder / "upper" / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        if isinstance(content, Path):
            shutil.copyfile(content, place)
        else:
            place.write_bytes(content)
        place.chmod(mode)

    def attempt(self, script: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a script of bash in the system, as root."""
        command = [*self._enter, *BASH, script]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)

    def run(self, script: str, timeout: float = 120) -> str:
        """Run a script that must succeed, and return its stdout."""
        return succeeded(self.attempt(script, timeout))

    def files(self) -> dict[str, str]:
        """Return all there is: from the path to type, mode, owner and what a link points to."""
        listed = self.run(r"find / -xdev -printf '%P\t%y %m %u:%g %l\n'")
        return dict(line.split("\t", 1) for line in listed.splitlines())

    def boot(self, options: Sequence[str] = ()) -> "Booted":
        """Boot it with its systemd; `options` are systemd-nspawn's."""
        log = self.folder / "console"
        network = "--network-namespace-path=/proc/self/ns/net" if self._network else "--private-network"
        script = BOOT + " ".join(f"'{word}'" for word in (*NSPAWN, network, *options))
        with log.open("wb") as console:
            command = [*self._enter, "bash", "-c", script]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        return Booted(process, log)

    @contextmanager
    def booted(self) -> Iterator["Booted"]:
        """Boot it; whatever still runs at the end is killed."""
        booted = self.boot()
        try:
            booted.wait_until_up()
            yield booted
        finally:
            booted.kill()


class Booted:
    """The system while it runs; its own systemd is the process `leader` of this machine."""

    def __init__(self, process: subprocess.Popen[bytes], console: Path) -> None:
        self._process = process
        self._console = console
        self.leader = 0

    def wait_until_up(self) -> None:
        """Wait until systemd says so."""
        wait_for(lambda: self.has_ended() or self._is_up(), BOOT_SECONDS, "the system to boot")
        assert not self.has_ended(), self._console.read_text(errors="replace")

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def attempt(self, script: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a script of bash in the running system, as root."""
        command = self.inside(*BASH, script)
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)

    def run(self, script: str, timeout: float = 60) -> str:
        """Run a script that must succeed in the running system, and return its stdout."""
        return succeeded(self.attempt(script, timeout))

    def inside(self, *command: str) -> list[str]:
        """Return the command line that runs a command in the running system."""
        return ["nsenter", f"--target={self.leader}", "--all", *ENVIRONMENT, *command]

    def power_off(self) -> None:
        """Let systemd stop everything, and wait until it has."""
        subprocess.run(["kill", STOP, str(self.leader)], check=True)
        self._process.wait(POWER_OFF_SECONDS)

    def kill(self) -> None:
        """Let all of it end in an instant."""
        # unshare takes with it all that is in its namespaces.
        self._process.kill()
        self._process.wait()

    def _is_up(self) -> bool:
        self.leader = self._find_leader()
        if not self.leader:
            return False
        asked = subprocess.run(
            self.inside("systemctl", "is-system-running"), capture_output=True, text=True, check=False
        )
        return asked.stdout.strip() in ("running", "degraded")

    def _find_leader(self) -> int:
        """unshare starts what becomes systemd-nspawn, which starts systemd."""
        pid = self._process.pid
        for _ in range(2):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if not children:
                return 0
            pid = int(children[0])
        return pid


def succeeded(done: subprocess.CompletedProcess[str]) -> str:
    """The stdout of a run that must have been good."""
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def wait_for(condition: Callable[[], bool], seconds: float, what: str, pause: float = 0.1) -> None:
    """Ask again and again until the condition holds, for some seconds at most, with a pause between two questions."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(pause)


def end_by_signal(process: "subprocess.Popen[bytes]", number: int, seconds: float, child: int = 0) -> int:
    """Send a signal until the process ends; returns its exit status. `child`: who gets it in its place.

    Again and again, since one between Python's look for signals and a read interrupts nothing.
    """

    def has_ended() -> bool:
        with suppress(ProcessLookupError):
            os.kill(child or process.pid, number)
        return process.poll() is not None

    wait_for(has_ended, seconds, "the process to end")
    return process.returncode
