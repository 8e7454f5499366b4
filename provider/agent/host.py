"""The host of this container: its files, and our program run on it as the host's own.

The image holds nothing but the program's bundle. A copy of that is laid on the host for as long as it is needed, and
started through its loader, since the program names the loader of the place that it is installed to.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Sequence

from provider.agent.host_process import Company, Finished, run_inside
from provider.node.bundle.contents import LIBRARIES, LINKS, checksums, mode_of, read
from provider.node.files import NodeError, Tree
from provider.node.interpreter import interpreter_of
from provider.places import PROGRAM

PROC = "/host/proc"
PARENTS = ("/var/lib", "/opt", "/run")
"""Where the copy may be, the best one first: not every file system runs programs, or can be written."""
NAME = f".{PROGRAM}.agent"
BUNDLE = "bundle"
ROOM = 2
"""So many times what the bundle takes must be free: a node whose disk is full puts its pods out."""
VERSION_SECONDS = 60.0
"""How long the program may take to print its version: a disk may be cold."""
NVIDIA = "driver/nvidia/version"
"""In /proc where the driver of NVIDIA's GPUs is loaded."""

Run = Callable[[str, Sequence[str], float, Company], Finished]


class Host:
    """The host. `proc`: its /proc, as this container sees it; `bundle`: the folder of our own."""

    def __init__(self, proc: str, bundle: str, run: Run = run_inside) -> None:
        self.tree = Tree(f"{proc}/1/root")
        self._proc = proc
        self._bundle = bundle
        self._run = run
        self._namespace = f"{proc}/1/ns/mnt"
        self._command: Sequence[str] = ()
        self._folder = ""
        self._lock: int | None = None

    @property
    def has_gpu(self) -> bool:
        """Tell whether there is one of NVIDIA's."""
        return os.path.exists(f"{self._proc}/{NVIDIA}")

    def prepare(self) -> None:
        """Lay the copy on the host, where it runs; what a run that was killed left goes. Raises NodeError."""
        self._check()
        reasons = []
        for parent in PARENTS:
            self._sweep(parent)
        for parent in PARENTS:
            try:
                self._lay(parent)
                return
            except (NodeError, OSError) as error:
                said = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else error.message
                reasons.append(f"{parent}: {said}")
                self.clean()
        raise NodeError(f"the program does not run on this host: {'; '.join(reasons)}")

    def run(self, arguments: Sequence[str], seconds: float, company: Company) -> Finished:
        """Run the program there, after `prepare`. Raises NodeError where it cannot be started."""
        return self._run(self._namespace, [*self._command, *arguments], seconds, company)

    def clean(self) -> None:
        """Take the copy away."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
        self._folder, self._lock, self._command = "", None, ()

    def _check(self) -> None:
        """Raise NodeError where /proc is not the host's, or may not be followed."""
        try:
            own = os.readlink("/proc/self/ns/mnt")
            if os.readlink(self._namespace) != own:
                os.listdir(self.tree.root)
                return
            why = "it is this container's own"
        except OSError as error:
            why = str(error.strerror)
        raise NodeError(
            f"--host-proc {self._proc}: the host's files are not to be had there ({why}): mount the host's /proc, and "
            "let the container be privileged"
        )

    def _lay(self, parent: str) -> None:
        """Copy the bundle into a folder of its own, and see that it runs. Raises NodeError, OSError."""
        above = self.tree.resolve(parent)
        folder = f"{self.tree.root}{above}/{NAME}"
        os.mkdir(folder, 0o700)
        self._folder = folder
        self._lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _copy(self._bundle, f"{folder}/{BUNDLE}")
        place = f"{above}/{NAME}/{BUNDLE}"
        loader = interpreter_of(read(self._bundle, PROGRAM)).rpartition("/")[2]
        self._command = [f"{place}/{LIBRARIES}/{loader}", f"{place}/{PROGRAM}"]
        said: list[str] = []
        silent = Company(said.append, lambda: False, lambda: None)
        done = self.run(["version"], VERSION_SECONDS, silent)
        if done.status:
            raise NodeError(f"it does not run ({' '.join(said)[:200] or f'exit status {done.status}'})")

    def _sweep(self, parent: str) -> None:
        """Remove what a run left that was killed. Raises NodeError where one is at work."""
        folder = f"{self.tree.root}{self.tree.resolve(parent)}/{NAME}"
        # On a file system that can only be read, too, nothing is to be done where nothing is.
        with contextlib.suppress(OSError):
            if os.path.islink(folder):
                os.unlink(folder)
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            except BlockingIOError:
                raise NodeError("another container of ours is at work on this node: this one tries later") from None
            finally:
                os.close(descriptor)


def _copy(bundle: str, target: str) -> None:
    """Copy a bundle as its own list says; labels and times of the image are not taken along."""
    names = [*checksums(bundle)]
    size = sum(os.path.getsize(f"{bundle}/{name}") for name in names)
    found = os.statvfs(os.path.dirname(target))
    free = found.f_bavail * found.f_frsize
    if free < ROOM * size:
        raise NodeError(f"{free / 1e6:.0f} MB are free, and {ROOM * size / 1e6:.0f} MB are needed")
    for name in names:
        place = f"{target}/{name}"
        os.makedirs(os.path.dirname(place), 0o755, exist_ok=True)
        shutil.copyfile(f"{bundle}/{name}", place)
        os.chmod(place, mode_of(name))
    for name, points_to in LINKS.items():
        os.symlink(points_to, f"{target}/{name}")
