"""Files of a node as values, in this machine's tree and in an image's."""

import os
import stat
from pathlib import Path

import pytest

from provider.node.files import File, Folder, Link, NodeError, Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "etc").mkdir()
    return Tree(str(tmp_path))


@pytest.mark.parametrize("state", [File(b"\x00text\n", 0o640), Link("../elsewhere"), Folder(0o700)])
def test_what_is_put_is_found(tree: Tree, state: File | Link | Folder) -> None:
    mine = type(state) is Link or (os.getuid(), os.getgid())
    if mine is not True:
        state = type(state)(*([state.content] if isinstance(state, File) else []), state.mode, *mine)  # type: ignore
    tree.put("/etc/a", state)
    assert tree.state("/etc/a") == state
    tree.put("/etc/a", None)
    assert tree.state("/etc/a") is None
    assert tree.names("/etc") == []


def test_a_file_is_replaced_by_rename(tree: Tree, tmp_path: Path) -> None:
    place = tmp_path / "etc/a"
    place.write_text("before")
    with place.open() as reader:
        tree.put("/etc/a", File(b"after", 0o600, os.getuid(), os.getgid()))
        assert reader.read() == "before"
    assert place.read_text() == "after"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert tree.names("/etc") == ["a"]


def test_links_stay_inside_the_tree(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "etc/absolute").symlink_to("/real")
    (tmp_path / "etc/up").symlink_to("../../../../real")
    (tmp_path / "real/file").symlink_to("/etc/target")
    for folder in ("/etc/absolute", "/etc/up"):
        assert tree.resolve(f"{folder}/file") == "/etc/target"
        assert tree.at(f"{folder}/file") == f"{tmp_path}/real/file"
        assert tree.state(f"{folder}/file") == Link("/etc/target")
        assert tree.text(f"{folder}/file") is None
    (tmp_path / "etc/target").write_text("here")
    assert tree.text("/etc/up/file") == "here"


def test_links_in_circles(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "etc/one").symlink_to("two")
    (tmp_path / "etc/two").symlink_to("one")
    with pytest.raises(NodeError, match="/etc/one/file: its symbolic links go in circles"):
        tree.state("/etc/one/file")


def test_what_cannot_be_is_said_with_the_path(tree: Tree, tmp_path: Path) -> None:
    with pytest.raises(NodeError, match=r"^/etc/missing/file: No such file or directory$"):
        tree.put("/etc/missing/file", File(b""))
    (tmp_path / "etc/pipe").unlink(missing_ok=True)
    os.mkfifo(tmp_path / "etc/pipe")
    with pytest.raises(NodeError, match="/etc/pipe: is neither a file nor a directory"):
        tree.state("/etc/pipe")
    (tmp_path / "etc/text").write_bytes(b"\xff")
    with pytest.raises(NodeError, match="/etc/text: is not UTF-8 text"):
        tree.text("/etc/text")
    (tmp_path / "etc/full").mkdir()
    (tmp_path / "etc/full/file").touch()
    with pytest.raises(NodeError, match=r"^/etc/full: "):
        tree.put("/etc/full", None)


def test_a_folder_that_is_there_gets_its_mode(tree: Tree) -> None:
    mine = (os.getuid(), os.getgid())
    tree.put("/etc/folder", Folder(0o755, *mine))
    tree.put("/etc/folder/file", File(b"kept", 0o644, *mine))
    tree.put("/etc/folder", Folder(0o700, *mine))
    assert tree.state("/etc/folder") == Folder(0o700, *mine)
    assert tree.names("/etc/folder") == ["file"]
