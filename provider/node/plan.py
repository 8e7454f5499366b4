"""What is to become of a node's files: decided whole, and checked, before the first of them is touched."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from provider.errors import ProviderError
from provider.node.detect.detect import detect
from provider.node.detect.flag_places import flag_changes
from provider.node.detect.found import Flags, Found, NotForThisNode
from provider.node.detect.overlay import Overlay
from provider.node.files import Change, File, Folder, Link, NodeError, State, Tree
from provider.node.guard import NAME as GUARD
from provider.node.guard import Guard, TokensGuard, drop_in
from provider.node.kubelet_version import Version
from provider.node.provider_file.checks import check_set
from provider.node.provider_file.entry import Entry
from provider.node.provider_file.entry import own_file as whole_file
from provider.node.provider_file.merge import with_entry, without_entry
from provider.node.record import NODE, PENDING, Mode
from provider.places import PROGRAM

OWN_FILE = f"/etc/{PROGRAM}/CredentialProviderConfig.yaml"
OWN_NAME = f"{PROGRAM}.yaml"
"""The name of our file in somebody else's directory of provider files."""
WITHOUT_TOKENS = f"{NODE}/provider-file-without-tokens"
"""The whole provider file as it is without tokenAttributes of ours, for the guard; there where they are wanted."""

FIRST_VERSION = Version(1, 24, 0)
FIRST_DIRECTORIES = Version(1, 34, 0)
UNITS = "/etc/systemd/system"


@dataclass(frozen=True, slots=True)
class Choice:
    """Where our entry goes, and where the kubelet finds the program."""

    mode: Mode
    provider_file: str
    bin_dir: str


def choose(tree: Tree, found: Found, prefix: str) -> Choice:
    """Join the provider configuration that the kubelet's next start will read, or make one. Raises NodeError."""
    version, flags = found.version, found.flags
    if version is None:
        raise NodeError(
            f"{found.executable} does not tell its version, and what a provider file may say depends on it: "
            "see that `--version` works"
        )
    if version < FIRST_VERSION:
        raise NotForThisNode(
            f"kubelet {version} is too old: credential providers work from 1.24 on. Upgrade it, or use "
            "compatibility Secrets (imagePullSecrets)"
        )
    if not flags.config and not flags.bin_dir:
        return Choice("set", OWN_FILE, f"{prefix}/bin")
    for flag, value in (("config", flags.config), ("bin-dir", flags.bin_dir)):
        if not value.startswith("/"):
            raise NodeError(
                f"--image-credential-provider-{flag} of the kubelet is {value!r}, no absolute path: set both flags "
                "to absolute paths, or take both away"
            )
    if flags.config == OWN_FILE:
        return Choice("set", OWN_FILE, flags.bin_dir)
    place = tree.resolve(flags.config)
    match tree.state(place):
        case File():
            return Choice("joined-file", place, flags.bin_dir)
        case Folder() if version >= FIRST_DIRECTORIES:
            return Choice("joined-directory", f"{place}/{OWN_NAME}", flags.bin_dir)
        case Folder():
            raise NodeError(f"{flags.config} is a directory, which kubelets read from 1.34 on; this is {version}")
    raise NodeError(
        f"{flags.config}, which the kubelet's flag --image-credential-provider-config names, is not there: "
        "the kubelet would not start with it. Put it back, or take both flags away"
    )


def provider_change(tree: Tree, found: Found, choice: Choice, entry: Entry) -> Change:
    """Return what becomes of the provider file; checked by the kubelet's own rules. Raises NodeError."""
    version = found.version
    assert version is not None  # noqa: S101 - choose() saw to it
    path = choice.provider_file
    before = tree.state(path)
    if choice.mode == "joined-file":
        if not isinstance(before, File):
            raise NodeError(f"{path}: is no file")
        # Whatever is wrong with our entry is about to be put right.
        rest = _without_us(before.content, path)
        if rest is not None:
            _accepted({path.rpartition("/")[2]: rest}, found, tree, choice, "as it is, without us")
        after = replace(before, content=with_entry(before.content, path, entry, version))
        _accepted({path.rpartition("/")[2]: after.content}, found, tree, choice, "with our entry")
        return Change(path, before, after)
    after = File(whole_file(entry, version))
    name = path.rpartition("/")[2]
    others: dict[str, bytes | None] = {}
    if choice.mode == "joined-directory":
        others = {
            other: content for other, content in directory(tree, path.rpartition("/")[0]).items() if other != name
        }
        if others:
            _accepted(others, found, tree, choice, "as it is, without us")
    _accepted({**others, name: after.content}, found, tree, choice, "with our file")
    if isinstance(before, File) and before.content == after.content:
        after = before
    return Change(path, before, after)


def kubelet_changes(
    tree: Tree, found: Found, choice: Choice, provider: Change, prefix: str, *, tokens: bool
) -> list[Change]:
    """Return what the kubelet sees, in its order: guard, program, provider file, flags; also what need not change.

    `tokens`: whether the guard has to look after tokenAttributes.
    """
    program = f"{choice.bin_dir}/{PROGRAM}"
    target = f"../current/{PROGRAM}" if choice.bin_dir == f"{prefix}/bin" else f"{prefix}/bin/{PROGRAM}"
    own_file = OWN_FILE if choice.mode == "set" else ""
    watched = TokensGuard(found.teller, choice.provider_file, WITHOUT_TOKENS) if tokens else None
    guard = Guard(program, target, own_file, PENDING, found.version or FIRST_VERSION, watched)
    wanted: list[tuple[str, State]] = [
        (f"{UNITS}/{found.unit}.d/{GUARD}", File(drop_in(guard).encode())),
        (program, Link(target)),
    ]
    changes = [Change(path, tree.state(path), state) for path, state in wanted]
    changes.append(provider)
    if choice.mode == "set":
        changes += flag_changes(tree, found, Flags(choice.provider_file, choice.bin_dir))
    return changes


