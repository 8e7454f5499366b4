"""A change that was cut short is undone by systemd alone, hardened as the unit is: with nothing of ours running."""

from pathlib import Path

import pytest

from provider.node.files import Change, File, Link, Tree
from provider.node.generations import Generations
from provider.node.record import NODE, Record
from provider.places import PROGRAM
from tests.systems.system import Booted, System, wait_for

ROOT = Path(__file__).parents[2]
SERVICE, TIMER = (f"{PROGRAM}-rollback.{kind}" for kind in ("service", "timer"))
KUBELET = b"""\
[Service]
ExecStart=/bin/sh -c "[ ! -e /etc/broken ] && exec sleep infinity"
[Install]
WantedBy=multi-user.target
"""
SECONDS = 30
RECORD = Record("1.0", "/opt", "flags", "set", "", "", "kubelet.service", "", 0.0)
BEFORE = {
    "/etc/broken": None,
    "/etc/default/kubelet": File(b"KUBELET_EXTRA_ARGS=\n", 0o640, 1234, 56),
    "/srv/bin/other": Link("../somewhere"),
}
AFTER = {
    "/etc/broken": File(b""),
    "/etc/default/kubelet": File(b"KUBELET_EXTRA_ARGS=--none\n", 0o600),
    "/srv/bin/other": File(b"#!/bin/sh\n", 0o755),
}


@pytest.fixture
def node(system: System) -> System:
    """A system with these units and no bundle, in which a change was cut short."""
    for path in (ROOT / "systemd").glob(f"{PROGRAM}-rollback.*"):
        system.put(f"/etc/systemd/system/{path.name}", path)
    system.put("/etc/systemd/system/kubelet.service", KUBELET)
    system.run(f"systemctl --quiet enable kubelet.service {SERVICE}; mkdir -p /srv/bin /etc/default")
    return system


def cut_short(root: Path) -> None:
    """A change, made and not committed."""
    tree = Tree(str(root))
    for path, state in BEFORE.items():
        (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        tree.put(path, state)
    generations = Generations(tree, lambda command: 1)
    (root / "var/lib").mkdir(parents=True, exist_ok=True)
    with generations.lock():
        changes = [Change(path, BEFORE[path], after) for path, after in AFTER.items()]
        generations.begin(changes, RECORD, "kubelet.service", ran=True)
    for change in changes:
        tree.put(change.path, change.after)


def is_undone(root: Path) -> bool:
    tree = Tree(str(root))
    return all(tree.state(path) == state for path, state in BEFORE.items()) and tree.state(f"{NODE}/pending") is None


def root_of(booted: Booted) -> Path:
    """The running system's files."""
    return Path(f"/proc/{booted.leader}/root")


def test_at_a_boot_before_the_kubelet(node: System) -> None:
    cut_short(node.folder / "upper")
    with node.booted() as booted:
        assert is_undone(root_of(booted))
        assert booted.run("systemctl is-active kubelet.service") == "active\n"
        shown = booted.run(f"systemctl show --property=Result,ExecMainExitTimestampMonotonic {SERVICE}")
        values = dict(line.split("=", 1) for line in shown.splitlines())
        kubelet = booted.run("systemctl show --property=ExecMainStartTimestampMonotonic,NRestarts kubelet.service")
        started = dict(line.split("=", 1) for line in kubelet.splitlines())
        assert values["Result"] == "success"
        assert 0 < int(values["ExecMainExitTimestampMonotonic"]) <= int(started["ExecMainStartTimestampMonotonic"])
        assert booted.run("systemctl is-system-running") == "running\n"
        said = booted.run(f"journalctl --no-pager --output=cat --identifier={PROGRAM}")
        assert said == f"{PROGRAM}: what was before the change is back\n"
        booted.power_off()


def test_without_a_change_a_boot_runs_nothing(node: System) -> None:
    with node.booted() as booted:
        assert booted.run(f"systemctl show --property=ConditionResult {SERVICE}") == "ConditionResult=no\n"
        assert booted.run("systemctl is-system-running") == "running\n"
        booted.power_off()


def test_by_the_timer_while_the_kubelet_fails(node: System) -> None:
    node.put(f"/etc/systemd/system/{TIMER}.d/soon.conf", b"[Timer]\nOnActiveSec=\nOnActiveSec=3\n")
    with node.booted() as booted:
        cut_short(root_of(booted))
        booted.run(f"systemctl start {TIMER}; systemctl restart kubelet.service")
        wait_for(lambda: is_undone(root_of(booted)), SECONDS, "the timer")
        wait_for(
            lambda: booted.attempt("systemctl is-active --quiet kubelet.service").returncode == 0,
            SECONDS,
            "the kubelet",
        )
        # Told to start, and asked nothing more.
        wait_for(
            lambda: booted.attempt(f"systemctl is-active --quiet {TIMER}").returncode != 0, SECONDS, "the timer's end"
        )
        booted.power_off()


def test_the_timer_tries_again_where_it_could_not_be_done(node: System) -> None:
    node.put(f"/etc/systemd/system/{TIMER}.d/soon.conf", b"[Timer]\nOnActiveSec=\nOnActiveSec=1\nOnActiveSec=4\n")
    script = "#!/bin/sh\n[ -e /etc/tried ] && rm /var/lib/*/node/pending && exit\n: >/etc/tried\nexit 1\n"
    with node.booted() as booted:
        # What the service did before does not count: it ran a moment ago.
        booted.run(
            f"""mkdir -p {NODE}/generations/1; ln -s generations/1 {NODE}/pending
            echo exit >{NODE}/pending/undo.sh; systemctl start {SERVICE}"""
        )
        (root_of(booted) / NODE[1:] / "generations/1/undo.sh").write_text(script)
        booted.run(f"systemctl start {TIMER}")
        wait_for(lambda: (root_of(booted) / "etc/tried").exists(), SECONDS, "the first try")
        pending = root_of(booted) / NODE[1:] / "pending"
        assert pending.is_symlink()
        wait_for(lambda: not pending.is_symlink(), SECONDS, "the second")
        booted.power_off()


def test_a_reload_of_systemd_does_not_disarm_the_timer(node: System) -> None:
    with node.booted() as booted:
        shown = f"systemctl show --property=ActiveState,SubState,NextElapseUSecMonotonic {TIMER}"
        said = booted.run(f"systemctl start {TIMER}; systemctl daemon-reload; {shown}").splitlines()
        assert {"ActiveState=active", "SubState=waiting"} <= set(said)
        assert "NextElapseUSecMonotonic=infinity" not in said
        booted.power_off()
