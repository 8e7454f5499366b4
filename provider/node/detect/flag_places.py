"""Where the kubelet's two flags go on a node, decided, and proven, before anything is touched.

Each place that may do is tried on the tree in memory: the unit is read again with the change, and only if what it then
starts is what it starts now, with exactly the two flags added, is the place taken.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from provider.node.detect import k3s
from provider.node.detect.command_lines import quoted
from provider.node.detect.detect import ACK_FILE, ACK_VARIABLE
from provider.node.detect.environment import EnvironmentFile, environment_files
from provider.node.detect.environment_files import with_words
from provider.node.detect.flag_edits import with_words_in_setting, without_flags
from provider.node.detect.found import Flags, Found, NotUnderstood
from provider.node.detect.kubelet_flags import BIN_DIR, CONFIG, as_words, is_with
from provider.node.detect.overlay import Overlay
from provider.node.detect.starts import Start, start_of
from provider.node.detect.systemd_units import Unit, load
from provider.node.detect.unit_files import decoded, encoded
from provider.node.files import Change, File, Tree
from provider.places import PROGRAM

__all__ = ["DROP_IN", "K3S_FILE", "flag_changes", "without_flags"]

DROP_IN = f"80-{PROGRAM}-flags.conf"
"""Our own drop-in, in a unit's folder under /etc/systemd/system."""
K3S_FILE = f"90-{PROGRAM}.yaml"
"""Our own file beside the configuration of k3s or RKE2, in its folder of drop-ins."""

ETC = "/etc/"
FIRST_VARIABLES = (ACK_VARIABLE, "KUBELET_EXTRA_ARGS")
"""Meant for the administrator's flags by those who made the unit."""

# Nobody's own: distributions', packages', and what a reboot takes away.
_NOT_THE_ADMINISTRATORS = ("/usr/", "/lib", "/run/", "/proc/", "/sys/", "/dev/", "/tmp/", "/var/run/")  # noqa: S108
_ADMINISTRATORS_ALL_THE_SAME = "/usr/local/"
# What needs no quotes in a unit, a variable's file, a shell and YAML.
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9/._+-]*")
_HEADER = f"""\
# Written by {PROGRAM}, which makes the kubelet ask it for credentials of images.
# `{PROGRAM} uninstall` takes this file away.
"""


@dataclass(frozen=True, slots=True)
class _Node:
    """The unit as it is without what an earlier install left at `own`, the path of our own file."""

    tree: Tree
    unit: Unit
    start: Start
    own: str


def flag_changes(tree: Tree, found: Found, flags: Flags) -> list[Change]:
    """Return the changes that set both flags for the kubelet's next start; none where they are set already.

    Folders that a new file needs are not among them. Raises NotUnderstood, before anything is touched, where no place
    is found at which the command line becomes exactly what it was with the two flags.
    """
    for value in _values(flags):
        if not _PLAIN_PATH.fullmatch(value):
            raise NotUnderstood(
                f"{value!r} cannot be a value of the kubelet's flags: use an absolute path of letters, digits and /._+-"
            )
    if found.flags == flags:
        node = _node(tree, found.unit)
        # Our own drop-in repeats what the unit had then: it is written anew where the unit has changed since.
        if tree.state(node.own) is None or any(_values(node.start.flags)):
            return []
    elif any(_values(found.flags)):
        raise NotUnderstood(
            f"the kubelet of {found.unit} has other flags already ({_shown(found.flags)}): join what they name, or "
            "take them away first"
        )
    node = _node(tree, found.unit)
    if not node.start.program:
        raise NotUnderstood(
            f"{node.unit.name} runs {node.start.executable}, which starts the kubelet in its own way: where that gives "
            f"it --{CONFIG}=FILE and --{BIN_DIR}=DIRECTORY (both must be there), install joins them; or use "
            "--delivery docker-config, which needs no flags"
        )
    tried = []
    for path, after in _places(node, flags):
        if _proven(node, Change(path, None, after), flags):
            changes = [Change(path, tree.state(path), after)]
            if path != node.own:
                changes.append(Change(node.own, tree.state(node.own), None))
            return [change for change in changes if change.before != change.after]
        tried.append(path)
    raise NotUnderstood(_refusal(node, tried, flags))


def _node(tree: Tree, name: str) -> _Node:
    unit = load(tree, name)
    if unit is None:
        raise NotUnderstood(f"{name} is there no more")
    own = _own_path(unit, start_of(tree, unit))
    base = Overlay(tree, [Change(own, tree.state(own), None)])
    unit = load(base, name) or unit
    return _Node(base, unit, start_of(base, unit), own)


def _own_path(unit: Unit, start: Start) -> str:
    if start.program not in k3s.PROGRAMS:
        return f"/etc/systemd/system/{unit.name}.d/{DROP_IN}"
    values = {name: variable.value for name, variable in start.variables.items()}
    configuration = k3s.configuration(start.program, start.command.expanded(values), values)
    if not configuration.startswith("/"):
        raise NotUnderstood(
            f"{unit.name} takes its configuration from {configuration!r}, which is no file of this node: set the "
            "kubelet's flags there"
        )
    return f"{configuration}.d/{K3S_FILE}"


