"""The same bundle as another version's: its program says so, and names its loader there."""

import hashlib
import importlib.util
import marshal
import shutil
from pathlib import Path

from provider.node.bundle.contents import HOME, LIBRARIES, SUMS, program_for
from provider.places import PROGRAM

HEADER = 16
VERSION_MODULE = f"{LIBRARIES}/provider/version.pyc"


def make(bundle: Path, target: Path, version: str) -> None:
    """Copy a bundle to the folder `target`, which is not there yet."""
    shutil.copytree(bundle, target, symlinks=True)
    module = target / VERSION_MODULE
    header = module.read_bytes()[:HEADER]
    assert header[:4] == importlib.util.MAGIC_NUMBER, "the bundle was built with another Python than runs here"
    module.write_bytes(header + marshal.dumps(compile(f"VERSION = {version!r}", "provider/version.py", "exec")))
    program = target / PROGRAM
    program.write_bytes(program_for(program.read_bytes(), HOME, version))
    sums = target / SUMS
    names = [line.partition("  ")[2] for line in sums.read_text().splitlines()]
    sums.write_text("".join(f"{hashlib.sha256((target / name).read_bytes()).hexdigest()}  {name}\n" for name in names))
