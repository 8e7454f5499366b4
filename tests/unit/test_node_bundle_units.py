"""The units as changes to a node's files."""

import os
from pathlib import Path

import pytest

from provider.node.bundle.contents import HOME
from provider.node.bundle.source import Source
from provider.node.bundle.units import TIMERS, TMPFILES, UNITS, unit_changes, unit_removals
from provider.node.files import Change, File, Link, Tree
from provider.places import PROGRAM
from tests.unit import fake_bundle

if os.geteuid():
    pytest.skip("a node's files are root's", allow_module_level=True)

ENABLED = {
    "multi-user.target.wants": ["rollback.service", "warm.service"],
    "timers.target.wants": ["renew.timer", "repair.timer"],
}
NAMES = ["renew.service", "renew.timer", "repair.service", "repair.timer", "rollback.service", "rollback.timer",
         "warm.service"]  # fmt: skip


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return fake_bundle.make(tmp_path / "source")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "root/etc").mkdir(parents=True)
    return Tree(str(tmp_path / "root"))


def apply(tree: Tree, changes: list[Change]) -> None:
    for change in changes:
        os.makedirs(os.path.dirname(tree.root + change.path), exist_ok=True)
        tree.put(change.path, change.after)


def unit(name: str) -> str:
    return f"{UNITS}/{PROGRAM}-{name}"


def test_all_units_are_placed_and_enabled_at_first(tree: Tree, source: Source) -> None:
    apply(tree, unit_changes(tree, HOME, source))
    assert tree.names(UNITS) == sorted([*(f"{PROGRAM}-{name}" for name in NAMES), *ENABLED])
    for folder, names in ENABLED.items():
        assert tree.names(f"{UNITS}/{folder}") == [f"{PROGRAM}-{name}" for name in names]
        for name in names:
            assert tree.state(f"{UNITS}/{folder}/{PROGRAM}-{name}") == Link(unit(name))
    assert tree.names(TMPFILES) == [f"{PROGRAM}.conf"]
    assert unit_changes(tree, HOME, source) == []
    assert set(TIMERS) == {f"{PROGRAM}-{name}" for name in ENABLED["timers.target.wants"]}


def test_the_prefix_stands_in_the_units_and_nothing_else_changes(tree: Tree, source: Source) -> None:
    prefix = f"/srv/deep/{PROGRAM}"
    apply(tree, unit_changes(tree, prefix, source))
    for name, text in source.node_files("systemd").items():
        written = tree.text(f"{UNITS}/{name}")
        assert written is not None
        assert HOME not in written
        assert written.replace(prefix, HOME) == text
    assert f"ExecStart={prefix}/current/{PROGRAM} repair\n" in (tree.text(unit("repair.service")) or "")
    # The data are where they are.
    assert f"=|/var/lib/{PROGRAM}/node/installed\n" in (tree.text(unit("repair.service")) or "")


def test_what_was_disabled_stays_so_and_what_was_changed_is_put_back(tree: Tree, source: Source) -> None:
    apply(tree, unit_changes(tree, HOME, source))
    os.unlink(f"{tree.root}{UNITS}/timers.target.wants/{PROGRAM}-renew.timer")
    original = tree.state(unit("renew.timer"))
    edited = File(b"[Timer]\n")
    tree.put(unit("renew.timer"), edited)
    assert unit_changes(tree, HOME, source) == [Change(unit("renew.timer"), edited, original)]


def test_a_unit_that_is_gone_comes_back_enabled_and_its_link_first(tree: Tree, source: Source) -> None:
    apply(tree, unit_changes(tree, HOME, source))
    link = f"{UNITS}/multi-user.target.wants/{PROGRAM}-warm.service"
    for path in (link, unit("warm.service")):
        os.unlink(tree.root + path)
    changes = unit_changes(tree, HOME, source)
    assert [(change.path, change.before) for change in changes] == [(link, None), (unit("warm.service"), None)]


def test_a_masked_unit_stays_masked(tree: Tree, source: Source) -> None:
    os.makedirs(tree.root + UNITS)
    os.symlink("/dev/null", tree.root + unit("repair.timer"))
    changed = {change.path for change in unit_changes(tree, HOME, source)}
    assert unit("renew.timer") in changed
    assert not {path for path in changed if "repair.timer" in path}


def test_a_package_has_its_own(tree: Tree, source: Source) -> None:
    os.makedirs(f"{tree.root}/usr/lib/systemd/system")
    Path(tree.root, f"usr/lib/systemd/system/{PROGRAM}-warm.service").write_text("")
    assert unit_changes(tree, HOME, source) == []
    assert unit_removals(tree) == []


def test_removal_takes_ours_and_leaves_everything_else(tree: Tree, source: Source) -> None:
    os.makedirs(f"{tree.root}{UNITS}/multi-user.target.wants")
    os.makedirs(f"{tree.root}{UNITS}/timers.target.wants")
    os.makedirs(tree.root + TMPFILES)
    for path in (f"{UNITS}/kubelet.service", f"{UNITS}/my-{PROGRAM}-x.service", f"{TMPFILES}/a.conf"):
        Path(tree.root + path).write_text("")
    before = fake_bundle.facts(Path(tree.root))
    apply(tree, unit_changes(tree, HOME, source))
    # Somebody enabled it elsewhere too, and an older version had another one.
    os.symlink(unit("warm.service"), f"{tree.root}{UNITS}/timers.target.wants/{PROGRAM}-warm.service")
    Path(tree.root + unit("older.timer")).write_text("")
    drop_in = Path(tree.root + unit("renew.service") + ".d/own.conf")
    drop_in.parent.mkdir()
    drop_in.write_text("")
    apply(tree, unit_removals(tree))
    assert unit_removals(tree) == []
    assert drop_in.exists()
    drop_in.unlink()
    drop_in.parent.rmdir()
    assert fake_bundle.facts(Path(tree.root)) == before


def test_a_removal_that_was_cut_short_anywhere_leaves_nothing_that_stays_disabled(tree: Tree, source: Source) -> None:
    for folder in ("multi-user.target.wants", "sysinit.target.wants", "timers.target.wants"):
        os.makedirs(f"{tree.root}{UNITS}/{folder}", exist_ok=True)
    os.makedirs(tree.root + TMPFILES, exist_ok=True)
    apply(tree, unit_changes(tree, HOME, source))
    enabled = sorted(Path(tree.root).glob(f"{UNITS[1:]}/*.wants/*"))
    removals = unit_removals(tree)
    assert len(removals) > 5
    for done in range(len(removals) + 1):
        apply(tree, removals[:done])
        apply(tree, unit_changes(tree, HOME, source))
        assert sorted(Path(tree.root).glob(f"{UNITS[1:]}/*.wants/*")) == enabled, f"{done} of {removals}"