def effective(changes: Iterable[Change]) -> list[Change]:
    """Return the changes that change something."""
    return [change for change in changes if change.before != change.after]


def with_folders(tree: Tree, changes: Sequence[Change], earlier: Sequence[Change] = ()) -> list[Change]:
    """Return the changes with those before them that make the folders they need; `earlier`: changes made before."""
    made = {change.path for change in earlier if isinstance(change.after, Folder)}
    result: list[Change] = []
    for change in changes:
        if change.after is not None:
            missing = []
            folder = change.path.rpartition("/")[0]
            while folder and folder not in made and tree.state(tree.resolve(folder)) is None:
                missing.append(folder)
                folder = folder.rpartition("/")[0]
            made.update(missing)
            result += [Change(path, None, _folder(path)) for path in reversed(missing)]
        if isinstance(change.after, Folder):
            made.add(change.path)
        result.append(change)
    return result


def check_writable(tree: Tree, changes: Iterable[Change]) -> None:
    """Raise NodeError where a change cannot be made, before any is."""
    for change in changes:
        place = tree.at(change.path).rpartition("/")[0]
        while place and not os.path.isdir(place):
            place = place.rpartition("/")[0]
        if not os.access(place or "/", os.W_OK):
            raise NodeError(f"{change.path} cannot be written: its file system is read-only, or this is not root")


def check_flags(tree: Tree, found: Found, changes: Iterable[Change], wanted: Flags) -> None:
    """Raise NodeError where the kubelet's next start, all changes made, has other flags than it is to have."""
    flags = detect(Overlay(tree, changes), run=lambda command: "").flags
    if flags != wanted:
        raise NodeError(
            f"{found.unit} would start with --image-credential-provider-config={flags.config or '(none)'} and "
            f"--image-credential-provider-bin-dir={flags.bin_dir or '(none)'} instead of {wanted.config or '(none)'} "
            f"and {wanted.bin_dir or '(none)'}: set these by hand, and try again. Nothing was changed"
        )


def check_next_start(tree: Tree, found: Found, changes: Sequence[Change]) -> None:
    """Raise NodeError where the kubelet's next start, all changes made, would fail at what its flags name."""
    overlay = Overlay(tree, changes)
    flags = detect(overlay, run=lambda command: "").flags
    if not flags.config or found.version is None:
        return
    place = overlay.resolve(flags.config)
    state = overlay.state(place)
    files: dict[str, bytes | None] = {place.rpartition("/")[2]: state.content if isinstance(state, File) else None}
    if isinstance(state, Folder):
        files = directory(overlay, place)

    def is_executable(name: str) -> bool:
        path = f"{flags.bin_dir}/{name}"
        there = overlay.root + overlay.resolve(path)
        return overlay.state(path) is not None and os.path.isfile(there) and os.access(there, os.X_OK)

    problems = check_set(files, found.version, is_executable, directory=isinstance(state, Folder))
    if problems:
        raise NodeError(
            f"kubelet {found.version} would not start with {flags.config} without us: {'; '.join(problems)}. Take both "
            "--image-credential-provider flags away, or put another provider there, and try again. Nothing was changed"
        )


def _folder(path: str) -> Folder:
    # A key pair may be in the configuration beside the provider file.
    return Folder(0o700 if path == f"/etc/{PROGRAM}" else 0o755)


def directory(tree: Tree, folder: str) -> dict[str, bytes | None]:
    """Return the files of a directory of providers that the kubelet reads; None: one that it fails at."""
    found: dict[str, bytes | None] = {}
    for name in tree.names(folder):
        if name.endswith((".json", ".yaml", ".yml")):
            path = f"{folder}/{name}"
            state = tree.state(tree.resolve(path))
            if isinstance(tree.state(path), Folder):
                continue
            found[name] = state.content if isinstance(state, File) else None
    return found


def _without_us(content: bytes, path: str) -> bytes | None:
    """Return somebody else's provider file without our entry, or as it is where that cannot be read; None: no rest."""
    try:
        return without_entry(content, path)
    except ProviderError:
        return content


def _accepted(files: Mapping[str, bytes | None], found: Found, tree: Tree, choice: Choice, how: str) -> None:
    """Raise NodeError where the kubelet would not start with the files."""
    assert found.version is not None  # noqa: S101 - choose() saw to it

    def is_executable(name: str) -> bool:
        if name == PROGRAM:
            return True
        place = tree.root + tree.resolve(f"{choice.bin_dir}/{name}")
        return os.path.isfile(place) and os.access(place, os.X_OK)

    problems = check_set(files, found.version, is_executable, directory=choice.mode == "joined-directory")
    if problems:
        place = choice.provider_file
        if choice.mode == "joined-directory":
            place = place.rpartition("/")[0]
            problems = [f"{place}/{problem}" if problem.partition(":")[0] in files else problem for problem in problems]
        raise NodeError(
            f"kubelet {found.version} would not start with {place} {how}: {'; '.join(problems)}. Nothing was changed"
        )
