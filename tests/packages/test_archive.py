"""The archive that installs itself, into the tree of an image and on a system of its own."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from provider.node.interpreter import interpreter_of, with_interpreter
from provider.places import PROGRAM
from provider.version import VERSION
from tests.packages.system import System

OPT = f"/opt/{PROGRAM}"
VAR = f"/var/lib/{PROGRAM}"
NEXT = "99.0"
Tree = dict[str, tuple[int, int, str]]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the archive installs as root only")


def run(archive: Path, script: str, root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(archive / script), f"--root={root}", *options]
    return subprocess.run(command, capture_output=True, text=True, env={"PATH": os.environ["PATH"]}, check=False)


def install(archive: Path, root: Path, *options: str) -> str:
    done = run(archive, "install.sh", root, *options)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def tree(root: Path) -> Tree:
    """All below a folder: inode, mode, and what a link points to."""
    found = {}
    for path in root.rglob("*"):
        status = path.lstat()
        found[str(path.relative_to(root))] = (
            status.st_ino,
            status.st_mode,
            os.readlink(path) if path.is_symlink() else "",
        )
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "opt").mkdir(parents=True)
    return tmp_path / "root"


@pytest.fixture
def next_version(unpacked: Path, tmp_path: Path) -> Path:
    """The same bundle as another version's; its loader's path is the installer's work."""
    other = tmp_path / "next"
    shutil.copytree(unpacked, other, symlinks=True)
    (other / "VERSION").write_text(f"{NEXT}\n")
    return other


@pytest.mark.parametrize("prefix", [OPT, VAR, f"/usr/local/lib/{PROGRAM}"])
def test_the_program_names_its_loader_where_it_is(unpacked: Path, root: Path, prefix: str) -> None:
    install(unpacked, root, f"--prefix={prefix}")
    installed = (root / prefix[1:] / "bin" / PROGRAM).resolve()
    assert installed == root / prefix[1:] / VERSION / PROGRAM
    original = (unpacked / "bundle" / PROGRAM).read_bytes()
    loader = f"{prefix}/{VERSION}/_internal/{interpreter_of(original).rpartition('/')[2]}"
    assert installed.read_bytes() == with_interpreter(original, loader)
    assert (root / loader[1:]).exists()
    for unit in (root / "etc/systemd/system").glob("*.service"):
        assert f"{prefix}/current/{PROGRAM} warm\n" in unit.read_text()


def test_a_prefix_that_is_too_long_is_refused(unpacked: Path, root: Path) -> None:
    prefix = "/" + "long/" * 50 + PROGRAM
    done = run(unpacked, "install.sh", root, f"--prefix={prefix}")
    assert done.returncode == 1
    assert "too long: there is room for 255 bytes" in done.stderr
    assert not (root / prefix[1:] / "current").exists()


def test_a_second_installation_changes_nothing(unpacked: Path, root: Path) -> None:
    first = install(unpacked, root)
    assert f"version {VERSION} is installed in {OPT}" in first
    before = tree(root)
    assert f"version {VERSION} was installed in {OPT}" in install(unpacked, root)
    assert tree(root) == before
    assert not [path for path in before if ".new." in path]


def test_what_is_damaged_is_put_back(unpacked: Path, root: Path) -> None:
    install(unpacked, root)
    place = root / OPT[1:] / VERSION
    (place / PROGRAM).write_bytes(b"half")
    (place / "sbom.cdx.json").unlink()
    install(unpacked, root)
    assert (place / PROGRAM).read_bytes() == (unpacked / "bundle" / PROGRAM).read_bytes()
    assert (place / "sbom.cdx.json").exists()
    assert not list((root / OPT[1:]).glob(".new.*"))


