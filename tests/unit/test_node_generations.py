"""Changes of a node: committed, undone by the script, cut short."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from provider.node.files import Change, File, Folder, Link, State, Tree
from provider.node.generations import Generations
from provider.node.record import NODE, PENDING, KeptFile, Record

if os.geteuid():
    pytest.skip("only root can give files to an owner", allow_module_level=True)

BEFORE = File(b"before\n", 0o640, 3, 4)
AFTER = File(b"after\n", 0o600)


def run(arguments: Sequence[str]) -> int:
    # systemd is not asked: the script is told of a root.
    return subprocess.run(arguments, check=False).returncode


def record() -> Record:
    return Record("0.1.0", "/opt/p", "flags", "set", "/etc/p", "/opt/p/bin", "kubelet.service", "1.34.4", 1.0)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    for folder in ("etc", "var/lib"):
        (tmp_path / folder).mkdir(parents=True)
    made = Tree(str(tmp_path))
    made.put("/etc/changed file", BEFORE)
    made.put("/etc/link", Link("old"))
    made.put("/etc/gone", BEFORE)
    return made


@pytest.fixture
def generations(tree: Tree) -> Iterator[Generations]:
    made = Generations(tree, run)
    with made.lock():
        yield made


def everything(tree: Tree) -> dict[str, object]:
    names = ["changed file", "link", "gone", "folder", "folder/new", "new link"]
    return {name: tree.state(f"/etc/{name}") for name in names}


def changes(tree: Tree) -> list[Change]:
    wanted: list[tuple[str, State]] = [
        ("/etc/folder", Folder(0o755)),
        ("/etc/folder/new", AFTER),
        ("/etc/changed file", AFTER),
        ("/etc/link", Link("new")),
        ("/etc/gone", None),
        ("/etc/new link", Link("anywhere")),
    ]
    return [Change(path, tree.state(path), state) for path, state in wanted]


def apply(tree: Tree, made: Sequence[Change]) -> None:
    for change in made:
        tree.put(change.path, change.after)


@pytest.mark.parametrize("done", range(7))
def test_a_change_cut_short_anywhere_is_undone(tree: Tree, generations: Generations, done: int) -> None:
    found = everything(tree)
    made = changes(tree)
    generations.begin(made, record(), "kubelet.service", ran=True)
    apply(tree, made[:done])
    assert generations.recover() == "an earlier change was cut short, and is put back"
    assert everything(tree) == found
    assert (generations.installed(), generations.pending(), generations.record()) == ("", "", None)
    assert not generations.recover()


def test_what_comes_back_is_as_old_as_it_was(tree: Tree, generations: Generations) -> None:
    for second, name in enumerate(("changed file", "gone"), start=1_000_000_000):
        os.utime(tree.at(f"/etc/{name}"), (second, second))
    generations.begin(changes(tree), record(), "kubelet.service", ran=True)
    apply(tree, changes(tree))
    generations.undo()
    assert os.stat(tree.at("/etc/changed file")).st_mtime == 1_000_000_000
    assert os.stat(tree.at("/etc/gone")).st_mtime == 1_000_000_001


def test_a_committed_change_stays(tree: Tree, generations: Generations) -> None:
    made = changes(tree)
    generation = generations.begin(made, record(), "kubelet.service", ran=True)
    apply(tree, made)
    generations.commit(generation, unproven=False)
    assert generations.pending() == ""
    assert generations.installed() == generation.name
    assert everything(tree) == {change.path.removeprefix("/etc/"): change.after for change in made}
    kept = generations.record()
    assert kept is not None
    changed = kept.kept("/etc/changed file")
    assert changed is not None
    assert isinstance(changed.before, KeptFile)
    assert (changed.before.mode, changed.before.uid, changed.before.gid) == (0o640, 3, 4)
    assert generations.original(changed) == BEFORE.content


def test_a_commit_cut_short_is_settled(tree: Tree, generations: Generations) -> None:
    made = changes(tree)
    generation = generations.begin(made, record(), "kubelet.service", ran=True)
    apply(tree, made)
    tree.put(f"{NODE}/installed", Link(generation.name))
    assert generations.recover() == ""
    assert generations.installed() == generation.name
    assert generations.pending() == ""
    assert tree.state("/etc/changed file") == AFTER


def test_an_unproven_change_can_still_be_undone(tree: Tree, generations: Generations) -> None:
    found = everything(tree)
    made = changes(tree)
    generation = generations.begin(made, record(), "kubelet.service", ran=True)
    apply(tree, made)
    generations.commit(generation, unproven=True)
    assert generations.is_unproven()
    # Without systemd nothing is known of the kubelet: it stays.
    generations.recover()
    assert generations.is_unproven()
    generations.undo()
    assert everything(tree) == found
    assert generations.installed() == ""


def test_the_first_install_decides_what_was_before(tree: Tree, generations: Generations) -> None:
    first = [Change("/etc/changed file", BEFORE, AFTER)]
    second = [Change("/etc/changed file", AFTER, File(b"later\n")), Change("/etc/gone", BEFORE, None)]
    for made in (first, second):
        generation = generations.begin(made, record(), "kubelet.service", ran=True)
        apply(tree, made)
        generations.commit(generation, unproven=False)
    kept = generations.record()
    assert kept is not None
    assert [each.path for each in kept.changes] == ["/etc/changed file", "/etc/gone"]
    assert [generations.original(each) for each in kept.changes] == [BEFORE.content, BEFORE.content]
    assert isinstance(kept.changes[0].after, KeptFile)
    assert kept.changes[0].after.mode == 0o644
    assert tree.names(f"{NODE}/generations") == ["2"]


def test_an_undone_second_change_leaves_the_first(tree: Tree, generations: Generations) -> None:
    first = [Change("/etc/changed file", BEFORE, AFTER)]
    generation = generations.begin(first, record(), "kubelet.service", ran=True)
    apply(tree, first)
    generations.commit(generation, unproven=False)
    removal = [Change("/etc/changed file", AFTER, BEFORE)]
    second = generations.begin(removal, None, "kubelet.service", ran=True)
    apply(tree, removal)
    generations.commit(second, unproven=True)
    assert generations.installed() == ""
    generations.undo()
    assert tree.state("/etc/changed file") == AFTER
    assert generations.installed() == generation.name


def test_changes_that_no_kubelet_started_with_are_undone_together(tree: Tree, generations: Generations) -> None:
    found = everything(tree)
    later = File(b"later\n")
    rounds = [
        [Change("/etc/folder", None, Folder(0o755)), Change("/etc/changed file", BEFORE, AFTER)],
        [Change("/etc/changed file", AFTER, later), Change("/etc/folder/new", None, AFTER)],
        [Change("/etc/link", Link("old"), Link("new")), Change("/etc/changed file", later, AFTER)],
    ]
    for made in rounds:
        generation = generations.begin(made, record(), "kubelet.service", ran=True)
        apply(tree, made)
        generations.commit(generation, unproven=True)
    generations.undo()
    assert everything(tree) == found
    assert (generations.installed(), generations.pending()) == ("", "")


def test_what_a_kubelet_started_with_is_what_comes_back(tree: Tree, generations: Generations) -> None:
    rounds = [
        [Change("/etc/changed file", BEFORE, AFTER)],
        [Change("/etc/link", Link("old"), Link("new"))],
        [Change("/etc/gone", BEFORE, None)],
    ]
    names = []
    for made, unproven in zip(rounds, (False, True, True), strict=True):
        generation = generations.begin(made, record(), "kubelet.service", ran=True)
        apply(tree, made)
        generations.commit(generation, unproven=unproven)
        names.append(generation.name)
    generations.undo()
    assert generations.installed() == names[0]
    assert (tree.state("/etc/changed file"), tree.state("/etc/link")) == (AFTER, Link("old"))
    assert tree.state("/etc/gone") == BEFORE


def test_a_lost_folder_is_no_obstacle(tree: Tree, generations: Generations) -> None:
    tree.put(PENDING, Link("generations/7"))
    assert generations.recover() == ""
    assert generations.pending() == ""


def test_nothing_is_left(tree: Tree, generations: Generations) -> None:
    generations.remove()
    assert tree.names("/var/lib") == []


def test_only_one_at_a_time(tree: Tree, generations: Generations, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provider.node.lock.LOCK_SECONDS", 0.1)
    with (
        pytest.raises(Exception, match="another install, repair or uninstall is at work"),
        Generations(tree, run).lock(),
    ):
        pass


def test_the_folder_is_roots_alone(tree: Tree, generations: Generations) -> None:
    made = changes(tree)
    generation = generations.begin(made, record(), "kubelet.service", ran=True)
    assert tree.state(NODE) == Folder(0o700)
    assert tree.state(PENDING) == Link(generation.name)
    script = tree.state(f"{generation.folder}/undo.sh")
    assert isinstance(script, File)
    assert script.mode == 0o700
