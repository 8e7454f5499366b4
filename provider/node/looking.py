"""Looks at a node for `status` and `doctor`: its files, its processes, its units. Changes nothing."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from provider.errors import ProviderError
from provider.node import child_processes
from provider.node.bundle.contents import checksums, differences, read, with_program
from provider.node.bundle.units import TIMERS
from provider.node.bundle.versions import current, versions
from provider.node.detect.detect import detect
from provider.node.detect.found import Flags, Found
from provider.node.files import File, Folder, Link, NodeError, State, Tree
from provider.node.health import is_healthy
from provider.node.kubelet_version import Version
from provider.node.kubelet_version import parse as parse_version
from provider.node.plan import WITHOUT_TOKENS
from provider.node.provider_file.checks import check_set
from provider.node.provider_file.entry import Entry
from provider.node.provider_file.merge import entry_of
from provider.node.record import INSTALLED, NODE, PENDING, Record, is_same
from provider.node.record import read as read_record
from provider.node.seen import Pending, ProviderFile, Seen, Unit
from provider.node.systemd import Systemd
from provider.node.token_attributes import obstacle
from provider.places import PROGRAM

RUNS_SECONDS = 5.0
"""How long the program may take to print its version."""

ENDINGS = (".json", ".yaml", ".yml")
"""Of the files that a kubelet reads in a directory of providers, hidden ones too."""

UNITS = (f"{PROGRAM}-warm.service", f"{PROGRAM}-rollback.service", *TIMERS)
"""What must be enabled: for answers to be ready before anybody asks, and for the node to mend itself."""

Run = Callable[[Sequence[str], float], child_processes.Completed]


@dataclass(frozen=True, slots=True)
class Means:
    """How to look."""

    tree: Tree
    run: Run
    proc: str = "/proc"
    systemd: Systemd | None = None
    """None where systemd does not run."""


def this_node() -> Means:
    """Return how to look at the machine that this runs on."""
    systemd = Systemd(child_processes.run)
    return Means(Tree(), child_processes.run, systemd=systemd if systemd.is_running() else None)


def look(means: Means, now: float) -> Seen:
    """Return what is there; what cannot be read is said in its place."""
    tree = means.tree
    record, record_problem = None, ""
    try:
        record = read_record(tree)
    except ProviderError as error:
        record_problem = str(error)
    found, found_problem = None, ""
    try:
        found = detect(tree, proc=means.proc, run=lambda command: means.run(command, RUNS_SECONDS).stdout)
    except ProviderError as error:
        found_problem = str(error)
    live = found.live if found is not None and found.process is not None else None
    prefix = record.prefix if record is not None else f"/opt/{PROGRAM}"
    bin_dir = record.bin_dir if record is not None else found.flags.bin_dir if found is not None else ""
    return Seen(
        now=now,
        record=record,
        record_problem=record_problem,
        versions=tuple(versions(tree, prefix)),
        current=current(tree, prefix),
        bundle_problem=bundle_problem(tree, record) if record is not None else "",
        program_problem=program_problem(means, f"{prefix}/bin/{PROGRAM}"),
        link_problem=program_problem(means, f"{bin_dir}/{PROGRAM}") if bin_dir else "",
        found=found,
        found_problem=found_problem,
        healthy=found is not None and found.process is not None and is_healthy(found.health_url),
        flags_next=found is not None and record is not None and names_ours(tree, found.flags, record),
        flags_live=names_ours(tree, live, record) if live is not None and record is not None else None,
        provider=provider_file(tree, record, found),
        drifted=dict(drift(tree, record)) if record is not None else {},
        tokens_obstacle=obstacle(tree, found) if found is not None else "",
        pending=pending(tree),
        units=units(means.systemd),
    )


def names_ours(tree: Tree, flags: Flags, record: Record) -> bool:
    """Tell whether flags name the provider file, or its directory, and the bin directory that install chose."""
    if not flags.config or not flags.bin_dir:
        return False
    file = tree.resolve(record.provider_file)
    chosen = file.rpartition("/")[0] if record.mode == "joined-directory" else file
    same_bin_dir = tree.resolve(flags.bin_dir) == tree.resolve(record.bin_dir)
    return tree.resolve(flags.config) == chosen and same_bin_dir


def program_problem(means: Means, path: str) -> str:
    """Return why the program at a path does not run; empty if it does."""
    place = means.tree.root + means.tree.resolve(path)
    if not os.path.exists(place):
        return "is missing"
    if not os.path.isfile(place) or not os.access(place, os.X_OK):
        return "is no file that may be run"
    try:
        done = means.run([place, "version"], RUNS_SECONDS)
    except NodeError as error:
        return f"does not run: {error.message}"
    if done.status == 0 and PROGRAM in done.stdout:
        return ""
    words = " ".join(done.stderr.split())[:200]
    return f"does not run: exit status {done.status}" + (f": {words}" if words else "")


def bundle_problem(tree: Tree, record: Record) -> str:
    """Return what is missing or damaged in the installed version's folder."""
    folder = f"{tree.root}{tree.resolve(f'{record.prefix}/{record.program}')}"
    try:
        sums = checksums(folder)
        wanted = with_program(sums, read(folder, PROGRAM), record.prefix, record.program)
        wrong = differences(folder, wanted)
    except NodeError as error:
        return error.message
    more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    return f"missing or damaged: {', '.join(wrong[:3])}{more}" if wrong else ""


