"""The .deb under dpkg and the .rpm under rpm: install, upgrade while pulls run, remove."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from provider.places import PROGRAM
from provider.version import VERSION
from tests.packages.conftest import NEXT, NextVersion
from tests.systems.system import System

HOME = f"/opt/{PROGRAM}"
DATA = f"/var/lib/{PROGRAM}"
REQUEST = (
    '{"kind":"CredentialProviderRequest","apiVersion":"credentialprovider.kubelet.k8s.io/v1",'
    '"image":"registry.example.com/team/app"}'
)
THEIRS = ("first", "second", "var/lib/dpkg", "var/log", "root/.rpmdb", "var/cache")
"""Where the package managers keep their own, and the packages."""


@dataclass(frozen=True)
class Kind:
    """One package manager: its commands, and the packages to give it."""

    system: System
    install: str
    remove: str
    check: str
    listing: str

    def put(self, first: Path, second: Path | None = None) -> None:
        self.system.put("/first", first)
        if second:
            self.system.put("/second", second)

    def files(self) -> dict[str, str]:
        """All files but the package manager's own, and the packages."""
        found = self.system.files()
        # dpkg takes /opt away with the last package that has something there.
        return {path: facts for path, facts in found.items() if path != "opt" and not path.startswith(THEIRS)}


@pytest.fixture(params=["dpkg", "rpm"])
def kind(request: pytest.FixtureRequest, system: System) -> Iterator[Kind]:
    if request.param == "dpkg":
        remove, check = f"dpkg --purge {PROGRAM}", f"dpkg --verify {PROGRAM}"
        yield Kind(system, "dpkg --install", remove, check, "dpkg-deb --contents")
    else:
        # The base is Debian: rpm knows of no package there.
        yield Kind(system, "rpm --upgrade --nodeps", f"rpm --erase {PROGRAM}", f"rpm --verify {PROGRAM}", "rpm -qlvp")


@pytest.fixture
def first(kind: Kind, request: pytest.FixtureRequest) -> Path:
    path = request.getfixturevalue("deb" if kind.install.startswith("dpkg") else "rpm")
    assert isinstance(path, Path)
    return path


@pytest.fixture
def second(kind: Kind, next_version: NextVersion) -> Path:
    return next_version.deb if kind.install.startswith("dpkg") else next_version.rpm


def test_install_and_remove(kind: Kind, first: Path) -> None:
    kind.put(first)
    before = kind.files()
    said = kind.system.run(
        f"""{kind.install} /first >&2
        {kind.check} >&2
        {HOME}/bin/{PROGRAM} version
        {PROGRAM} version
        docker-credential-aliyun-acr version || true
        stat -c '%n %a %U' /run/{PROGRAM}/* /etc/{PROGRAM}"""
    )
    assert said.count(f"{PROGRAM} {VERSION}\n") >= 2
    assert f"/run/{PROGRAM}/identities 700 root\n" in said
    assert f"/etc/{PROGRAM} 700 root\n" in said
    enabled = {path: facts for path, facts in kind.files().items() if ".wants/" in path and PROGRAM in path}
    assert enabled.keys() == {
        f"etc/systemd/system/multi-user.target.wants/{PROGRAM}-rollback.service",
        f"etc/systemd/system/multi-user.target.wants/{PROGRAM}-warm.service",
        f"etc/systemd/system/timers.target.wants/{PROGRAM}-renew.timer",
        f"etc/systemd/system/timers.target.wants/{PROGRAM}-repair.timer",
    }
    kind.system.run(f"mkdir -p /run/{PROGRAM}/answers; {kind.remove}; ! [ -e /run/{PROGRAM} ]")
    assert kind.files() == before


def test_all_is_roots(kind: Kind, first: Path) -> None:
    kind.put(first)
    lines = kind.system.run(f"{kind.listing} /first").splitlines()
    assert len(lines) > 500
    for line in lines:
        assert line.split()[0].startswith(("drwxr-xr-x", "-rwxr-xr-x", "-rw-r--r--", "l", "drwx------"))
        assert "root/root" in line or "root     root" in line


