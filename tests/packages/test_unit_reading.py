"""What our reading of units says, and what a real systemd says and starts, side by side."""

import base64
import io
import os
import re
import shlex
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from provider.node.detect.detect import detect
from provider.node.detect.environment import environment_files
from provider.node.detect.flag_places import flag_changes
from provider.node.detect.found import Flags
from provider.node.detect.kubelet_flags import flags_of, is_with
from provider.node.detect.processes import running
from provider.node.detect.starts import start_of
from provider.node.detect.systemd_units import NOTHING, Unit, load
from provider.node.files import Tree
from tests.systems.system import Booted, System, wait_for
from tests.unit.node_unit_sets import SETS, UnitSet

SECONDS = 60
FLAGS = Flags("/etc/aliyun/providers.yaml", "/opt/aliyun/bin")
PROGRAM = """\
#!/bin/sh
printf '%s\\0' "$@" >/arguments.new
mv /arguments.new /arguments
sleep 1000 &
wait
"""


@pytest.fixture(scope="module")
def booted(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    with System(base, tmp_path_factory.mktemp("units") / "system") as system, system.booted() as running_system:
        yield running_system
        running_system.power_off()


@pytest.fixture(scope="module", params=SETS)
def laid(booted: Booted, request: pytest.FixtureRequest) -> Iterator[UnitSet]:
    """A set of units in the running system, which is as before when it ends."""
    given = SETS[request.param]
    files = {**given.files, given.executable: PROGRAM}
    put(booted, files, dict(given.links))
    booted.run("systemctl daemon-reload")
    try:
        yield given
    finally:
        paths = shlex.join([*files, *given.links])
        booted.run(f"systemctl kill --signal=KILL {given.unit} || true; systemctl stop {given.unit}")
        folders = shlex.join(sorted({str(Path(path).parent) for path in (*files, *given.links)}))
        booted.run(f"rm -f {paths} /arguments; rmdir --ignore-fail-on-non-empty {folders}")
        booted.run(f"systemctl daemon-reload; systemctl reset-failed {given.unit} || true")


def put(booted: Booted, files: dict[str, str], links: dict[str, str]) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(path.lstrip("/"))
            member.size, member.mode = len(text.encode()), 0o755
            archive.addfile(member, io.BytesIO(text.encode()))
        for path, target in links.items():
            member = tarfile.TarInfo(path.lstrip("/"))
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    booted.run(
        f"base64 --decode <<<{base64.b64encode(packed.getvalue()).decode()} | tar -x -C / --keep-directory-symlink"
    )


def tree_of(booted: Booted) -> Tree:
    return Tree(f"/proc/{booted.leader}/root")


def unit_of(booted: Booted, given: UnitSet) -> Unit:
    unit = load(tree_of(booted), given.unit)
    assert unit is not None
    return unit


def shown(booted: Booted, unit: str, name: str) -> str:
    return booted.run(f"systemctl show --property={name} --value {unit}").strip()


def test_the_files_that_count(booted: Booted, laid: UnitSet) -> None:
    unit = unit_of(booted, laid)
    files = [shown(booted, laid.unit, "FragmentPath"), *shown(booted, laid.unit, "DropInPaths").split()]
    resolved = [tree_of(booted).resolve(file) for file in files]
    assert list(unit.files) == [file for file in resolved if file != NOTHING]


def test_the_variables_of_the_unit(booted: Booted, laid: UnitSet) -> None:
    variables = start_of(tree_of(booted), unit_of(booted, laid)).variables
    ours = {name: variable.value for name, variable in variables.items() if not variable.file}
    theirs = dict(word.split("=", 1) for word in shlex.split(shown(booted, laid.unit, "Environment")))
    in_files = [name for name, variable in variables.items() if variable.file]
    assert {name: value for name, value in theirs.items() if name not in in_files} == ours


def test_the_files_of_variables(booted: Booted, laid: UnitSet) -> None:
    files = re.findall(r"(\S+) \(ignore_errors=(yes|no)\)", shown(booted, laid.unit, "EnvironmentFiles"))
    ours = [(file.path, "yes" if file.optional else "no") for file in environment_files(unit_of(booted, laid))]
    assert ours == files


def started(booted: Booted, unit: str) -> list[str]:
    """The arguments that systemd starts the unit's program with."""
    # Whose type is notify is never told to be up.
    booted.run(f"rm -f /arguments; systemctl daemon-reload; systemctl restart --no-block {unit}")
    place = Path(f"{tree_of(booted).root}/arguments")
    wait_for(place.exists, SECONDS, f"{unit} to run")
    return os.fsdecode(place.read_bytes()).split("\0")[:-1]


def test_the_command_line(booted: Booted, laid: UnitSet) -> None:
    start = start_of(tree_of(booted), unit_of(booted, laid))
    values = {name: variable.value for name, variable in start.variables.items()}
    assert list(start.command.expanded(values))[1:] == started(booted, laid.unit)
    argument = re.search(r"argv\[\]=(\S+)", shown(booted, laid.unit, "ExecStart"))
    assert argument is not None
    assert start.command.words[0] == argument[1]


def test_the_flags(booted: Booted, laid: UnitSet) -> None:
    """With the change that is proven in memory, systemd starts what it started, and the two flags."""
    tree = tree_of(booted)
    before = started(booted, laid.unit)
    if flags_of(["kubelet", *before]) != Flags():
        pytest.skip("this unit has them already")
    # A script of that name would be left alone.
    put(booted, {laid.executable: "\x7fELF"}, {})
    found = detect(tree, run=lambda command: "")
    changes = flag_changes(tree, found, FLAGS)
    put(booted, {laid.executable: PROGRAM}, {})
    for change in changes:
        booted.run(f"mkdir -p {os.path.dirname(change.path)}")
        tree.put(change.path, change.after)
    try:
        after = started(booted, laid.unit)
    finally:
        for change in changes:
            tree.put(change.path, change.before)
    if found.system in ("k3s", "rke2"):
        assert after == before
    else:
        assert is_with(FLAGS, ["kubelet", *before], ["kubelet", *after])


def test_the_process(booted: Booted, laid: UnitSet) -> None:
    before = time.time()
    started(booted, laid.unit)
    name = Path(laid.executable).name
    # What it is about to run has its name for a moment.
    one = running(f"{tree_of(booted).root}/proc", [name], time.time)[0]
    assert (one.program, one.unit) == (name, laid.unit)
    assert one.process.pid == int(shown(booted, laid.unit, "MainPID"))
    assert before - 0.05 <= one.process.started <= time.time()
    # From outside it is a container's.
    assert one.process.command_line not in [other.process.command_line for other in running("/proc", [name], time.time)]
