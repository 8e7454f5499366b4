"""How the two flags are written into files of others, and taken out of them again, byte for byte."""

from dataclasses import replace
from pathlib import Path

import pytest

from provider.node.detect.flag_places import without_flags
from provider.node.detect.found import Flags
from provider.node.files import File, Tree
from tests.unit.node_unit_sets import ETC, KUBELET_SERVICE, LIB, kubeadm_drop_in, lay
from tests.unit.test_node_flag_places import (
    BIN_DIR,
    CONFIG,
    ENVIRONMENT,
    EXTRA,
    FLAGS,
    WORDS,
    changes_of,
    found_in,
    make,
    only_change,
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f'KUBELET_EXTRA_ARGS="{WORDS}"\n'),
        ("# A comment\nA=1", f'# A comment\nA=1\nKUBELET_EXTRA_ARGS="{WORDS}"\n'),
        ("A=1\r\n", f'A=1\r\nKUBELET_EXTRA_ARGS="{WORDS}"\r\n'),
        ("KUBELET_EXTRA_ARGS=\r\nA=1\r\n", f'KUBELET_EXTRA_ARGS="{WORDS}"\r\nA=1\r\n'),
        ('KUBELET_EXTRA_ARGS=""', f'KUBELET_EXTRA_ARGS="{WORDS}"'),
        ("KUBELET_EXTRA_ARGS=''\n", f"KUBELET_EXTRA_ARGS='{WORDS}'\n"),
        ("KUBELET_EXTRA_ARGS=--v=1  \n", f"KUBELET_EXTRA_ARGS=--v=1 {WORDS}  \n"),
        (" KUBELET_EXTRA_ARGS = '--v=1' ;\n", f" KUBELET_EXTRA_ARGS = '--v=1' ; {WORDS}\n"),
        ("KUBELET_EXTRA_ARGS=--v=1 \\\n  --a\n\nA=1\n", f"KUBELET_EXTRA_ARGS=--v=1 \\\n  --a {WORDS}\n\nA=1\n"),
        ("KUBELET_EXTRA_ARGS=--v=1 \\\n\nA=1\n", f"KUBELET_EXTRA_ARGS=--v=1 \\\n {WORDS}\nA=1\n"),
        ('KUBELET_EXTRA_ARGS="--v=1 \\\n--a"\n', f'KUBELET_EXTRA_ARGS="--v=1 \\\n--a {WORDS}"\n'),
        (
            "KUBELET_EXTRA_ARGS=--old\nKUBELET_EXTRA_ARGS=--v=1\n",
            f"KUBELET_EXTRA_ARGS=--old\nKUBELET_EXTRA_ARGS=--v=1 {WORDS}\n",
        ),
        ("#KUBELET_EXTRA_ARGS=--v=1\n", f'#KUBELET_EXTRA_ARGS=--v=1\nKUBELET_EXTRA_ARGS="{WORDS}"\n'),
        ('A=\x07\nKUBELET_EXTRA_ARGS="--a=ü"\n', f'A=\x07\nKUBELET_EXTRA_ARGS="--a=ü {WORDS}"\n'),
    ],
)
def test_a_file_of_variables(before: str, after: str, tmp_path: Path) -> None:
    tree = lay(tmp_path, {f"{ETC}/kubelet.service": EXTRA, "/etc/default/kubelet": before})
    old = found_in(tree).command_line
    assert only_change(tree) == ("/etc/default/kubelet", after)
    make(tree, changes_of(tree))
    assert found_in(tree).command_line == (*old, CONFIG, BIN_DIR)


@pytest.mark.parametrize(
    "before",
    [
        "KUBELET_EXTRA_ARGS='--v=1\n",  # does not end
        "KUBELET_EXTRA_ARGS=--a='b\n",  # would take the flags into the quotes
        "# \\\nKUBELET_EXTRA_ARGS=--v=1\n",  # old and new systemd read it in two ways
        "A=1\nB=2 \\",  # goes on at the end
    ],
)
def test_a_file_of_variables_that_is_left_alone(before: str, tmp_path: Path) -> None:
    tree = lay(tmp_path, {f"{ETC}/kubelet.service": EXTRA, "/etc/default/kubelet": before})
    old = found_in(tree).command_line
    changes = changes_of(tree)
    assert "/etc/default/kubelet" not in [change.path for change in changes]
    make(tree, changes)
    assert found_in(tree).command_line == (*old, CONFIG, BIN_DIR)


def test_bytes_that_are_no_text_stay(tmp_path: Path) -> None:
    tree = lay(tmp_path, {f"{ETC}/kubelet.service": EXTRA, "/etc/default/kubelet": ""})
    place = tmp_path / "etc/default/kubelet"
    place.write_bytes(b"A=\xff\xfe\nKUBELET_EXTRA_ARGS=--v=1\n")
    place.chmod(0o640)
    (change,) = changes_of(tree)
    assert change.after == replace(
        tree_file(tree, change.path),
        content=b"A=\xff\xfe\nKUBELET_EXTRA_ARGS=--v=1 " + WORDS.encode() + b"\n",
        mode=0o640,
    )