def provider_file(tree: Tree, record: Record | None, found: Found | None) -> ProviderFile | None:
    """Return the provider file that has, or ought to have, our entry; None where none is in use."""
    config = found.flags.config if found is not None else ""
    path = record.provider_file if record is not None else ""
    try:
        files, is_directory = provider_files(tree, config or path)
        if not path:
            path = next((each for each, content in files.items() if content and entry_in(content, each)), config)
        state = tree.state(tree.resolve(path)) if path else None
        version, bin_dir = version_of(record, found), found.flags.bin_dir if found is not None else ""
        problems = () if version is None or not path else _verdict(tree, files, version, bin_dir, is_directory)
        content = state.content if isinstance(state, File) else b""
        placed = os.stat(tree.root + tree.resolve(path)).st_mtime if content else 0.0
    except (ProviderError, OSError) as error:
        return ProviderFile(path, 0.0, None, (str(error),))
    return ProviderFile(path, placed, entry_in(content, path), problems) if path else None


def provider_files(tree: Tree, config: str) -> tuple[Mapping[str, bytes | None], bool]:
    """Return the files, by path, that a kubelet reads whose flag names `config`, and whether that is a directory.

    None for the content of what is no file: a link to nowhere.
    """
    place = tree.resolve(config) if config else ""
    state = tree.state(place) if place else None
    if isinstance(state, File):
        return {place: state.content}, False
    if not isinstance(state, Folder):
        return {}, False
    paths = [f"{place}/{name}" for name in tree.names(place) if name.endswith(ENDINGS)]
    states = {path: tree.state(tree.resolve(path)) for path in paths}
    read = {path: state for path, state in states.items() if not isinstance(state, Folder)}
    return {path: state.content if isinstance(state, File) else None for path, state in read.items()}, True


def entry_in(content: bytes, path: str) -> Entry | None:
    """Return our entry in a provider file; None where it has none, or cannot be read."""
    try:
        return entry_of(content, path.rpartition("/")[2])
    except ProviderError:
        return None


def version_of(record: Record | None, found: Found | None) -> Version | None:
    """Return the kubelet's version: of its program, else what install saw."""
    if found is not None and found.version is not None:
        return found.version
    return parse_version(record.kubelet_version) if record is not None else None


def drift(tree: Tree, record: Record) -> Iterator[tuple[str, str]]:
    """Yield the paths that are ours alone, by their names, and are not as install left them."""
    for kept in record.changes:
        if PROGRAM not in kept.path or kept.path.startswith(f"{NODE}/"):
            continue
        try:
            state = tree.state(kept.path)
        except NodeError as error:
            yield kept.path, error.message
            continue
        if is_same(state, kept.after) or (kept.path == record.provider_file and _is_the_guards(tree, state)):
            continue
        yield kept.path, _how(state, gone=kept.after is None)


def pending(tree: Tree) -> Pending:
    """Return whether a change is under way, or was cut short; or has yet to be started with."""
    try:
        links = [tree.state(path) for path in (PENDING, INSTALLED)]
    except NodeError:
        return ""
    if not isinstance(links[0], Link):
        return ""
    return "unproven" if links[0] == links[1] else "unfinished"


def units(systemd: Systemd | None) -> Mapping[str, Unit] | None:
    """Return our units as systemd knows them."""
    if systemd is None:
        return None
    found = {}
    for name in UNITS:
        try:
            shown = systemd.show(name, "LoadState", "ActiveState", "UnitFileState")
        except NodeError:
            return None
        found[name] = Unit(*(shown.get(key, "") for key in ("LoadState", "ActiveState", "UnitFileState")))
    return found


def _verdict(
    tree: Tree, files: Mapping[str, bytes | None], version: Version, bin_dir: str, is_directory: bool
) -> tuple[str, ...]:
    def is_executable(name: str) -> bool:
        place = tree.root + tree.resolve(f"{bin_dir}/{name}")
        return os.path.isfile(place) and os.access(place, os.X_OK)

    named = {path.rpartition("/")[2]: content for path, content in files.items()}
    return tuple(check_set(named, version, is_executable if bin_dir else None, directory=is_directory))


def _is_the_guards(tree: Tree, state: State) -> bool:
    """Tell whether the guard took tokenAttributes out of the provider file, for an older kubelet."""
    without = tree.state(WITHOUT_TOKENS)
    return isinstance(state, File) and isinstance(without, File) and state.content == without.content


def _how(state: State, *, gone: bool) -> str:
    if state is None:
        return "is missing"
    return "is there again" if gone else "was changed since install"