def test_upgrade_while_pulls_run(kind: Kind, first: Path, second: Path) -> None:
    kind.put(first, second)
    said = kind.system.run(
        f"""{kind.install} /first >&2
        systemctl --quiet disable {PROGRAM}-renew.timer
        (sleep 3; echo '{REQUEST}') | {HOME}/bin/{PROGRAM} >/answer 2>&1 &
        pull=$!
        while ! [ -e /enough ]; do {HOME}/bin/{PROGRAM} version >/dev/null || echo broken >>/broken; done &
        others=$!
        {kind.install} /second >&2
        touch /enough
        wait $others
        wait $pull
        cat /answer
        ! [ -e /broken ]
        {kind.check} >&2
        ls {HOME}
        readlink {HOME}/current"""
    )
    assert '"auth":{}' in said
    assert said.split()[-4:] == [NEXT, "bin", "current", NEXT]
    assert f"etc/systemd/system/timers.target.wants/{PROGRAM}-renew.timer" not in kind.files()


def test_downgrade(kind: Kind, first: Path, second: Path) -> None:
    kind.put(first, second)
    older = "--force-downgrade" if kind.install.startswith("dpkg") else "--oldpackage"
    said = kind.system.run(
        f"""{kind.install} /second >&2
        {kind.install} {older} /first >&2
        readlink {HOME}/current
        {HOME}/bin/{PROGRAM} version"""
    )
    assert said == f"{VERSION}\n{PROGRAM} {VERSION}\n"


@pytest.mark.parametrize("equals", ["=", " "], ids=["one argument", "two"])
def test_a_kubelet_keeps_its_program(kind: Kind, first: Path, equals: str) -> None:
    kind.put(first)
    done = kind.system.attempt(
        f"""{kind.install} /first >&2
        bash -c 'sleep 60; :' kubelet --image-credential-provider-bin-dir{equals}{HOME}/bin &
        kubelet=$!
        ! {kind.remove} >&2 || exit 3
        {HOME}/bin/{PROGRAM} version
        kill $kubelet
        wait $kubelet || true
        {kind.remove} >&2"""
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{PROGRAM} {VERSION}\n"
    assert "restart the kubelet, and try again" in done.stderr


@pytest.mark.parametrize("link", ["installed", "pending"])
def test_a_node_that_uses_it_keeps_it(kind: Kind, first: Path, link: str) -> None:
    kind.put(first)
    done = kind.system.attempt(
        f"""{kind.install} /first
        mkdir -p {DATA}/node
        ln -s generations/1 {DATA}/node/{link}
        ! {kind.remove} >&2 || exit 3
        {HOME}/bin/{PROGRAM} version
        rm {DATA}/node/{link}
        {kind.remove} >&2
        ! [ -e {HOME} ]"""
    )
    assert done.returncode == 0, done.stderr
    assert f"To let it use this program: {PROGRAM} install\n" in done.stdout
    assert done.stdout.endswith(f"{PROGRAM} {VERSION}\n")
    assert f"Run this first: {PROGRAM} uninstall\n" in done.stderr


def test_an_archives_installation_is_in_the_way(kind: Kind, first: Path) -> None:
    kind.put(first)
    unit = f"/etc/systemd/system/{PROGRAM}-warm.service"
    done = kind.system.attempt(f"echo '[Service]' >{unit}; ! {kind.install} /first || exit 3; ! [ -e {HOME} ]")
    assert done.returncode == 0, done.stderr
    assert f"Take that away first: {PROGRAM} uninstall\n" in done.stderr
    # A mask is no installation.
    kind.system.run(f"ln -sf /dev/null {unit}; {kind.install} /first; {HOME}/bin/{PROGRAM} version")
