"""A service unit as systemd would load it: which file counts, with which drop-ins, in which order.

It reads the tree and never asks systemd, so that it works on an image, and on what has not been loaded yet. Where each
rule comes from: systemd.unit(5), "Unit File Load Path" and around it.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from provider.node.detect.unit_files import Setting, decoded, settings
from provider.node.files import File, Tree

UNIT_FOLDERS = (
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
)
"""Where units are looked for, first the folder that counts most."""

SUFFIX = ".service"
NOTHING = "/dev/null"


@dataclass(frozen=True, slots=True)
class Unit:
    """A service unit. `settings`: those of section Service in the order that they take effect in."""

    name: str
    files: tuple[str, ...]
    """The unit's file and its drop-ins in their order, without symbolic links."""
    settings: tuple[Setting, ...]
    masked: bool = False

    def effective(self, name: str) -> list[Setting]:
        """Return the assignments of a setting that collects: those after the last empty one, which resets it."""
        result: list[Setting] = []
        for setting in self.settings:
            if setting.name == name:
                result = [*result, setting] if setting.value else []
        return result


def load(tree: Tree, name: str) -> Unit | None:
    """Return the unit of a name, an alias included; None where there is no file for it."""
    fragment = _fragment(tree, name)
    if fragment is None:
        return None
    folder, _, real = fragment.rpartition("/")
    if real != name and real.endswith(SUFFIX) and folder in _folders(tree) and "@" not in real:
        name = real
        fragment = _fragment(tree, real) or fragment
    content = content_of(tree, fragment)
    if not content:
        return Unit(name, (fragment,), (), masked=True)
    files = (fragment, *_drop_ins(tree, [name, *_aliases(tree, name)]))
    return Unit(
        name,
        files,
        tuple(setting for path in files for setting in settings(decoded(content_of(tree, path) or b""), path)),
    )


def service_names(tree: Tree) -> list[str]:
    """Return the names of all service units that have a file, templates left out."""
    names = {name for folder in _folders(tree) for name in tree.names(folder) if name.endswith(SUFFIX)}
    return sorted(name for name in names if not name.endswith(f"@{SUFFIX}"))


def is_enabled(tree: Tree, name: str) -> bool:
    """Tell whether another unit wants or requires the unit by a link, as `systemctl enable` makes them."""
    return any(
        entry.endswith((".wants", ".requires")) and name in tree.names(f"{folder}/{entry}")
        for folder in _folders(tree)
        for entry in tree.names(folder)
    )


def content_of(tree: Tree, path: str) -> bytes | None:
    """Return a file's content, links followed; what leads to /dev/null is empty, what is no file is None."""
    place = tree.resolve(path)
    if place == NOTHING:
        return b""
    state = tree.state(place)
    return state.content if isinstance(state, File) else None


def expand_specifiers(text: str, unit: str) -> str:
    """Replace what a percent sign stands for. What only the running system knows, and what is unknown, stays."""
    pieces = text.split("%")
    result = [pieces[0]]
    rest = iter(pieces[1:])
    for piece in rest:
        if not piece:
            # Two of them are one; what follows the second is text.
            result.append("%" + next(rest, ""))
        elif piece[0] in _SPECIFIERS:
            result.append(_SPECIFIERS[piece[0]](unit) + piece[1:])
        else:
            result.append("%" + piece)
    return "".join(result)


def _prefix(unit: str) -> str:
    return unit.removesuffix(SUFFIX).partition("@")[0]


_SPECIFIERS: dict[str, Callable[[str], str]] = {
    "n": lambda unit: unit,
    "N": lambda unit: unit.removesuffix(SUFFIX),
    "p": _prefix,
    "i": lambda unit: unit.removesuffix(SUFFIX).partition("@")[2],
    "j": lambda unit: _prefix(unit).rpartition("-")[2],
    "t": lambda unit: "/run",
    "S": lambda unit: "/var/lib",
    "C": lambda unit: "/var/cache",
    "L": lambda unit: "/var/log",
    "E": lambda unit: "/etc",
    "T": lambda unit: "/tmp",  # noqa: S108 - what systemd says
    "V": lambda unit: "/var/tmp",  # noqa: S108
    "h": lambda unit: "/root",
    "u": lambda unit: "root",
    "U": lambda unit: "0",
    "g": lambda unit: "root",
    "G": lambda unit: "0",
}


def _folders(tree: Tree) -> list[str]:
    """Return the unit folders without links: where /lib is a link to /usr/lib, both are one."""
    return list(dict.fromkeys(tree.resolve(folder) for folder in UNIT_FOLDERS))


def _fragment(tree: Tree, name: str) -> str | None:
    """Return the file that has most to say about a unit, without links; a template's where it has none of its own."""
    names = [name]
    prefix, at, _ = name.partition("@")
    if at:
        names.append(f"{prefix}@{SUFFIX}")
    for called in names:
        for folder in _folders(tree):
            path = f"{folder}/{called}"
            if content_of(tree, path) is not None:
                return tree.resolve(path)
    return None


def _aliases(tree: Tree, name: str) -> list[str]:
    """Return the other names of a unit: links between unit folders that end at a file of its name."""
    folders = _folders(tree)
    found = []
    for folder in folders:
        with contextlib.suppress(FileNotFoundError), os.scandir(tree.root + folder) as entries:
            found += [entry.name for entry in entries if entry.name.endswith(SUFFIX) and entry.is_symlink()]
    return [
        alias
        for alias in dict.fromkeys(sorted(found))
        if alias != name and (_fragment(tree, alias) or "") in [f"{folder}/{name}" for folder in folders]
    ]


def _drop_ins(tree: Tree, names: Sequence[str]) -> list[str]:
    """Return the drop-ins in the order of their own names; of two with one name, the first folder's counts."""
    found: dict[str, str] = {}
    folders = _folders(tree)
    own = [f"{folder}/{part}.d" for name in names for folder in folders for part in _names_for_drop_ins(name)]
    for folder in (*own, *(f"{folder}/{SUFFIX.removeprefix('.')}.d" for folder in folders)):
        for entry in tree.names(folder):
            if entry.endswith(".conf") and not entry.startswith("."):
                found.setdefault(entry, tree.resolve(f"{folder}/{entry}"))
    return [found[entry] for entry in sorted(found) if found[entry] != NOTHING]


def _names_for_drop_ins(name: str) -> Iterator[str]:
    """Yield the unit's name, its template's, and those that end at each of its dashes."""
    yield name
    prefix, at, _ = name.removesuffix(SUFFIX).partition("@")
    if at:
        yield f"{prefix}@{SUFFIX}"
    while (dash := prefix.rstrip("-").rfind("-")) > 0:
        prefix = prefix[: dash + 1]
        yield prefix + SUFFIX
