"""Two builds give the same bytes, wherever they are made."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.frozen.enter import BUILT

ROOT = Path(__file__).parents[2]


def contents(bundle: Path) -> dict[str, str]:
    """Return mode, time and digest (or target) of everything in a folder."""
    found = {}
    for path in sorted(bundle.rglob("*")):
        status = path.lstat()
        content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        mode = "" if path.is_symlink() else f"{status.st_mode:o}"
        found[str(path.relative_to(bundle))] = f"{mode} {int(status.st_mtime)} {hashlib.sha256(content).hexdigest()}"
    return found


@pytest.mark.timeout(600)
def test_a_build_in_another_folder_gives_the_same_bytes(tmp_path: Path) -> None:
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "provider", "packaging",
         "systemd", "CredentialProviderConfig.yaml", "Makefile", "LICENSE", "pyproject.toml"],
        capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    other = tmp_path / "a folder" / "elsewhere"
    # A file that is removed and not committed yet is listed as well.
    for name in (name for name in listed.split("\0") if name and (ROOT / name).exists()):
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, other / name)
    # The environment is moved there too, so that the paths of everything that is compiled differ.
    shutil.copytree(ROOT / "build/environment", other / "build/environment", symlinks=True)
    epoch = str(int(BUILT.stat().st_mtime))
    environment = {"PATH": os.environ["PATH"], "SOURCE_DATE_EPOCH": epoch}
    python = other / "build/environment/bin/python"
    done = subprocess.run(
        [python, "-E", "-s", other / "packaging/build.py"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    first, second = contents(BUILT), contents(other / "dist" / BUILT.name)
    assert len(first) > 500
    assert {name for name in first.keys() | second.keys() if first.get(name) != second.get(name)} == set()
