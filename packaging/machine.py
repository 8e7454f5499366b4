"""What the build needs of the machine, and what to install where it is missing."""

import shutil
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

from PyInstaller.depend.bindepend import get_python_library_path
from PyInstaller.exceptions import PythonLibraryNotFoundError

PROGRAMS = {"objcopy": "binutils", "strip": "binutils", "ldd": "libc-bin", "dpkg-query": "dpkg"}
"""Programs that the build runs, and Debian's package of each."""


def missing(
    which: Callable[[str], str | None] = shutil.which, python_library: Callable[[], str] = get_python_library_path
) -> list[str]:
    """Return one line for each thing that is missing, with what to do."""
    lines = [
        f"{program} is missing. On Debian and Ubuntu: apt-get install {package}"
        for program, package in PROGRAMS.items()
        if which(program) is None
    ]
    try:
        python_library()
    except PythonLibraryNotFoundError:
        lines.append(no_python_library(bool(sysconfig.get_config_var("Py_ENABLE_SHARED")), Path(sys.base_prefix)))
    return lines


def no_python_library(shared: bool, prefix: Path) -> str:
    """Return what to do about a Python without its shared library; `shared`: it was built to have one."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if shared or prefix == Path("/usr"):
        return (
            f"the shared library of {prefix}/bin/python{version} is missing. "
            f"On Debian and Ubuntu: apt-get install libpython{version}"
        )
    return (
        f"{prefix} is a Python without shared library, which cannot be frozen. Build it with --enable-shared "
        "(pyenv: PYTHON_CONFIGURE_OPTS=--enable-shared), or name another one: make build PYTHON=/path/to/python3"
    )
