"""What install writes down for delivery by the kubelet's config.json, and when it stands back."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from provider.node.delivery_choice import WRITERS, choose_changes
from provider.node.detect.found import Flags, Found, Process
from provider.node.docker_config import CHOSEN, Chosen, parse_chosen
from provider.node.files import Change, File, NodeError, Tree
from provider.node.record import DATA

CONFIG = "/var/lib/kubelet/config.json"
FOUND = Found(
    system="custom",
    unit="kubelet.service",
    executable="/usr/bin/kubelet",
    version=None,
    process=None,
    flags=Flags(),
    live=None,
    health_url="",
    root_dir="/var/lib/kubelet",
    kubeconfig="",
    command_line=(),
)


def write(root: Path, path: str, text: str = "{}", mode: int = 0o644) -> None:
    place = root / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    place.chmod(mode)


def chosen(changes: list[Change]) -> Chosen | None:
    for change in changes:
        if change.path == f"{DATA}/{CHOSEN}" and isinstance(change.after, File):
            assert change.after.mode == 0o600
            return parse_chosen(change.after.content, "")
    return None


def test_the_file_to_be_is_written_down_and_the_units_may_write_it(tmp_path: Path) -> None:
    changes = choose_changes(Tree(str(tmp_path)), FOUND)
    assert chosen(changes) == Chosen(CONFIG, None, {})
    drop_ins = {change.path: change.after for change in changes[1:]}
    assert [path.split("/")[4].removesuffix(".d") for path in drop_ins] == list(WRITERS)
    for state in drop_ins.values():
        assert isinstance(state, File)
        assert state.content.endswith(b"\nReadWritePaths=-/var/lib/kubelet -" + DATA.encode() + b"/node\n")


def test_the_mode_of_a_file_that_is_there_is_kept_in_mind(tmp_path: Path) -> None:
    write(tmp_path, CONFIG, mode=0o640)
    assert chosen(choose_changes(Tree(str(tmp_path)), FOUND)) == Chosen(CONFIG, 0o640, {})


def test_a_second_time_nothing_changes_and_what_is_delivered_stays(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    for change in choose_changes(tree, FOUND):
        Path(tree.at(change.path)).parent.mkdir(parents=True, exist_ok=True)
        state = change.after
        assert isinstance(state, File)
        tree.put(change.path, replace(state, uid=os.getuid(), gid=os.getgid()))
    delivered = Chosen(CONFIG, None, {"a.io": 5})
    write(tmp_path, f"{DATA}/{CHOSEN}", delivered.dump().decode(), 0o600)
    write(tmp_path, CONFIG, mode=0o600)
    changes = choose_changes(tree, FOUND)
    assert chosen(changes) is None
    moved = replace(FOUND, root_dir="/data/kubelet")
    assert chosen(choose_changes(tree, moved)) == Chosen("/data/kubelet/config.json", None, {})


@pytest.mark.parametrize("text", ["", "[]", '{"auths": 1}'])
def test_a_file_that_the_kubelet_cannot_read_stops_it(text: str, tmp_path: Path) -> None:
    write(tmp_path, CONFIG, text)
    with pytest.raises(NodeError, match=f"^{CONFIG}: "):
        choose_changes(Tree(str(tmp_path)), FOUND)


def kubelet(root: Path, home: str = "", working: str = "/") -> tuple[Found, str]:
    """A kubelet that runs, in a /proc of the test's own."""
    place = root / "proc/4711"
    place.mkdir(parents=True)
    variables = ["PATH=/usr/bin", *([f"HOME={home}"] if home else [])]
    (place / "environ").write_bytes("\0".join([*variables, ""]).encode())
    (place / "cwd").symlink_to(working)
    return replace(FOUND, process=Process(4711, 1.0, (), "/usr/bin/kubelet")), str(root / "proc")


HIDDEN = {
    "of its home": ("/home/kubelet", "/", "/home/kubelet/.docker/config.json"),
    "of its working directory": ("", "/srv", "/srv/config.json"),
    "below its working directory, without a home": ("", "/srv", "/srv/.docker/config.json"),
    "of the root": ("/home/kubelet", "/srv", "/.docker/config.json"),
}


@pytest.mark.parametrize(("home", "working", "path"), HIDDEN.values(), ids=HIDDEN.keys())
def test_a_file_that_a_new_one_would_hide_stops_it(home: str, working: str, path: str, tmp_path: Path) -> None:
    found, proc = kubelet(tmp_path / "machine", home, working)
    tree = Tree(str(tmp_path / "tree"))
    choose_changes(tree, found, proc=proc)
    write(tmp_path / "tree", path)
    with pytest.raises(NodeError, match=f"^{path} is what the kubelet reads now, and {CONFIG} would hide it"):
        choose_changes(tree, found, proc=proc)
    write(tmp_path / "tree", CONFIG)
    assert chosen(choose_changes(tree, found, proc=proc)) is not None
