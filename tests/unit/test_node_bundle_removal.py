"""The bundle is taken away, and nothing else."""

import os
import time
from pathlib import Path

import pytest

from provider.node.bundle.contents import HOME, LIBRARIES
from provider.node.bundle.place import place
from provider.node.bundle.removal import removal
from provider.node.bundle.switch import link_changes
from provider.node.files import Change, Link, NodeError, Tree
from provider.places import PROGRAM
from tests.unit import fake_bundle

DATA = f"/var/lib/{PROGRAM}"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    for folder in ("opt", "var/lib"):
        (tmp_path / "root" / folder).mkdir(parents=True)
    return Tree(str(tmp_path / "root"))


def install(tree: Tree, folder: Path, prefix: str, *names: str) -> None:
    for version in names:
        place(tree, fake_bundle.make(folder / version, version), prefix)
        os.makedirs(f"{tree.root}{prefix}/bin", exist_ok=True)
        for change in link_changes(tree, prefix, version):
            tree.put(change.path, change.after)


@pytest.mark.parametrize("prefix", [HOME, DATA])
def test_nothing_is_left(tree: Tree, tmp_path: Path, prefix: str) -> None:
    before = fake_bundle.facts(Path(tree.root))
    install(tree, tmp_path, prefix, "1.0", "1.1")
    os.makedirs(f"{tree.root}{prefix}/.old-0.9/{LIBRARIES}")
    # Half of a version is one too.
    Path(f"{tree.root}{prefix}/1.0/{PROGRAM}").unlink()
    for _ in range(2):
        assert removal(tree, prefix) == []
        assert fake_bundle.facts(Path(tree.root)) == before


def test_folders_above_go_where_they_were_made(tree: Tree, tmp_path: Path) -> None:
    prefix = f"/srv/deep/{PROGRAM}"
    install(tree, tmp_path, prefix, "1.0")
    Path(tree.root, "srv/somebodys").write_text("")
    assert removal(tree, prefix, ["/srv", "/srv/deep"]) == []
    assert tree.names("/srv") == ["somebodys"]


def test_what_is_not_ours_stays_and_is_named(tree: Tree, tmp_path: Path) -> None:
    install(tree, tmp_path, DATA, "1.0")
    home = Path(tree.root + DATA)
    for name in ("node/generations/1", "2.0", "1.0.bak/_internal", "bin/other"):
        (home / name).mkdir(parents=True)
    (home / "cluster.json").write_text("{}")
    (home / "3.0").symlink_to("/")
    assert removal(tree, DATA) == ["1.0.bak", "2.0", "3.0", "bin", "cluster.json", "node"]
    assert tree.names(f"{DATA}/bin") == ["other"]


def test_links_that_are_not_ours_stay(tree: Tree) -> None:
    os.makedirs(f"{tree.root}{HOME}/bin/{PROGRAM}")
    os.symlink("somewhere", f"{tree.root}{HOME}/current")
    assert removal(tree, HOME) == ["bin", "current"]


def test_nothing_to_do(tree: Tree) -> None:
    assert removal(tree, HOME) == []


def test_a_packages_bundle_stays(tree: Tree, tmp_path: Path) -> None:
    install(tree, tmp_path, HOME, "1.0")
    os.makedirs(f"{tree.root}/usr/lib/systemd/system")
    Path(tree.root, f"usr/lib/systemd/system/{PROGRAM}-warm.service").write_text("")
    before = fake_bundle.facts(Path(tree.root))
    assert removal(tree, HOME) == []
    assert fake_bundle.facts(Path(tree.root)) == before


def test_it_waits_for_pulls_but_not_for_ever(tmp_path: Path) -> None:
    prefix, proc = str(tmp_path / "opt" / PROGRAM), tmp_path / "proc"
    os.makedirs(f"{prefix}/1.0/{LIBRARIES}")
    Path(prefix, "1.0", PROGRAM).write_text("")
    for pid in ("41", str(os.getpid())):
        (proc / pid).mkdir(parents=True)
        (proc / pid / "exe").symlink_to(f"{prefix}/1.0/{PROGRAM}")
    started = time.monotonic()
    assert removal(Tree(), prefix, seconds=0.3, proc=str(proc)) == []
    assert 0.3 <= time.monotonic() - started < 10
    assert not os.path.exists(prefix)


def test_the_links_that_put_a_version_in_force(tree: Tree) -> None:
    changes = link_changes(tree, HOME, "1.0")
    assert changes == [
        Change(f"{HOME}/bin/{PROGRAM}", None, Link(f"../current/{PROGRAM}")),
        Change(f"{HOME}/current", None, Link("1.0")),
    ]
    os.makedirs(f"{tree.root}{HOME}/bin")
    for change in changes:
        tree.put(change.path, change.after)
    assert link_changes(tree, HOME, "1.0") == []
    assert link_changes(tree, HOME, "1.1") == [Change(f"{HOME}/current", Link("1.0"), Link("1.1"))]


def test_a_directory_is_not_replaced_by_a_link(tree: Tree) -> None:
    os.makedirs(f"{tree.root}{HOME}/current")
    with pytest.raises(NodeError, match="is a directory"):
        link_changes(tree, HOME, "1.0")