def tree_file(tree: Tree, path: str) -> File:
    state = tree.state(path)
    assert isinstance(state, File)
    return state


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    files = {f"{ETC}/kubelet.service": EXTRA, "/etc/kubelet/env": "KUBELET_EXTRA_ARGS=--v=1\n"}
    tree = lay(tmp_path, files, {"/etc/default/kubelet": "../kubelet/env"})
    assert only_change(tree) == ("/etc/kubelet/env", f"KUBELET_EXTRA_ARGS=--v=1 {WORDS}\n")


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("Environment=KUBELET_EXTRA_ARGS=--v=1", f'Environment="KUBELET_EXTRA_ARGS=--v=1 {WORDS}"'),
        ("Environment=KUBELET_EXTRA_ARGS=", f'Environment="KUBELET_EXTRA_ARGS={WORDS}"'),
        ("Environment=A=1 KUBELET_EXTRA_ARGS=--v=1 B=2", f'Environment=A=1 "KUBELET_EXTRA_ARGS=--v=1 {WORDS}" B=2'),
        ("Environment=KUBELET_EXTRA_ARGS='--v=1 --a'", f"Environment=KUBELET_EXTRA_ARGS='--v=1 --a {WORDS}'"),
        (
            'Environment=A=1 \\\r\n  "KUBELET_EXTRA_ARGS=--v=1 \\\r\n --a"',
            f'Environment=A=1 \\\r\n  "KUBELET_EXTRA_ARGS=--v=1 \\\r\n --a {WORDS}"',
        ),
        ('Environment="KUBELET_EXTRA_ARGS=\\x2d-a=%%"', f'Environment="KUBELET_EXTRA_ARGS=\\x2d-a=%% {WORDS}"'),
    ],
)
def test_a_setting_in_etc(line: str, after: str, tmp_path: Path) -> None:
    path = f"{ETC}/kubelet.service.d/10.conf"
    files = {f"{LIB}/kubelet.service": ENVIRONMENT, path: f"[Service]\n{line}\n# ü"}
    assert only_change(lay(tmp_path, files)) == (path, f"[Service]\n{after}\n# ü")


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("/a", f'A="{WORDS}"\n', 'A=""\n'),
        ("/a", f'A="--x {WORDS} --y"\r\nB=1', 'A="--x --y"\r\nB=1'),
        ("/a", f"A={WORDS} --y\n", "A=--y\n"),
        ("/a", f"A={BIN_DIR} --y {CONFIG}\n", "A=--y\n"),
        ("/a", f"A=--x {CONFIG.replace('=', ' ')} {BIN_DIR.replace('=', '   ')}\n", "A=--x\n"),
        ("/a", f"ExecStart=/bin/kubelet \\\n  {CONFIG} \\\n  {BIN_DIR}\n", "ExecStart=/bin/kubelet \\\n  \\\n \n"),
        ("/a", f"A=--x {CONFIG}.old {BIN_DIR}/x -{CONFIG}\n", f"A=--x {CONFIG}.old {BIN_DIR}/x -{CONFIG}\n"),
        ("/a", f"# A={WORDS}\n", f"# A={WORDS}\n"),
        ("/a", "A=--x  --y \n\n", "A=--x  --y \n\n"),
        ("/a.yaml", f"image-credential-provider-config: '{FLAGS.config}'\ntoken: x\n", "token: x\n"),
        ("/a.yaml", f"image-credential-provider-bin-dir: {FLAGS.bin_dir}\n", ""),
        ("/a.yaml", "image-credential-provider-bin-dir: /other\n", "image-credential-provider-bin-dir: /other\n"),
        ("/a.yaml", f"kubelet-arg: [{CONFIG}]\n", f"kubelet-arg: [{CONFIG}]\n"),
    ],
)
def test_without_flags(path: str, before: str, after: str) -> None:
    assert without_flags(path, before.encode(), FLAGS) == after.encode()


def test_without_flags_keeps_bytes_that_are_no_text() -> None:
    content = b"\xff\x85\x0c\x1c A=" + WORDS.encode() + b"\n\xfe"
    assert without_flags("/a", content, FLAGS) == b"\xff\x85\x0c\x1c A=\n\xfe"
    content = b"A=--image-credential-provider-config= --image-credential-provider-bin-dir= x"
    assert without_flags("/a", content, Flags()) == content


def test_a_file_that_others_added_to(tmp_path: Path) -> None:
    tree = lay(
        tmp_path,
        {
            f"{LIB}/kubelet.service": KUBELET_SERVICE,
            f"{LIB}/kubelet.service.d/10-kubeadm.conf": kubeadm_drop_in("/etc/default/kubelet"),
        },
    )
    make(tree, changes_of(tree))
    place = tmp_path / "etc/default/kubelet"
    place.write_text(place.read_text().replace(BIN_DIR, f"{BIN_DIR} --v=4") + "A=1\n")
    assert without_flags("/etc/default/kubelet", place.read_bytes(), FLAGS) == b'KUBELET_EXTRA_ARGS="--v=4"\nA=1\n'