def test_a_damaged_archive_installs_nothing(unpacked: Path, tmp_path: Path, root: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(unpacked, damaged, symlinks=True)
    (damaged / "bundle" / "sbom.cdx.json").write_text("{")
    done = run(damaged, "install.sh", root)
    assert done.returncode == 1
    assert "this archive is damaged" in done.stderr
    assert tree(root).keys() == {"opt"}


def test_upgrade_keeps_one_version_and_what_was_disabled(unpacked: Path, next_version: Path, root: Path) -> None:
    home = root / OPT[1:]
    install(unpacked, root)
    wanted = root / f"etc/systemd/system/timers.target.wants/{PROGRAM}-renew.timer"
    wanted.unlink()
    install(next_version, root)
    assert os.readlink(home / "current") == NEXT
    assert sorted(path.name for path in home.iterdir()) == [VERSION, NEXT, "bin", "current"]
    assert not wanted.is_symlink()
    (next_version / "VERSION").write_text("99.1\n")
    install(next_version, root)
    assert sorted(path.name for path in home.iterdir()) == [NEXT, "99.1", "bin", "current"]
    install(unpacked, root)
    assert os.readlink(home / "current") == VERSION


@pytest.mark.parametrize("prefix", [OPT, VAR])
def test_uninstall_leaves_nothing(unpacked: Path, root: Path, prefix: str) -> None:
    for folder in (
        "etc/systemd/system/multi-user.target.wants",
        "etc/systemd/system/timers.target.wants",
        "etc/tmpfiles.d",
    ):
        (root / folder).mkdir(parents=True)
    (root / "var/lib").mkdir(parents=True)
    before = tree(root)
    install(unpacked, root, f"--prefix={prefix}")
    for _ in range(2):
        assert run(unpacked, "uninstall.sh", root).returncode == 0
        assert tree(root) == before


def test_uninstall_keeps_configuration_and_what_others_left(unpacked: Path, root: Path) -> None:
    install(unpacked, root, f"--prefix={VAR}")
    kept = [root / f"etc/{PROGRAM}/config.yaml", root / VAR[1:] / "cluster.json"]
    for path in kept:
        path.write_text("{}\n")
    assert "configuration is still in" in run(unpacked, "uninstall.sh", root).stdout
    assert all(path.exists() for path in kept)
    assert [path.name for path in (root / VAR[1:]).iterdir()] == ["cluster.json"]


@pytest.mark.parametrize("script", ["install.sh", "uninstall.sh"])
@pytest.mark.parametrize("options", [["--prefix=relative"], ["--what"], ["--prefix"], ["--prefix=/"], ["--prefix="],
                                     ["--root="], ["--root=/"], ["--prefix=/usr/local"], [f"--prefix=/opt//{PROGRAM}"],
                                     [f"--prefix=/opt/../{PROGRAM}"], [f"--prefix=/o|t/{PROGRAM}"]])  # fmt: skip
def test_wrong_use(unpacked: Path, root: Path, script: str, options: list[str]) -> None:
    assert run(unpacked, script, root, *options).returncode in (1, 2)
    assert tree(root).keys() == {"opt"}


@pytest.mark.parametrize("place", [OPT, VAR])
def test_on_a_system(system: System, unpacked: Path, place: str) -> None:
    shutil.copytree(unpacked, system.folder / "upper/srv/here", symlinks=True)
    before = system.files()
    read_only = "mount --bind -o ro /opt /opt; mount -o remount,bind,ro /opt;" if place == VAR else ""
    said = system.run(
        f"{read_only} /srv/here/install.sh; {place}/bin/{PROGRAM} version; {place}/current/{PROGRAM} version"
    )
    assert said.endswith(f"{PROGRAM} {VERSION}\n" * 2)
    assert f"--image-credential-provider-bin-dir={place}/bin" in said
    system.run(f"{read_only} /srv/here/uninstall.sh")
    assert system.files() == before


FLAG = "--image-credential-provider-bin-dir"


@pytest.mark.parametrize(
    "flag", [f"{FLAG}=", f"{FLAG} ", f"--kubelet-arg={FLAG[2:]}="], ids=["one argument", "two", "k3s"]
)
def test_uninstall_leaves_a_kubelet_its_program(system: System, unpacked: Path, flag: str) -> None:
    shutil.copytree(unpacked, system.folder / "upper/srv/here", symlinks=True)
    done = system.attempt(
        f"""/srv/here/install.sh >/dev/null
        bash -c 'sleep 60; :' kubelet {flag}{OPT}/bin &
        kubelet=$!
        ! /srv/here/uninstall.sh --prefix={OPT}/ || exit 3
        {OPT}/bin/{PROGRAM} version
        kill $kubelet
        wait $kubelet || true
        /srv/here/uninstall.sh"""
    )
    assert done.returncode == 0, done.stderr
    assert "restart the kubelet, and try again" in done.stderr
    assert done.stdout == f"{PROGRAM} {VERSION}\n"
