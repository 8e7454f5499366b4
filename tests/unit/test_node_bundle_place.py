"""The bundle is put in its place whole, or not at all."""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from provider.node.bundle.contents import HOME, LIBRARIES, SUMS, checksums, differences, program_for
from provider.node.bundle.place import Placed, examine, place
from provider.node.bundle.source import Source
from provider.node.bundle.switch import link_changes
from provider.node.bundle.versions import current, running, versions, wait_until_idle
from provider.node.child_processes import Completed
from provider.node.files import NodeError, Tree
from provider.places import PROGRAM
from tests.unit import fake_bundle

PART = f"{LIBRARIES}/provider/version.pyc"
FOLDER = f"{HOME}/1.0"


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return fake_bundle.make(tmp_path / "source")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "root/opt").mkdir(parents=True)
    return Tree(str(tmp_path / "root"))


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "proc").mkdir()
    return tmp_path / "proc"


def put_in_force(tree: Tree, version: str, prefix: str = HOME) -> None:
    os.makedirs(f"{tree.root}{prefix}/bin", exist_ok=True)
    for change in link_changes(tree, prefix, version):
        tree.put(change.path, change.after)


def whole(tree: Tree, source: Source, prefix: str = HOME) -> bool:
    content = Path(source.folder, PROGRAM).read_bytes()
    place = Path(tree.root + prefix, source.version)
    right = (place / PROGRAM).read_bytes() == program_for(content, prefix, source.version)
    changed = {name for name in differences(str(place), checksums(source.folder)) if name != PROGRAM}
    return right and not changed


@pytest.mark.parametrize("prefix", [HOME, f"/var/lib/{PROGRAM}", f"/srv/deep/er/{PROGRAM}"])
def test_a_bundle_is_copied_and_names_its_loader_there(tree: Tree, source: Source, prefix: str) -> None:
    before = fake_bundle.facts(Path(source.folder))
    assert examine(tree, source, prefix) == Placed(f"{prefix}/1.0", None)
    assert tree.names("/") == ["opt"]
    placed = place(tree, source, prefix)
    assert (placed, placed.changed) == (Placed(f"{prefix}/1.0", None), True)
    assert whole(tree, source, prefix)
    assert tree.names(prefix) == ["1.0"]
    assert fake_bundle.facts(Path(source.folder)) == before


def test_modes_do_not_come_from_the_umask_or_from_the_source(tree: Tree, source: Source) -> None:
    for path in Path(source.folder).rglob("*"):
        if path.is_file():
            path.chmod(0o600)
    old = os.umask(0o077)
    try:
        place(tree, source, HOME)
    finally:
        os.umask(old)
    modes = {path.stat().st_mode & 0o7777 for path in Path(tree.root + FOLDER).rglob("*") if path.is_dir()}
    assert modes == {0o755}
    assert Path(tree.root + FOLDER).stat().st_mode & 0o7777 == 0o755
    assert whole(tree, source)


def test_a_second_time_nothing_is_done(tree: Tree, source: Source) -> None:
    place(tree, source, HOME)
    before = fake_bundle.facts(Path(tree.root))
    assert examine(tree, source, HOME).changed is False
    assert place(tree, source, HOME) == Placed(FOLDER, ())
    assert fake_bundle.facts(Path(tree.root)) == before


def test_what_is_damaged_is_replaced_whole(tree: Tree, source: Source) -> None:
    place(tree, source, HOME)
    Path(tree.root + FOLDER, PART).write_text("half")
    Path(tree.root + FOLDER, "sbom.cdx.json").unlink()
    assert examine(tree, source, HOME).was == (PART, "sbom.cdx.json")
    assert place(tree, source, HOME).changed
    assert whole(tree, source)
    assert tree.names(HOME) == ["1.0"]


@pytest.mark.parametrize("name", [PART, PROGRAM, SUMS])
def test_a_damaged_source_changes_nothing(tree: Tree, source: Source, name: str) -> None:
    before = fake_bundle.facts(Path(tree.root))
    content = Path(source.folder, name).read_bytes()
    Path(source.folder, name).write_bytes(content[:-2])
    with pytest.raises(NodeError, match="not whole"):
        place(tree, source, f"/srv/deep/{PROGRAM}")
    assert fake_bundle.facts(Path(tree.root)) == before


def test_a_bundle_cannot_mend_itself(tree: Tree, source: Source) -> None:
    place(tree, source, HOME)
    itself = Source(tree.root + FOLDER, "1.0")
    assert place(tree, itself, HOME).changed is False
    Path(tree.root + FOLDER, PART).unlink()
    assert examine(tree, itself, HOME).changed
    with pytest.raises(NodeError, match="cannot mend itself"):
        place(tree, itself, HOME)


def test_what_is_in_the_way_is_left_there(tree: Tree, source: Source) -> None:
    os.mkdir(tree.root + HOME)
    Path(tree.root + FOLDER).write_text("somebody's")
    with pytest.raises(NodeError, match="in the way"):
        place(tree, source, HOME)
    assert Path(tree.root + FOLDER).read_text() == "somebody's"


def test_a_prefix_that_others_may_write_is_refused(tree: Tree, source: Source) -> None:
    os.mkdir(tree.root + HOME)
    os.chmod(tree.root + HOME, 0o777)
    with pytest.raises(NodeError, match="others than root"):
        place(tree, source, HOME)
    assert tree.names(HOME) == []


