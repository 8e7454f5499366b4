"""Where the bundle goes, and where it must not."""

import os
from pathlib import Path

import pytest

from provider.node.bundle.contents import HOME
from provider.node.bundle.prefix import INSTEAD, check_owner, check_prefix, is_package, prefix_for
from provider.node.files import NodeError, Tree
from provider.places import PROGRAM


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    for folder in ("opt", "var/lib", "usr/lib/systemd/system"):
        (tmp_path / folder).mkdir(parents=True)
    return Tree(str(tmp_path))


def make_package(tree: Tree) -> None:
    Path(tree.root, f"usr/lib/systemd/system/{PROGRAM}-warm.service").write_text("")


def test_opt_is_the_first_choice(tree: Tree) -> None:
    assert prefix_for(tree) == HOME


def test_opt_may_be_missing(tree: Tree) -> None:
    os.rmdir(f"{tree.root}/opt")
    assert prefix_for(tree) == HOME


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; tests/packages has the read-only /opt")
def test_var_is_the_second(tree: Tree) -> None:
    os.chmod(f"{tree.root}/opt", 0o555)
    assert prefix_for(tree) == INSTEAD


@pytest.mark.parametrize("prefix", [HOME, INSTEAD])
def test_where_it_is_installed_it_stays(tree: Tree, prefix: str) -> None:
    os.makedirs(tree.root + prefix)
    os.symlink("1.0", f"{tree.root}{prefix}/current")
    assert prefix_for(tree) == prefix


def test_data_alone_is_no_installation(tree: Tree) -> None:
    os.makedirs(f"{tree.root}{INSTEAD}/node")
    assert prefix_for(tree) == HOME


def test_what_is_asked_for_counts(tree: Tree) -> None:
    assert prefix_for(tree, f"/usr/local/lib/{PROGRAM}/") == f"/usr/local/lib/{PROGRAM}"


def test_a_packages_place_is_its_own(tree: Tree) -> None:
    assert not is_package(tree)
    make_package(tree)
    assert is_package(tree)
    assert prefix_for(tree) == prefix_for(tree, f"{HOME}/") == HOME
    with pytest.raises(NodeError, match="belongs to the installed package"):
        prefix_for(tree, INSTEAD)


REFUSED = {
    "relative": f"opt/{PROGRAM}",
    "empty": "",
    "the root": "/",
    "of everybody": "/usr/local",
    "a name that only ends so": f"/opt/my-{PROGRAM}",
    "two slashes": f"/opt//{PROGRAM}",
    "up": f"/opt/../{PROGRAM}",
    "here": f"/opt/./{PROGRAM}",
    "a character of the shell": f"/o|t/{PROGRAM}",
    "a space": f"/opt/a b/{PROGRAM}",
    "a line": f"/opt/a\n/{PROGRAM}",
    "a percent sign": f"/opt/%n/{PROGRAM}",
    "our state": f"/run/{PROGRAM}",
    "our configuration": f"/etc/{PROGRAM}",
    "cleaned": f"/tmp/{PROGRAM}",
    "a device": f"/dev/shm/{PROGRAM}",
}


@pytest.mark.parametrize("prefix", REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_a_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(NodeError) as caught:
        check_prefix(prefix)
    assert str(caught.value).startswith("prefix ")


@pytest.mark.parametrize("prefix", [HOME, INSTEAD, f"/srv/a-b_c.d/{PROGRAM}", f"/opt/{PROGRAM}/"])
def test_what_can(prefix: str) -> None:
    check_prefix(prefix)


@pytest.mark.parametrize(("mode", "refused"), [(0o755, False), (0o700, False), (0o775, True), (0o757, True)])
def test_nobody_else_may_write_there(tree: Tree, mode: int, refused: bool) -> None:
    check_owner(tree, HOME)  # nothing there
    os.mkdir(tree.root + HOME)
    os.chmod(tree.root + HOME, mode)
    if not refused:
        check_owner(tree, HOME)
        return
    with pytest.raises(NodeError, match="others than root may write there"):
        check_owner(tree, HOME)
