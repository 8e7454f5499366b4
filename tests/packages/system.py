"""A Debian system of the tests' own: changes to it are kept apart from its base, and nothing of it outlives a test.

Every run has mount, network and process namespaces that end with it.
"""

import errno
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

HERE = Path(__file__).parent
CGROUPS = Path("/sys/fs/cgroup")
UNSHARE = (
    "unshare",
    "--mount",
    "--pid",
    "--net",
    "--ipc",
    "--uts",
    "--fork",
    "--kill-child",
    "--propagation",
    "private",
)
NSPAWN = (
    *("systemd-nspawn", "--directory=/node", "--boot", "--private-network", "--register=no", "--keep-unit"),
    *("--capability=all", "--console=pipe"),
)
BOOT = f"mount --make-rprivate / && mkdir -p /node && mount --bind / /node && exec {' '.join(NSPAWN)}"
STOP = "-RTMIN+4"
POWER_OFF_SECONDS = 30
BOOT_SECONDS = 60
GROUPS_SECONDS = 10


class System:
    """The system as `base` has it, with changes in `folder`."""

    def __init__(self, base: Path, folder: Path) -> None:
        self.folder = folder
        self.group = f"packages-{folder.name}"
        self._enter = [*UNSHARE, "bash", str(HERE / "enter.sh"), str(base), str(folder), self.group]
        (folder / "upper").mkdir(parents=True)

    def __enter__(self) -> "System":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder)
        # Who was killed a moment ago may still be on its way out of its group.
        wait_for(self._remove_groups, GROUPS_SECONDS, "the control groups to be empty")

    def _remove_groups(self) -> bool:
        for top in (*CGROUPS.glob(f"{self.group}*"), *CGROUPS.glob(f"*/{self.group}*")):
            # Their files cannot be removed, and go with them.
            for group in sorted((path for path in (top, *top.rglob("*")) if path.is_dir()), reverse=True):
                try:
                    group.rmdir()
                except OSError as error:
                    if error.errno != errno.EBUSY:
                        raise
                    return False
        return True

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
        command = [*self._enter, "bash", "-euo", "pipefail", "-c", script]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)

    def run(self, script: str, timeout: float = 120) -> str:
        """Run a script that must succeed, and return its stdout."""
        done = self.attempt(script, timeout)
        assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def files(self) -> dict[str, str]:
        """Return all there is: from the path to type, mode, owner and what a link points to."""
        listed = self.run(r"find / -xdev -printf '%P\t%y %m %u:%g %l\n'")
        return dict(line.split("\t", 1) for line in listed.splitlines())

    @contextmanager
    def booted(self) -> Iterator["Booted"]:
        """Boot it with its systemd; whatever still runs at the end is killed."""
        log = self.folder / "console"
        with log.open("wb") as console:
            process = subprocess.Popen(
                [*self._enter, "bash", "-c", BOOT], stdin=subprocess.DEVNULL, stdout=console, stderr=console
            )
        try:
            yield Booted(process, log)
        finally:
            # unshare takes with it all that is in its namespaces.
            process.kill()
            process.wait()


class Booted:
    """The system while it runs; its own systemd is the process `leader` of this machine."""

    def __init__(self, process: subprocess.Popen[bytes], console: Path) -> None:
        self._process = process
        self.leader = 0
        wait_for(self._is_up_or_gone, BOOT_SECONDS, "the system to boot")
        assert process.poll() is None, console.read_text(errors="replace")

    def run(self, script: str, timeout: float = 60) -> str:
        """Run a script that must succeed in the running system, and return its stdout."""
        done = subprocess.run(
            self.inside("bash", "-euo", "pipefail", "-c", script),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def inside(self, *command: str) -> list[str]:
        """Return the command line that runs a command in the running system."""
        environment = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"]
        return ["nsenter", f"--target={self.leader}", "--all", *environment, *command]

    def power_off(self) -> None:
        """Let systemd stop everything, and wait until it has."""
        subprocess.run(["kill", STOP, str(self.leader)], check=True)
        self._process.wait(POWER_OFF_SECONDS)

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

    def _is_up_or_gone(self) -> bool:
        return self._process.poll() is not None or self._is_up()


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Ask again and again until the condition holds, for some seconds at most."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.1)
