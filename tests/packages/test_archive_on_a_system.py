"""The archive on a system of its own: wherever it is unpacked, whatever may not be written, and with a real systemd."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from provider.node.bundle.contents import HOME as OPT
from provider.node.bundle.contents import LIBRARIES
from provider.node.bundle.prefix import INSTEAD as VAR
from provider.places import PROGRAM
from provider.version import VERSION
from tests.packages import kubelets
from tests.systems.system import Booted, System

READ_ONLY_OPT = "mount --bind /opt /opt; mount -o remount,bind,ro /opt;"
OURS = (
    r"find /etc /opt /usr /var/lib /root /srv -xdev -path /var/lib/systemd -prune -o -printf '%p %y %m %u %l\n' | sort"
)
"""All that somebody may have put on a running system."""


@pytest.fixture
def node(system: System, unpacked: Path) -> System:
    """A system with something like a kubelet, and the archive in /srv/here."""
    shutil.copytree(unpacked, system.folder / "upper/srv/here", symlinks=True)
    kubelets.put_into(system.folder / "upper")
    return system


@pytest.fixture
def booted(node: System) -> Iterator[Booted]:
    node.run("systemctl --quiet enable kubelet.service")
    with node.booted() as booted:
        yield booted


def test_where_no_program_runs_a_copy_does_and_goes(node: System) -> None:
    said = node.run(
        f"""mkdir -p /image/opt /image/var/lib /usr/sticky
        cp -a /etc /usr/bin /image/ 2>/dev/null || true
        mkdir /image/usr; mv /image/bin /image/usr/
        mount -t tmpfs -o noexec tmpfs /mnt
        cp -a /srv/here /mnt/
        # What a run left that was killed: no process has this number.
        mkdir -p /var/lib/.{PROGRAM}.4999999/bundle
        ! /mnt/here/bundle/{LIBRARIES}/ld-*.so.* /mnt/here/bundle/{PROGRAM} version 2>/dev/null
        sh /mnt/here/install.sh --root=/image >&2
        ls -A /var/lib | grep {PROGRAM} || echo nothing left
        status=0; sh /mnt/here/install.sh --what 2>/dev/null || status=$?
        echo $status
        ls -A /var/lib | grep {PROGRAM} || echo nothing left
        readlink /image{OPT}/current"""
    )
    assert said.splitlines() == ["nothing left", "2", "nothing left", VERSION]


def test_from_a_medium_that_cannot_be_written(node: System) -> None:
    said = node.run(
        f"""mkdir -p /image/opt /image/var/lib /image/usr/bin /image/etc/systemd/system
        cp /usr/bin/kubelet /image/usr/bin/; cp /{kubelets.UNIT} /image/etc/systemd/system/
        mount --bind /srv /srv; mount -o remount,bind,ro /srv
        cd /; srv/here/install.sh --root=/image >&2
        readlink /image{OPT}/current
        ln -s /srv/here/install.sh /usr/local/bin/anything
        sh /srv/here/uninstall.sh --root=/image >&2
        ls -A /image/opt"""
    )
    assert said == f"{VERSION}\n"


def test_another_machines_program(node: System) -> None:
    done = node.attempt(
        f"""cd /srv/here/bundle
        for file in {PROGRAM} {LIBRARIES}/ld-*.so.*; do
            printf '\\377' | dd of=$file bs=1 seek=18 conv=notrunc status=none
        done
        find . -type f ! -name SHA256SUMS -printf '%P\\0' | xargs -0 sha256sum >../sums; mv ../sums SHA256SUMS
        ../install.sh --root=/nowhere"""
    )
    assert done.returncode == 1
    assert "install: the program does not run here: it is for another kind of machine" in done.stderr


@pytest.mark.parametrize(("options", "status"), [("--root=", 2), ("--root=/", 2), ("--prefix=/usr/local", 3), ("", 3)])
def test_a_machine_that_does_not_run_systemd_stays_as_it_is(node: System, options: str, status: int) -> None:
    before = node.files()
    done = node.attempt(f"/srv/here/install.sh {options}")
    assert done.returncode == status
    assert done.stderr
    assert node.files() == before


@pytest.mark.parametrize("place", [OPT, VAR])
def test_on_a_running_system(booted: Booted, place: str) -> None:
    if place == VAR:
        booted.run(READ_ONLY_OPT)
    before = booted.run(OURS)
    booted.run("/srv/here/install.sh --restart=never")
    said = booted.run(f"{place}/bin/{PROGRAM} version; {place}/current/{PROGRAM} version; ls -A /opt")
    assert said == f"{PROGRAM} {VERSION}\n" * 2 + (f"{PROGRAM}\n" if place == OPT else "")
    assert booted.run(f"systemctl is-active {PROGRAM}-renew.timer {PROGRAM}-repair.timer") == "active\n" * 2
    assert booted.run(f"systemctl is-enabled {PROGRAM}-warm.service {PROGRAM}-rollback.service") == "enabled\n" * 2
    report = json.loads(booted.run(f"cat /run/{PROGRAM}/report/status.json"))
    assert report["installed"]["version"] == VERSION
    booted.run(f"rm /run/{PROGRAM}/report/status.json; systemctl start {PROGRAM}-repair.service")
    assert json.loads(booted.run(f"cat /run/{PROGRAM}/report/status.json"))["installed"] == report["installed"]
    # The program takes itself away.
    booted.run(f"{place}/bin/{PROGRAM} uninstall --restart=never")
    assert booted.run(OURS) == before
    assert PROGRAM not in booted.run("systemctl list-units --all --no-legend --plain; ls /run")