def test_a_package_is_left_to_its_manager(tree: Tree, source: Source) -> None:
    place(tree, source, HOME)
    os.makedirs(f"{tree.root}/usr/lib/systemd/system")
    Path(tree.root, f"usr/lib/systemd/system/{PROGRAM}-warm.service").write_text("")
    with pytest.raises(NodeError, match="package manager"):
        place(tree, source, HOME)
    assert place(tree, Source(tree.root + FOLDER, "1.0"), HOME).changed is False


def test_what_an_earlier_run_left_goes_and_others_files_stay(tree: Tree, source: Source) -> None:
    home = Path(tree.root + HOME)
    for name in (".new-1.0", ".old-1.0", ".new-0.9", ".new-notes", "node", "0.1.bak"):
        (home / name / LIBRARIES).mkdir(parents=True)
    (home / ".current.new").symlink_to("1.0")
    (home / "cluster.json").write_text("{}")
    place(tree, source, HOME)
    assert tree.names(HOME) == [".new-notes", "0.1.bak", "1.0", "cluster.json", "node"]


def test_the_version_in_force_stays_and_older_ones_go(tree: Tree, tmp_path: Path) -> None:
    for version in ("1.0", "1.1", "1.2"):
        place(tree, fake_bundle.make(tmp_path / version, version), HOME)
        put_in_force(tree, version)
    assert versions(tree, HOME) == ["1.1", "1.2"]
    place(tree, fake_bundle.make(tmp_path / "2.0", "2.0"), HOME)
    assert versions(tree, HOME) == ["1.2", "2.0"]
    assert current(tree, HOME) == "1.2"


def runs(version: str) -> Callable[[Sequence[str], float], Completed]:
    return lambda command, seconds: Completed(0, f"{PROGRAM} {version}\n", "")


def test_what_a_process_executes_stays(tmp_path: Path, proc: Path) -> None:
    tree, prefix = Tree(), str(tmp_path / "opt" / PROGRAM)
    for version in ("1.0", "1.1", "1.2"):
        source = fake_bundle.make(tmp_path / version, version)
        place(tree, source, prefix, proc=str(proc), run=runs(version))
        put_in_force(tree, version, prefix)
        # Its name is another one: it is told by the file.
        pid = proc / f"1{version[-1]}"
        pid.mkdir()
        os.link(f"{prefix}/{version}/{PROGRAM}", tmp_path / f"pull-{version}")
        (pid / "exe").symlink_to(tmp_path / f"pull-{version}")
        (proc / "self").mkdir(exist_ok=True)
    assert running(tree, prefix, str(proc)) == {"1.0", "1.1", "1.2"}
    assert versions(tree, prefix) == ["1.0", "1.1", "1.2"]
    assert not wait_until_idle(tree, prefix, 0.3, str(proc))
    shutil.rmtree(proc / "11")
    assert running(tree, prefix, str(proc), but=12) == {"1.0"}
    place(tree, fake_bundle.make(tmp_path / "2.0", "2.0"), prefix, proc=str(proc), run=runs("2.0"))
    assert versions(tree, prefix) == ["1.0", "1.2", "2.0"]
    for name in ("10", "12"):
        shutil.rmtree(proc / name)
    assert wait_until_idle(tree, prefix, 0, str(proc))


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is hidden from root")
def test_who_cannot_see_what_is_executed_takes_all_versions_for_it(tmp_path: Path, proc: Path) -> None:
    prefix = str(tmp_path / "opt" / PROGRAM)
    place(Tree(), fake_bundle.make(tmp_path / "1.0"), prefix, proc=str(proc), run=runs("1.0"))
    hidden = tmp_path / "hidden"
    hidden.mkdir(0)
    (proc / "41").mkdir()
    (proc / "41" / "exe").symlink_to(hidden / PROGRAM)
    assert running(Tree(), prefix, str(proc)) == {"1.0"}


class Program:
    """What running the program gives, once after the other; keeps how it was run."""

    def __init__(self, *results: Completed) -> None:
        self.results = list(results)
        self.commands: list[Sequence[str]] = []

    def __call__(self, command: Sequence[str], seconds: float) -> Completed:
        self.commands.append(command)
        return self.results.pop(0)


GOOD = Completed(0, f"{PROGRAM} 1.0\n", "")
BAD = [Completed(126, "", "Exec format error"), Completed(0, f"{PROGRAM} 0.9\n", ""), Completed(-11, "", "")]


def test_the_program_is_run_by_its_loader_and_then_at_its_place(tmp_path: Path, source: Source, proc: Path) -> None:
    prefix, program = str(tmp_path / "opt" / PROGRAM), Program(GOOD, GOOD)
    place(Tree(), source, prefix, proc=str(proc), run=program)
    new = f"{prefix}/.new-1.0"
    assert program.commands == [
        [f"{new}/{LIBRARIES}/{fake_bundle.LOADER}", f"{new}/{PROGRAM}", "version"],
        [f"{prefix}/1.0/{PROGRAM}", "version"],
    ]


@pytest.mark.parametrize("results", [[bad] for bad in BAD] + [[GOOD, bad] for bad in BAD])
@pytest.mark.parametrize("damaged", [False, True], ids=["new", "damaged before"])
def test_a_program_that_does_not_run_here_changes_nothing(
    tmp_path: Path, source: Source, proc: Path, results: list[Completed], damaged: bool
) -> None:
    home = tmp_path / "opt" / PROGRAM
    if damaged:
        (home / "1.0" / LIBRARIES).mkdir(parents=True)
    before = fake_bundle.facts(tmp_path)
    with pytest.raises(NodeError, match="does not run here"):
        place(Tree(), source, str(home), proc=str(proc), run=Program(*results))
    assert fake_bundle.facts(tmp_path) == before
