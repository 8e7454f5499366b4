"""The guard's script, run by sh as systemd would."""

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from provider.node.detect.unit_files import settings
from provider.node.detect.words import split
from provider.node.guard import Guard, TokensGuard, drop_in, least_provider_file, sh
from provider.node.kubelet_version import Version
from provider.node.provider_file.checks import check
from provider.node.provider_file.versions import TOKENS
from provider.places import PROGRAM

NEWEST = Version(1, 37, 2)
WELL = '#!/bin/sh\n[ "$1" = version ] && echo 0.1.0\n'


@dataclass
class Place:
    folder: Path
    tokens: TokensGuard | None = None

    @property
    def program(self) -> Path:
        return self.folder / "bin" / PROGRAM

    @property
    def real(self) -> Path:
        return self.folder / "current" / PROGRAM

    @property
    def provider_file(self) -> Path:
        return self.folder / "etc/file.yaml"

    def guard(self) -> Guard:
        return Guard(
            str(self.program),
            f"../current/{PROGRAM}",
            str(self.provider_file),
            str(self.folder / "pending"),
            NEWEST,
            self.tokens,
        )

    def start(self, guard: Guard | None = None) -> str:
        """What the guard says before the kubelet starts."""
        script = sh(guard or self.guard())
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=20, check=True)
        assert done.stdout == ""
        return done.stderr

    def files(self) -> dict[str, object]:
        return {
            str(path.relative_to(self.folder)): (path.lstat().st_mode, path.is_file() and path.read_bytes())
            for path in self.folder.rglob("*")
        }


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    for folder in (made.program, made.real, made.provider_file):
        folder.parent.mkdir()
    made.real.write_text(WELL)
    made.real.chmod(0o755)
    made.program.symlink_to(f"../current/{PROGRAM}")
    made.provider_file.write_text("ours")
    return made


def test_nothing_is_changed_where_all_is_well(place: Place) -> None:
    before = place.files()
    assert place.start() == ""
    assert place.files() == before


def no_folders(place: "Place") -> None:
    for path in (place.program, place.real):
        shutil.rmtree(path.parent)