def _places(node: _Node, flags: Flags) -> Iterator[tuple[str, File]]:
    """Yield the paths, and the files to be there, that may do, the best first."""
    words = " ".join(as_words(flags))
    if node.start.program in k3s.PROGRAMS:
        if not any(_values(k3s.named(node.start.command_line))):
            yield node.own, _file(f"{CONFIG}: {flags.config}\n{BIN_DIR}: {flags.bin_dir}\n")
        return
    mentioned = node.start.command.variables()
    first = [name for name in FIRST_VARIABLES if name in mentioned]
    for name in first:
        yield from _places_of_variable(node, name, words)
    for name in mentioned:
        variable = node.start.variables.get(name)
        # It may be a program's own elsewhere than in /etc, such as kubeadm's.
        if name not in first and variable and variable.file.startswith(ETC):
            yield from _edited(node.tree, variable.file, name, words)
    yield node.own, _file(f"[Service]\nExecStart=\nExecStart={node.start.command.setting.value} {words}\n")


def _places_of_variable(node: _Node, name: str, words: str) -> Iterator[tuple[str, File]]:
    variable = node.start.variables.get(name)
    if variable and variable.file:
        if _is_the_administrators(variable.file):
            yield from _edited(node.tree, variable.file, name, words)
        return
    if variable is None:
        for path in _files_for(node, name):
            yield from _edited(node.tree, path, name, words)
    elif variable.setting and variable.setting.path.startswith(ETC):
        path = variable.setting.path
        state = node.tree.state(path)
        if isinstance(state, File):
            text = with_words_in_setting(decoded(state.content), variable, words)
            if text is not None:
                yield path, replace(state, content=encoded(text))
    value = f"{variable.value} {words}" if variable and variable.value else words
    yield node.own, _file(f"[Service]\nEnvironment={quoted(f'{name}={value}')}\n")


def _files_for(node: _Node, name: str) -> list[str]:
    """Return the files under /etc that a variable which is nowhere yet may be written to, the best first."""

    def is_for_it(named: EnvironmentFile) -> bool:
        return (name == ACK_VARIABLE) == named.path.endswith(f"/{ACK_FILE}")

    named = [file for file in reversed(environment_files(node.unit)) if not file.is_pattern]
    paths = [(file, node.tree.resolve(file.path)) for file in sorted(named, key=is_for_it, reverse=True)]
    return [
        path
        for file, path in paths
        if path.startswith(ETC) and (file.optional or isinstance(node.tree.state(path), File))
    ]


def _proven(node: _Node, change: Change, flags: Flags) -> bool:
    """Tell whether the unit, with the change, starts what it starts now with exactly the two flags added."""
    tree = Overlay(node.tree, [change])
    unit = load(tree, node.unit.name)
    if unit is None or unit.masked:
        return False
    start, before = start_of(tree, unit), node.start
    names = before.variables.keys() | start.variables.keys()
    changed = [name for name in names if _value(before, name) != _value(start, name)]
    return (
        start.executable == before.executable
        and len(changed) <= 1
        and is_with(flags, before.command_line, start.command_line)
    )


def _refusal(node: _Node, tried: list[str], flags: Flags) -> str:
    if node.start.program in k3s.PROGRAMS and not tried:
        return (
            f"the configuration of {node.unit.name} names {_shown(k3s.named(node.start.command_line))}, which is not "
            "there: put it there, or take the keys away, then install again"
        )
    return (
        f"no place is found where {node.unit.name} takes the kubelet's two flags and nothing else changes "
        f"({', '.join(dict.fromkeys(tried))} would not do): set {' and '.join(as_words(flags))} yourself, then "
        "install again"
    )


def _edited(tree: Tree, path: str, name: str, words: str) -> Iterator[tuple[str, File]]:
    """Yield a variable's file with words added, if it is written such that they can be."""
    state = tree.state(path)
    before = state if isinstance(state, File) else File(b"")
    text = with_words(decoded(before.content), name, words)
    if text is not None:
        yield path, replace(before, content=encoded(text))


def _file(text: str) -> File:
    return File(encoded(_HEADER + text))


def _value(start: Start, name: str) -> str | None:
    variable = start.variables.get(name)
    return variable.value if variable else None


def _is_the_administrators(path: str) -> bool:
    return path.startswith(_ADMINISTRATORS_ALL_THE_SAME) or not path.startswith(_NOT_THE_ADMINISTRATORS)


def _values(flags: Flags) -> tuple[str, str]:
    return flags.config, flags.bin_dir


def _shown(flags: Flags) -> str:
    """Return the flags that are set, as people write them."""
    return " ".join(word for word, value in zip(as_words(flags), _values(flags), strict=True) if value)
