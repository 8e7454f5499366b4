"""The archive that installs itself, into the tree of an image."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from provider.node.bundle.contents import HOME as OPT
from provider.node.bundle.contents import LIBRARIES, SUMS
from provider.node.bundle.prefix import INSTEAD as VAR
from provider.node.interpreter import interpreter_of, with_interpreter
from provider.places import PROGRAM
from provider.version import VERSION
from tests.frozen import another_version
from tests.packages import kubelets
from tests.packages.conftest import NEXT

Tree = dict[str, tuple[int, int, str]]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root installs")


def run(archive: Path, script: str, root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(archive / script), f"--root={root}", *options]
    return subprocess.run(command, capture_output=True, text=True, env={"PATH": os.environ["PATH"]}, check=False)


def install(archive: Path, root: Path, *options: str) -> str:
    done = run(archive, "install.sh", root, *options)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return done.stderr


def tree(root: Path) -> Tree:
    """All below a folder: inode, mode, and what a link points to."""
    found = {}
    for path in root.rglob("*"):
        status = path.lstat()
        target = os.readlink(path) if path.is_symlink() else ""
        found[str(path.relative_to(root))] = (status.st_ino, status.st_mode, target)
    return found


def without_data(found: Tree) -> Tree:
    """Without what install keeps of itself, which is its own matter."""
    return {path: facts for path, facts in found.items() if not path.startswith(f"{VAR[1:]}/node/")}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "opt").mkdir(parents=True)
    (tmp_path / "root" / "var/lib").mkdir(parents=True)
    kubelets.put_into(tmp_path / "root")
    return tmp_path / "root"


@pytest.fixture
def next_archive(unpacked: Path, tmp_path: Path) -> Path:
    """The same archive of a version that comes later."""
    other = tmp_path / "next"
    other.mkdir()
    for path in unpacked.glob("*.sh"):
        shutil.copy2(path, other, follow_symlinks=False)
    another_version.make(unpacked / "bundle", other / "bundle", NEXT)
    return other


@pytest.mark.parametrize("prefix", [OPT, VAR, f"/usr/local/lib/{PROGRAM}"])
def test_the_program_names_its_loader_where_it_is(unpacked: Path, root: Path, prefix: str) -> None:
    said = install(unpacked, root, f"--prefix={prefix}")
    assert f"version {VERSION} is installed in {prefix}" in said
    installed = (root / prefix[1:] / "bin" / PROGRAM).resolve()
    assert installed == root / prefix[1:] / VERSION / PROGRAM
    original = (unpacked / "bundle" / PROGRAM).read_bytes()
    loader = f"{prefix}/{VERSION}/{LIBRARIES}/{interpreter_of(original).rpartition('/')[2]}"
    assert installed.read_bytes() == with_interpreter(original, loader)
    assert (root / loader[1:]).exists()
    for name, command in (("warm", "warm"), ("renew", "warm --delay-up-to 60"), ("repair", "repair")):
        unit = (root / f"etc/systemd/system/{PROGRAM}-{name}.service").read_text()
        assert f"{prefix}/current/{PROGRAM} {command}\n" in unit


def test_the_archive_stays_as_it_is(unpacked: Path, root: Path) -> None:
    before = tree(unpacked)
    install(unpacked, root)
    assert run(unpacked, "uninstall.sh", root).returncode == 0
    assert tree(unpacked) == before


def test_a_prefix_that_is_too_long_is_refused(unpacked: Path, root: Path) -> None:
    prefix = "/" + "long/" * 50 + PROGRAM
    done = run(unpacked, "install.sh", root, f"--prefix={prefix}")
    assert done.returncode == 1
    assert "longer than the 255 bytes that there is room for" in done.stderr
    assert not (root / prefix[1:]).exists()


def test_a_second_installation_changes_nothing(unpacked: Path, root: Path) -> None:
    install(unpacked, root)
    before = without_data(tree(root))
    assert f"version {VERSION} was installed already" in install(unpacked, root)
    assert without_data(tree(root)) == before
    assert not [path for path in before if ".new" in path]


def test_what_is_damaged_is_put_back(unpacked: Path, root: Path) -> None:
    install(unpacked, root)
    place = root / OPT[1:] / VERSION
    (place / PROGRAM).write_bytes(b"half")
    (place / "sbom.cdx.json").unlink()
    install(unpacked, root)
    assert (place / PROGRAM).read_bytes() == (unpacked / "bundle" / PROGRAM).read_bytes()
    assert (place / "sbom.cdx.json").exists()
    assert sorted(path.name for path in place.parent.iterdir()) == [VERSION, "bin", "current"]


@pytest.mark.parametrize("damage", ["a byte", "a file", "the list", "the end"])
def test_a_damaged_archive_runs_nothing(unpacked: Path, tmp_path: Path, root: Path, damage: str) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(unpacked, damaged, symlinks=True)
    before = tree(root)
    if damage == "a byte":
        (damaged / "bundle" / "sbom.cdx.json").write_text("{")
    elif damage == "a file":
        (damaged / "bundle" / LIBRARIES / "provider/plugin.pyc").unlink()
    elif damage == "the list":
        (damaged / "bundle" / SUMS).write_text("")
    else:
        # Cut short in the middle of the list: it comes first.
        shutil.rmtree(damaged / "bundle" / LIBRARIES)
        (damaged / "bundle" / PROGRAM).unlink()
        (damaged / "bundle" / SUMS).write_text("".join((damaged / "bundle" / SUMS).read_text()[:1000]))
    done = run(damaged, "install.sh", root)
    assert done.returncode == 1
    assert done.stderr == "install: this archive is damaged: unpack it again\n"
    assert tree(root) == before


def test_upgrade_keeps_one_version_and_what_was_disabled(
    unpacked: Path, next_archive: Path, root: Path, tmp_path: Path
) -> None:
    home = root / OPT[1:]
    install(unpacked, root)
    wanted = root / f"etc/systemd/system/timers.target.wants/{PROGRAM}-renew.timer"
    wanted.unlink()
    assert f"version {NEXT} is installed" in install(next_archive, root)
    assert os.readlink(home / "current") == NEXT
    assert sorted(path.name for path in home.iterdir()) == [VERSION, NEXT, "bin", "current"]
    assert not wanted.is_symlink()
    shutil.rmtree(next_archive / "bundle")
    another_version.make(unpacked / "bundle", next_archive / "bundle", "99.1")
    install(next_archive, root)
    assert sorted(path.name for path in home.iterdir()) == [NEXT, "99.1", "bin", "current"]
    install(unpacked, root)
    assert os.readlink(home / "current") == VERSION
    assert run(unpacked, "uninstall.sh", root).returncode == 0
    assert not home.exists()


@pytest.mark.parametrize("prefix", [OPT, VAR, f"/srv/a/{PROGRAM}"])
def test_uninstall_leaves_nothing(unpacked: Path, root: Path, prefix: str) -> None:
    before = tree(root)
    install(unpacked, root, f"--prefix={prefix}")
    for _ in range(2):
        done = run(unpacked, "uninstall.sh", root)
        assert done.returncode == 0, done.stderr
        assert tree(root) == before


def test_uninstall_keeps_configuration_and_what_others_left(unpacked: Path, root: Path) -> None:
    install(unpacked, root, f"--prefix={VAR}")
    kept = [root / f"etc/{PROGRAM}/config.yaml", root / VAR[1:] / "notes"]
    for path in kept:
        path.write_text("{}\n")
    said = run(unpacked, "uninstall.sh", root).stderr
    assert all(str(path)[len(str(root)) :] in said for path in kept)
    assert all(path.exists() for path in kept)
    assert [path.name for path in (root / VAR[1:]).iterdir()] == ["notes"]


@pytest.mark.parametrize("script", ["install.sh", "uninstall.sh"])
def test_the_programs_exit_status_is_the_scripts(unpacked: Path, root: Path, script: str) -> None:
    before = tree(root)
    assert run(unpacked, script, root, "--what").returncode == 2
    assert run(unpacked, script, root, "--help").returncode == 0
    assert run(unpacked, script, root / "nowhere").returncode == 1
    assert tree(root) == before


def test_status_is_there_without_an_installed_program(unpacked: Path) -> None:
    done = subprocess.run([unpacked / "status.sh", "--help"], capture_output=True, text=True, check=True)
    assert f"{PROGRAM} status" in done.stdout


@pytest.mark.parametrize(
    "prefix", ["relative", "/", "/usr/local", f"/opt//{PROGRAM}", f"/opt/../{PROGRAM}", f"/o|t/{PROGRAM}",
               f"/run/{PROGRAM}", f"/etc/{PROGRAM}"],
)  # fmt: skip
def test_what_cannot_be_a_prefix(unpacked: Path, root: Path, prefix: str) -> None:
    before = tree(root)
    done = run(unpacked, "install.sh", root, f"--prefix={prefix}")
    assert done.returncode == 1
    assert f"prefix {prefix}" in done.stderr.replace("'", "")
    assert tree(root) == before


def test_two_at_once_wait_for_each_other(unpacked: Path, root: Path) -> None:
    command = [str(unpacked / "install.sh"), f"--root={root}"]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = sorted(process.communicate(timeout=60)[1] for process in running)
    assert [process.returncode for process in running] == [0, 0], said
    assert [f"version {VERSION} is installed in" in line for line in said].count(True) == 1
    assert sorted(path.name for path in (root / OPT[1:]).iterdir()) == [VERSION, "bin", "current"]
