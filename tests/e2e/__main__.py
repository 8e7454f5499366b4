"""`python -m tests.e2e [pytest's arguments]`: runs the tests on real nodes, as root.

Everything happens in mount, process and network namespaces of this run; when it ends, whatever the reason, they and the
files and control groups of the run go. What a run that was killed left behind goes at the next one's start.
"""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.e2e.parts import CONTROL_PLANE, FOLDER, GROUP, KUBERNETES, OLDER, ROOT, Parts, built, prepare
from tests.systems.groups import groups, removed
from tests.systems.system import wait_for

INSIDE = "--inside"
PREFIX = "acr-e2e-"
NAME = re.compile(rf"{PREFIX}(\d+)-?.*")
UNSHARE = ("unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc", "--propagation", "private")
PARALLEL = 4
PR_SET_PDEATHSIG = 1
END_SECONDS = 30


def main(arguments: Sequence[str]) -> int:
    """Prepare, run pytest in namespaces, clean up; returns pytest's exit status."""
    if arguments[:1] == [INSIDE]:
        return inside(arguments[1:])
    archive = built()
    if os.geteuid() or archive is None:
        sys.stderr.write(
            "e2e: root is needed\n" if os.geteuid() else "e2e: one archive in dist/ is needed: make packages\n"
        )
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    clean_up()
    [root] = _paths(ROOT / "tests/e2e/root.sh")
    build = ROOT / "tests/kubernetes/build.sh"
    kubelets = {version: _paths(build, version, "kubelet")[0] for version in (KUBERNETES, OLDER)}
    control_plane = _paths(build, KUBERNETES, *CONTROL_PLANE)
    group = f"{PREFIX}{os.getpid()}"
    folder = Path(tempfile.mkdtemp(prefix=f"{group}-"))
    try:
        prepare(Parts(folder, group), root, kubelets, control_plane, archive)
        command = [*UNSHARE, sys.executable, "-m", "tests.e2e", INSIDE, *arguments]
        environment = {**os.environ, FOLDER: str(folder), GROUP: group}
        with subprocess.Popen(command, env=environment, cwd=ROOT, preexec_fn=_die_with_parent) as process:
            try:
                status = process.wait()
            except KeyboardInterrupt:
                # pytest got it too, and has things to say.
                process.wait(END_SECONDS)
                status = 128 + signal.SIGINT
            finally:
                process.kill()
    finally:
        clean_up(os.getpid())
        left = left_behind(str(folder), group)
        sys.stderr.write("".join(f"e2e: left behind: {one}\n" for one in left))
    return status or len(left)


def inside(arguments: Sequence[str]) -> int:
    """pytest, in the namespaces."""
    folder = os.environ[FOLDER]
    command = [sys.executable, "-m", "pytest", f"--numprocesses={PARALLEL}", f"--basetemp={folder}/tests"]
    command += ["--timeout=1200", "-p", "no:cacheprovider", *(arguments or ["tests/e2e"])]
    return subprocess.call(command)


def clean_up(own: int = 0) -> None:
    """Remove folders and control groups of the runs that are no more, or of the run with that process id."""

    def is_over(name: str) -> bool:
        found = NAME.fullmatch(name)
        return found is not None and (int(found[1]) == own or not Path(f"/proc/{found[1]}").exists())

    def is_clean() -> bool:
        for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
            if is_over(folder.name):
                shutil.rmtree(folder, ignore_errors=True)
                if folder.exists():
                    return False
        names = {path.name for place in groups(PREFIX) for path in place.parent.glob(f"{PREFIX}*")}
        return all(removed(name) for name in names if is_over(name))

    # Processes that were killed a moment ago still hold mounts and groups.
    wait_for(is_clean, END_SECONDS, "the last processes to end")


def left_behind(folder: str, group: str) -> list[str]:
    """What there still is of a run: nothing, or it is a fault of ours."""
    left = [str(place) for place in (Path(folder), *groups(group)) if place.exists()]
    left += [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if folder in line]
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int(process.name) != os.getpid() and f"={group}".encode() in (process / "environ").read_bytes():
                left.append(f"process {process.name}: {(process / 'cmdline').read_bytes()!r}")
    return left


def _paths(*command: str | Path) -> list[Path]:
    return [Path(line) for line in subprocess.check_output(command, text=True).splitlines()]


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
