"""Freezes the program into dist/: PyInstaller, C library, licences, bill of materials. Run by `make build`.

Two builds of one commit with one Python on one system give the same bytes, wherever they are made.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bill_of_materials import bill_of_materials  # noqa: E402
from c_library import BuildError, add  # noqa: E402
from components import Component, components  # noqa: E402
from machine import missing  # noqa: E402
from PyInstaller.archive.readers import CArchiveReader  # noqa: E402

from provider.node.bundle.contents import DOCKER_HELPER, HOME, NODE_FILES, SUMS, mode_of  # noqa: E402
from provider.places import PROGRAM  # noqa: E402
from provider.version import VERSION  # noqa: E402

WORK = ROOT / "build" / "freeze"
RESULT = ROOT / "dist" / PROGRAM
INSTALLED = Path(HOME) / VERSION


def main() -> int:
    """Build, and return the exit status."""
    lacking = missing()
    if not lacking:
        try:
            build(source_date_epoch())
        except BuildError as error:
            lacking = [str(error)]
    for line in lacking:
        sys.stderr.write(f"build: {line}\n")
    return 1 if lacking else 0


def build(epoch: int) -> None:
    """Make the bundle. Raises BuildError."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    bundle, files = freeze(epoch)
    program = bundle / PROGRAM
    check(program)
    files += add(bundle, program, INSTALLED)
    (bundle / DOCKER_HELPER).symlink_to(PROGRAM)
    found = components(files)
    add_licences(bundle / "licences", found)
    (bundle / "sbom.cdx.json").write_text(bill_of_materials(PROGRAM, VERSION, found, epoch))
    add_node_files(bundle / NODE_FILES)
    write_code_anew(bundle)
    add_checksums(bundle)
    settle(bundle, epoch)
    shutil.rmtree(RESULT, ignore_errors=True)
    RESULT.parent.mkdir(exist_ok=True)
    bundle.rename(RESULT)
    size = sum(path.lstat().st_size for path in RESULT.rglob("*") if path.is_file())
    print(f"build: {RESULT.relative_to(ROOT)}: {size / 1e6:.1f} MB, {len(found)} components, for {INSTALLED}")  # noqa: T201


def source_date_epoch() -> int:
    """Return the time that stands in the bundle: SOURCE_DATE_EPOCH, else the commit's, in seconds."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError("neither a commit nor SOURCE_DATE_EPOCH tells the time that is to stand in the bundle")
    return int(done.stdout)


def freeze(epoch: int) -> tuple[Path, list[tuple[str, str]]]:
    """Run PyInstaller; return the folder that it made, and place and source of each file in it."""
    collected = WORK / "collected.json"
    # Nothing else of the environment: it could change what is built.
    environment = {
        "COLLECTED": str(collected),
        "HOME": str(WORK),
        "LC_ALL": "C.UTF-8",
        "PATH": os.environ["PATH"],
        "PYINSTALLER_CONFIG_DIR": str(WORK / "cache"),
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'packaging'}",
        "SOURCE_DATE_EPOCH": str(epoch),
        "TZ": "UTC",
    }
    places = ["--distpath", str(WORK / "result"), "--workpath", str(WORK / "work")]
    spec = str(ROOT / "packaging" / "bundle.spec")
    command = [sys.executable, "-P", "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN", *places, spec]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise BuildError(f"PyInstaller failed:\n{done.stdout.decode(errors='replace')}")
    entries = json.loads(collected.read_text())
    return WORK / "result" / PROGRAM, [(place, source) for place, source, kind in entries if kind != "EXECUTABLE"]


def check(program: Path) -> None:
    """Check what bundle.spec relies on in the program itself, and that it runs here."""
    names = set(CArchiveReader(str(program)).toc)
    unexpected = {name for name in names if name.startswith(("pyi", "struct"))}
    if unexpected or "launcher" not in names:  # bundle.spec took the bootstrap out
        raise BuildError(
            f"the program holds {sorted(names)}: PyInstaller's bootstrap is still there, or our script not"
        )
    done = subprocess.run([program, "version"], env={}, capture_output=True, text=True, check=False)
    if done.stdout != f"{PROGRAM} {VERSION}\n":
        raise BuildError(f"the frozen program does not run: exit status {done.returncode}\n{done.stderr}")


def add_licences(folder: Path, found: list[Component]) -> None:
    """Put the licence texts of each component into a folder of its own, beside ours."""
    folder.mkdir()
    shutil.copyfile(ROOT / "LICENSE", folder / f"{PROGRAM}.txt")
    for component in found:
        (folder / component.name).mkdir()
        for text in component.texts:
            shutil.copyfile(text, folder / component.name / text.name)


def add_node_files(folder: Path) -> None:
    """Put what install places elsewhere on a node into a folder."""
    for name, pattern in (("systemd", "*.service"), ("systemd", "*.timer"), ("tmpfiles.d", "tmpfiles.d/*.conf")):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for source in (ROOT / "systemd").glob(pattern):
            shutil.copyfile(source, folder / name / source.name)
    shutil.copyfile(ROOT / "CredentialProviderConfig.yaml", folder / "CredentialProviderConfig.yaml")


def add_checksums(bundle: Path) -> None:
    """List all files with their SHA-256, for sha256sum(1) and for `provider.node.bundle`."""
    files = sorted(path for path in bundle.rglob("*") if path.is_file() and not path.is_symlink())
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(bundle)}\n" for path in files]
    (bundle / SUMS).write_text("".join(lines))


def write_code_anew(bundle: Path) -> None:
    """Give equal code equal bytes (see same_bytes.py)."""
    command = [sys.executable, "-S", "-P", str(ROOT / "packaging" / "same_bytes.py"), "."]
    done = subprocess.run(command, cwd=bundle, env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"same_bytes.py failed:\n{done.stderr}")


def settle(bundle: Path, epoch: int) -> None:
    """Make modes and times those of every build."""
    for path in [bundle, *sorted(bundle.rglob("*"))]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else mode_of(str(path.relative_to(bundle))))
        os.utime(path, (epoch, epoch), follow_symlinks=False)


if __name__ == "__main__":
    sys.exit(main())
