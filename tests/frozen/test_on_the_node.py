"""What the bundle needs to install itself: it knows its files, runs from anywhere, and runs the node's own programs."""

import json
import marshal
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from provider.node.bundle.contents import LIBRARIES, NODE_FILES, checksums, differences
from provider.node.bundle.place import place
from provider.node.bundle.source import Source
from provider.node.files import NodeError, Tree
from provider.node.interpreter import interpreter_of
from provider.places import PROGRAM
from provider.version import VERSION
from tests.frozen import another_version
from tests.frozen.enter import INSTALLED
from tests.frozen.node_root import NodeRoot

ROOT = Path(__file__).parents[2]
PROBE = """
import json, os
from provider.node.bundle.source import source
from provider.node.child_processes import run as run_child
def run(arguments, stdin, stdout, stderr):
    seen = {"ours": dict(os.environ), "source": source().folder}
    done = run_child(["sh", "-c", "ls /proc/self/fd >&2; env; exit 3"], 20)
    json.dump({**seen, "status": done.status, "theirs": done.stdout, "stderr": done.stderr}, stdout)
    return 0
"""


def by_its_loader(bundle: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    [loader] = (bundle / LIBRARIES).glob("ld-*.so.*")
    return subprocess.run([loader, bundle / PROGRAM, *arguments], capture_output=True, text=True, env={}, check=False)


def test_the_bundle_is_what_it_lists() -> None:
    assert differences(str(INSTALLED), checksums(str(INSTALLED))) == []


def test_units_are_in_it() -> None:
    found = Source(str(INSTALLED), VERSION)
    for name, folder in (("systemd", ROOT / "systemd"), ("tmpfiles.d", ROOT / "systemd/tmpfiles.d")):
        assert found.node_files(name) == {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}
    example = INSTALLED / NODE_FILES / "CredentialProviderConfig.yaml"
    assert example.read_text() == (ROOT / example.name).read_text()


@pytest.mark.parametrize("place", ["plain", "with a space", "x" * 200 + "/" + "y" * 200])
def test_its_loader_runs_it_anywhere(tmp_path: Path, place: str) -> None:
    shutil.copytree(INSTALLED, tmp_path / place, symlinks=True)
    done = by_its_loader(tmp_path / place, "version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{PROGRAM} {VERSION}\n", "")


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    """The bundle, in which `version` runs a child instead."""
    bundle = tmp_path / "probe"
    shutil.copytree(INSTALLED, bundle, symlinks=True)
    module = bundle / LIBRARIES / "provider/commands/version.pyc"
    module.write_bytes(module.read_bytes()[:16] + marshal.dumps(compile(PROBE, "probe.py", "exec")))
    return bundle


def test_the_nodes_own_programs_get_the_nodes_own_libraries(debian_root: NodeRoot, probe: Path) -> None:
    before, debian_root.bundle = debian_root.bundle, probe
    try:
        run = debian_root.run(["version"], environment={"SECRET": "x", "LD_LIBRARY_PATH": "/nowhere"})
    finally:
        debian_root.bundle = before
    assert (run.status, run.stderr) == (0, "")
    seen = json.loads(run.stdout)
    assert LIBRARIES in seen["ours"]["LD_LIBRARY_PATH"]
    theirs = dict(line.split("=", 1) for line in seen["theirs"].splitlines())
    assert theirs.keys() - {"PWD", "SHLVL", "_"} == {"PATH", "LC_ALL", "HOME"}
    assert (seen["status"], seen["stderr"].split()) == (3, ["0", "1", "2", "3"])
    assert seen["source"] == str(INSTALLED)


def test_the_bundle_that_runs_is_known_by_its_loader_too(probe: Path) -> None:
    done = by_its_loader(probe, "version")
    assert json.loads(done.stdout)["source"] == str(probe)


def test_the_program_runs_where_it_was_placed_and_the_next_version_too(tmp_path: Path) -> None:
    prefix = str(tmp_path / PROGRAM)
    another_version.make(INSTALLED, tmp_path / "next", "99.0")
    for source in (Source(str(INSTALLED), VERSION), Source(str(tmp_path / "next"), "99.0")):
        placed = place(Tree(), source, prefix)
        program = Path(placed.folder, PROGRAM)
        assert interpreter_of(program.read_bytes()).startswith(f"{prefix}/{source.version}/")
        done = subprocess.run([program, "version"], capture_output=True, text=True, env={}, check=True)
        assert done.stdout == f"{PROGRAM} {source.version}\n"
        assert place(Tree(), source, prefix).changed is False


@pytest.fixture
def no_programs(tmp_path: Path) -> Iterator[Path]:
    """A file system that runs no program."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "noexec", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_where_it_does_not_run_nothing_is_left(no_programs: Path) -> None:
    with pytest.raises(NodeError, match="Permission denied"):
        place(Tree(), Source(str(INSTALLED), VERSION), str(no_programs / PROGRAM))
    assert list(no_programs.iterdir()) == []
