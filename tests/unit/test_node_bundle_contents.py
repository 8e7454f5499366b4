"""What a bundle consists of, and what is noticed of one that is not whole."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from provider import docker
from provider.node.bundle import contents
from provider.node.bundle.contents import HOME, LIBRARIES, SUMS, checksums, differences, with_program
from provider.node.bundle.source import source
from provider.node.files import NodeError
from provider.node.interpreter import interpreter_of
from provider.places import PROGRAM
from provider.version import VERSION
from tests.unit import fake_bundle

PART = f"{LIBRARIES}/provider/version.pyc"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    fake_bundle.make(tmp_path / "bundle")
    return tmp_path / "bundle"


def test_a_whole_bundle_has_no_differences(bundle: Path) -> None:
    sums = checksums(str(bundle))
    assert {PROGRAM, PART, SUMS} <= sums.keys()
    assert differences(str(bundle), sums) == []


def empty_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def folder_with_something(path: Path) -> None:
    empty_folder(path)
    (path / "x").write_text("")


DAMAGES: dict[str, tuple[str, Callable[[Path], object], list[str]]] = {
    "missing": (PART, Path.unlink, [PART]),
    "cut short": (PART, lambda path: path.write_bytes(b""), [PART]),
    "other content": (PROGRAM, lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x"), [PROGRAM]),
    "may be written by others": (PART, lambda path: path.chmod(0o666), [PART]),
    "cannot be run": (PROGRAM, lambda path: path.chmod(0o644), [PROGRAM]),
    "a folder": (PART, empty_folder, [PART]),
    "a folder with something": (PART, folder_with_something, [PART, f"{PART}/x"]),
    "too much": (f"{LIBRARIES}/sitecustomize.py", lambda path: path.write_text(""), [f"{LIBRARIES}/sitecustomize.py"]),
    "an empty folder": (f"{LIBRARIES}/encodings", Path.mkdir, [f"{LIBRARIES}/encodings"]),
    "the list": (SUMS, lambda path: path.write_text(path.read_text()[:-66]), [SUMS]),
    "no link": (contents.DOCKER_HELPER, Path.unlink, [contents.DOCKER_HELPER]),
}


@pytest.mark.parametrize(("name", "damage", "expected"), DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_named(bundle: Path, name: str, damage: Callable[[Path], object], expected: list[str]) -> None:
    sums = checksums(str(bundle))
    damage(bundle / name)
    assert differences(str(bundle), sums) == expected


def test_a_link_to_a_file_that_is_right_is_not_right(bundle: Path) -> None:
    sums = checksums(str(bundle))
    (bundle / PART).rename(bundle.parent / "elsewhere")
    (bundle / PART).symlink_to(bundle.parent / "elsewhere")
    assert differences(str(bundle), sums) == [PART]


def test_what_is_not_there_is_all_different(tmp_path: Path, bundle: Path) -> None:
    sums = checksums(str(bundle))
    assert differences(str(tmp_path / "nowhere"), sums) == sorted({*sums, contents.DOCKER_HELPER})


LISTS = {
    "missing": None,
    "empty": b"",
    "no checksum": b"hello\n",
    "absolute": b"0" * 64 + b"  /etc/passwd\n",
    "leads out": b"0" * 64 + b"  x/../../etc/passwd\n",
    "without the program": b"0" * 64 + b"  sbom.cdx.json\n",
    "no text": b"\xff\xfe\n",
}


@pytest.mark.parametrize("content", LISTS.values(), ids=LISTS.keys())
def test_a_list_that_cannot_be_trusted_is_refused(bundle: Path, content: bytes | None) -> None:
    if content is None:
        (bundle / SUMS).unlink()
    else:
        (bundle / SUMS).write_bytes(content)
    with pytest.raises(NodeError, match="not whole"):
        checksums(str(bundle))


def test_a_list_that_ends_in_the_middle_of_a_line_is_refused(bundle: Path) -> None:
    text = (bundle / SUMS).read_text()
    (bundle / SUMS).write_text(text[:-1])
    with pytest.raises(NodeError, match="torn"):
        checksums(str(bundle))


def test_the_program_differs_by_its_place_alone(bundle: Path) -> None:
    sums = checksums(str(bundle))
    content = (bundle / PROGRAM).read_bytes()
    prefix = f"/var/lib/{PROGRAM}"
    moved = contents.program_for(content, prefix, "1.0")
    assert interpreter_of(moved) == f"{prefix}/1.0/{LIBRARIES}/{fake_bundle.LOADER}"
    there = with_program(sums, moved, prefix, "1.0")
    assert there[PROGRAM] != sums[PROGRAM]
    assert there | {PROGRAM: ""} == sums | {PROGRAM: ""}
    assert with_program(sums, moved, HOME, "1.0") == sums
    with pytest.raises(NodeError, match="damaged"):
        with_program(sums, moved + b"x", prefix, "1.0")


@pytest.mark.parametrize(("prefix", "message"), [("/" + "x" * 250, "longer than the 255 bytes"), ("x", "absolute")])
def test_a_place_without_room_is_refused(prefix: str, message: str) -> None:
    with pytest.raises(NodeError, match=message):
        contents.program_for(fake_bundle.program("1.0"), prefix, "1.0")


def test_the_bundle_that_runs_is_where_its_libraries_are(tmp_path: Path, bundle: Path) -> None:
    elsewhere = tmp_path / "copy"
    elsewhere.mkdir()
    (elsewhere / LIBRARIES).symlink_to(bundle / LIBRARIES)
    found = source(str(elsewhere / LIBRARIES))
    assert (found.folder, found.version) == (str(bundle), VERSION)
    assert f"{PROGRAM}-warm.service" in found.node_files("systemd")
    with pytest.raises(NodeError, match="not whole"):
        found.node_files("nothing")


@pytest.mark.parametrize("place", ["", "/usr/lib", "/"])
def test_who_is_not_frozen_installs_nothing(place: str) -> None:
    with pytest.raises(NodeError, match="make build"):
        source(place)


def test_one_name_of_the_docker_helper() -> None:
    assert contents.DOCKER_HELPER == docker.NAME


@pytest.mark.parametrize(
    ("name", "mode"),
    [(PROGRAM, 0o755), (f"x/{PROGRAM}", 0o644), ("_internal/libc.so.6", 0o755), ("a.so/b", 0o644), ("b.pyc", 0o644)],
)
def test_what_may_be_run(name: str, mode: int) -> None:
    assert contents.mode_of(name) == mode


def test_another_users_file_is_not_right(bundle: Path) -> None:
    if os.geteuid():
        pytest.skip("only root gives files away")
    sums = checksums(str(bundle))
    os.chown(bundle / PART, 1234, 0)
    assert differences(str(bundle), sums) == [PART]
