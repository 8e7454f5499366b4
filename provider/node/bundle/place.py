"""Puts the bundle on the node: PREFIX/VERSION is there whole and on the disk, or all is as it was before.

Nothing points there yet; `link_changes` says what does. Whoever calls this holds the lock of the node commands.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from provider.node.bundle.contents import LIBRARIES, checksums, differences, read, with_program
from provider.node.bundle.copying import FOLDER_MODE, copy
from provider.node.bundle.exchange import exchange
from provider.node.bundle.prefix import check_owner, is_package
from provider.node.bundle.source import Source
from provider.node.bundle.versions import NEW, OLD, current, remove_versions, running, versions
from provider.node.child_processes import Completed
from provider.node.child_processes import run as run_child
from provider.node.files import NodeError, Tree, sync_folder
from provider.node.interpreter import interpreter_of
from provider.places import PROGRAM

RUN_SECONDS = 30.0
"""How long the program may take to print its version: a disk may be cold."""

Run = Callable[[Sequence[str], float], Completed]


@dataclass(frozen=True, slots=True)
class Placed:
    """What `place` did, or would do."""

    folder: str
    """PREFIX/VERSION, as the node sees it."""
    was: tuple[str, ...] | None
    """None: the version is not there. Else what is missing in it, too much or damaged; empty: nothing is to be done."""

    @property
    def changed(self) -> bool:
        """Tell whether something is put there."""
        return self.was != ()


def examine(tree: Tree, source: Source, prefix: str) -> Placed:
    """Return what `place` would do; writes nothing. Raises NodeError for a source or a prefix that cannot be."""
    folder = f"{prefix}/{source.version}"
    wanted = _wanted(source, prefix)
    at = tree.at(folder)
    if not os.path.lexists(at):
        return Placed(folder, None)
    if os.path.islink(at) or not os.path.isdir(at):
        raise NodeError(f"{folder}: is in the way, since it is no directory: remove it")
    return Placed(folder, tuple(differences(at, wanted)))


def place(
    tree: Tree, source: Source, prefix: str, keep: Collection[str] = (), *, proc: str = "/proc", run: Run = run_child
) -> Placed:
    """Copy the bundle to PREFIX/VERSION, unless it is there and whole. Raises NodeError, and has changed nothing then.

    Also takes away what an earlier run left, and versions that are neither in force nor executed by any process;
    `keep`: versions that stay.
    On this machine the program must run: another machine's, or a file system that runs nothing, is found out here.
    """
    placed = examine(tree, source, prefix)
    if placed.was and os.path.samefile(source.folder, tree.at(placed.folder)):
        raise NodeError(
            f"{placed.folder}: missing or damaged in it: {len(placed.was)} files ({', '.join(placed.was[:3])}). "
            "It cannot mend itself: install from an unpacked release"
        )
    if is_package(tree):
        if placed.changed or not os.path.samefile(source.folder, tree.at(placed.folder)):
            raise NodeError(f"{prefix} belongs to the installed package: upgrade or repair it with the package manager")
        return placed
    check_owner(tree, prefix)
    with _all_or_nothing(tree, prefix, source.version) as home:
        in_use = {current(tree, prefix), source.version, *keep} | running(tree, prefix, proc)
        remove_versions(tree, prefix, sorted(set(versions(tree, prefix)) - in_use))
        if placed.changed:
            new = f"{home}/{NEW}{source.version}"
            copy(source, prefix, _wanted(source, prefix), new)
            _put(placed, new, f"{home}/{OLD}{source.version}", tree, run)
    return placed


def _wanted(source: Source, prefix: str) -> dict[str, str]:
    """Return the checksums of the source's bundle as it is to be in the prefix."""
    return with_program(checksums(source.folder), read(source.folder, PROGRAM), prefix, source.version)


@contextlib.contextmanager
def _all_or_nothing(tree: Tree, prefix: str, version: str) -> Iterator[str]:
    """Give the prefix's real place, made where it is missing; what failed leaves no file and no folder."""
    made = []
    path = tree.resolve(prefix)
    while not os.path.isdir(tree.root + path):
        made.append(path)
        path = path.rpartition("/")[0]
    home = tree.root + tree.resolve(prefix)
    try:
        for path in reversed(made):
            os.mkdir(tree.root + path)
            os.chmod(tree.root + path, FOLDER_MODE)
            sync_folder(os.path.dirname(tree.root + path))
        yield home
    except (OSError, NodeError) as error:
        shutil.rmtree(f"{home}/{NEW}{version}", ignore_errors=True)
        for path in made:
            with contextlib.suppress(OSError):
                os.rmdir(tree.root + path)
        if isinstance(error, OSError):
            raise NodeError(f"{error.filename or prefix}: {error.strerror}") from None
        raise


def _put(placed: Placed, new: str, aside: str, tree: Tree, run: Run) -> None:
    """Let a whole bundle be the version's, if it runs."""
    final = tree.at(placed.folder)
    if not tree.root:
        # Through its loader: the program itself names the one of its final place.
        loader = interpreter_of(read(new, PROGRAM)).rpartition("/")[2]
        _check_runs([f"{new}/{LIBRARIES}/{loader}", f"{new}/{PROGRAM}"], placed, run)
    if placed.was is None:
        os.rename(new, final)
    else:
        exchange(final, new, aside)
    sync_folder(os.path.dirname(final))
    try:
        if not tree.root:
            _check_runs([f"{placed.folder}/{PROGRAM}"], placed, run)
    except NodeError:
        if placed.was is None:
            os.rename(final, new)
        else:
            exchange(final, new, aside)
        raise
    if placed.was is not None:
        shutil.rmtree(new)


def _check_runs(program: Sequence[str], placed: Placed, run: Run) -> None:
    version = placed.folder.rpartition("/")[2]
    done = run([*program, "version"], RUN_SECONDS)
    if done.status or done.stdout != f"{PROGRAM} {version}\n":
        said = " ".join(done.stderr.split()) or f"exit status {done.status}"
        raise NodeError(f"{placed.folder}: the program does not run here ({said}): nothing was switched to it")