BROKEN: dict[str, Callable[["Place"], object]] = {
    "gone": lambda place: place.real.unlink(),
    "not executable": lambda place: place.real.chmod(0o644),
    "half written": lambda place: place.real.write_bytes(b"\x7fELF\x02\x01\x01"),
    "fails": lambda place: place.real.write_text("#!/bin/sh\nexit 127\n"),
    "nothing at all": lambda place: no_folders(place),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_stand_in_for_a_program_that_does_not_run(place: Place, how: str) -> None:
    BROKEN[how](place)
    assert "is missing or does not run: a stand-in lets the kubelet start" in place.start()
    assert not place.program.is_symlink()
    assert stat.S_IMODE(place.program.stat().st_mode) == 0o755
    asked = subprocess.run([place.program], input="{}", capture_output=True, text=True, check=False)
    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr == f"{PROGRAM} is missing or does not run on this node: install it again\n"
    stood = place.program.read_bytes()
    assert place.start() == ""
    assert place.program.read_bytes() == stood
    # The program is back.
    place.real.parent.mkdir(exist_ok=True)
    place.real.write_text(WELL)
    place.real.chmod(0o755)
    assert "is put right" in place.start()
    assert os.readlink(place.program) == f"../current/{PROGRAM}"
    assert sorted(os.listdir(place.program.parent)) == [PROGRAM]


def test_a_missing_link_is_put_right(place: Place) -> None:
    place.program.unlink()
    assert "is put right" in place.start()
    assert os.readlink(place.program) == f"../current/{PROGRAM}"


def test_a_slow_program_is_not_broken(place: Place) -> None:
    place.real.write_text("#!/bin/sh\nexec sleep 60\n")
    before = place.files()
    assert place.start() == ""
    assert place.files() == before


@pytest.mark.parametrize("how", ["gone", "empty", "no folder"])
def test_a_missing_provider_file_is_stood_in_for(place: Place, how: str) -> None:
    place.provider_file.unlink()
    if how == "empty":
        place.provider_file.touch()
    if how == "no folder":
        place.provider_file.parent.rmdir()
    assert f"{place.provider_file} is missing" in place.start()
    content = place.provider_file.read_bytes()
    assert json.loads(content)["providers"][0]["name"] == PROGRAM
    for minor in (26, 30, 34, 37):
        assert check(content, "file.yaml", Version(1, minor, 0)) == []
    assert place.start() == ""


def test_somebody_elses_provider_file_is_left_alone(place: Place) -> None:
    place.provider_file.unlink()
    guard = Guard(str(place.program), f"../current/{PROGRAM}", "", str(place.folder / "pending"), NEWEST)
    subprocess.run(["sh", "-c", sh(guard)], check=True, timeout=20)
    assert not place.provider_file.exists()


def test_a_full_or_read_only_disk_fails_no_start(place: Place) -> None:
    place.real.unlink()
    place.program.unlink()
    place.program.parent.rmdir()
    # Where a folder should be is a file.
    place.program.parent.write_text("")
    assert place.start() != ""
    assert "ExecStartPre=-/bin/sh" in drop_in(place.guard())


WITH = "providers: [ours]  # tokenAttributes\n"
WITHOUT = "providers: [ours]\n"


@pytest.fixture
def tokens(place: Place) -> Place:
    """A provider file with tokenAttributes, that without them, and a kubelet."""
    kubelet, without = place.folder / "kubelet", place.folder / "without"
    place.tokens = TokensGuard(str(kubelet), str(place.provider_file), str(without))
    place.provider_file.write_text(WITH)
    place.provider_file.chmod(0o640)
    without.write_text(WITHOUT)
    without.chmod(0o600)
    kubelet.touch()
    kubelet.chmod(0o755)
    return place


def says(place: Place, text: str) -> None:
    (place.folder / "kubelet").write_text(f'#!/bin/sh\n[ "$*" = --version ] && cat <<END\n{text}\nEND\n')


OUTPUTS = {
    "kubelet": "Kubernetes v1.{}.4",
    "a distribution's": "Kubernetes v1.{}.4-aliyun.1",
    "k3s": "k3s version v1.{}.4+k3s1 (8f5c0ca6)\ngo version go1.24.4",
    "rke2": "rke2 version v1.{}.4+rke2r1 (8f5c0ca6)\ngo version go1.34.1 X:boringcrypto",
}


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("minor", [9, 20, 30, 32, 33, 34, 35, 37, 40, 133])
def test_a_kubelet_that_does_not_start_with_token_attributes_gets_none(tokens: Place, output: str, minor: int) -> None:
    says(tokens, OUTPUTS[output].format(minor))
    old = minor < TOKENS.minor
    assert ("this kubelet is older than 1.34: tokenAttributes are out of" in tokens.start()) == old
    assert tokens.provider_file.read_text() == (WITHOUT if old else WITH)
    assert stat.S_IMODE(tokens.provider_file.stat().st_mode) == 0o640
    assert os.listdir(tokens.provider_file.parent) == ["file.yaml"]
    kept = tokens.folder / "without.instead"
    assert (kept.read_text() if old else kept.exists()) == (WITH if old else False)
    assert not old or stat.S_IMODE(kept.stat().st_mode) == 0o600
    # A second start, and a whole node without noise.
    before = tokens.files()
    assert tokens.start() == ""
    assert tokens.files() == before


OLD = "Kubernetes v1.33.1"
NOT_SURE: dict[str, tuple[str, Callable[[Place], object]]] = {
    "silent": ("", lambda place: None),
    "slow": ("", lambda place: (place.folder / "kubelet").write_text("#!/bin/sh\nexec sleep 60\n")),
    "gone": (OLD, lambda place: (place.folder / "kubelet").unlink()),
    "somebody else's tokens alone": (OLD, lambda place: (place.folder / "without").write_text(WITH)),
    "none in it": (OLD, lambda place: place.provider_file.write_text("least")),
}


@pytest.mark.parametrize("how", NOT_SURE)
def test_where_it_is_not_sure_the_file_stays(tokens: Place, how: str) -> None:
    text, change = NOT_SURE[how]
    says(tokens, text)
    change(tokens)
    before = tokens.files()
    assert tokens.start() == ""
    assert tokens.files() == before


@pytest.mark.parametrize("own", [True, False])
def test_without_the_copy_our_own_file_becomes_the_least_and_others_stay(tokens: Place, own: bool) -> None:
    says(tokens, OLD)
    (tokens.folder / "without").unlink()
    guard = tokens.guard() if own else replace(tokens.guard(), provider_file="")
    said = tokens.start(guard)
    assert ("tokenAttributes are out of" in said) == own
    assert (least_provider_file(guard.version) in tokens.provider_file.read_text()) == own
    assert own or tokens.provider_file.read_text() == WITH


def test_where_the_old_file_cannot_be_kept_the_kubelet_starts_all_the_same(tokens: Place) -> None:
    says(tokens, "Kubernetes v1.33.1")
    (tokens.folder / "without.instead").mkdir()
    (tokens.folder / "without.instead/file.yaml").mkdir()
    said = tokens.start()
    assert "tokenAttributes are out of" in said
    assert "what was there" not in said
    assert tokens.provider_file.read_text() == WITHOUT


def test_the_program_and_the_tokens_at_once(tokens: Place) -> None:
    says(tokens, "Kubernetes v1.32.1")
    tokens.real.unlink()
    said = tokens.start()
    assert "a stand-in lets the kubelet start" in said
    assert "tokenAttributes are out of" in said


def test_no_line_is_too_long_for_old_systemd(place: Place) -> None:
    assert max(len(line) for line in drop_in(place.guard()).splitlines()) < 2048


@pytest.mark.parametrize("kind", ["place", "tokens"])
def test_systemd_reads_the_same_script(kind: str, request: pytest.FixtureRequest) -> None:
    place: Place = request.getfixturevalue(kind)
    setting = next(each for each in settings(drop_in(place.guard()), "guard.conf") if each.name == "ExecStartPre")
    program, option, script = (word.text for word in split(setting.value))
    assert (program, option) == ("-/bin/sh", "-c")
    lines = [line.strip() for line in script.replace("$$", "$").replace("%%", "%").split("\n") if line.strip()]
    assert lines == [*(line for line in sh(place.guard()).splitlines() if line), "exit 0"]
