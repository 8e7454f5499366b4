"""The variables that a unit gives to what it starts, each with the place that its value comes from.

EnvironmentFile= beats Environment=, a later file an earlier one, and a later value of Environment= an earlier one. What
the manager itself hands on (PATH, DefaultEnvironment=, PassEnvironment=) is not in the unit and not read.
"""

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass

from provider.node.detect.environment_files import NAME, assignments
from provider.node.detect.systemd_units import Unit, content_of, expand_specifiers
from provider.node.detect.unit_files import Setting, decoded
from provider.node.detect.words import Unbalanced, Word, split
from provider.node.files import Tree

_PATTERN = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class EnvironmentFile:
    """A file that EnvironmentFile= names. `path` is as it is named there, specifiers replaced."""

    path: str
    optional: bool
    is_pattern: bool


@dataclass(frozen=True, slots=True)
class Variable:
    """A value, and its place: a file that EnvironmentFile= names, or a word of an Environment= setting."""

    value: str
    file: str = ""
    setting: Setting | None = None
    word: Word | None = None


def environment(tree: Tree, unit: Unit) -> dict[str, Variable]:
    """Return the variables of a unit by name."""
    result: dict[str, Variable] = {}
    for setting in unit.effective("Environment"):
        for word in _words(setting):
            name, equals, value = expand_specifiers(word.text, unit.name).partition("=")
            if equals and NAME.fullmatch(name):
                result[name] = Variable(value, setting=setting, word=word)
    for named in environment_files(unit):
        for path in _matches(tree, named.path) if named.is_pattern else [named.path]:
            content = content_of(tree, path)
            for assignment in assignments(decoded(content)) if content else ():
                result[assignment.name] = Variable(assignment.value, file=tree.resolve(path))
    return result


def environment_files(unit: Unit) -> list[EnvironmentFile]:
    """Return the files that a unit's EnvironmentFile= settings name, in their order."""
    result = []
    for setting in unit.effective("EnvironmentFile"):
        written = expand_specifiers(setting.value, unit.name)
        path = written.removeprefix("-")
        if path.startswith("/"):
            result.append(EnvironmentFile(path, path != written, not _PATTERN.isdisjoint(path)))
    return result


def _words(setting: Setting) -> Iterator[Word]:
    try:
        yield from split(setting.value)
    except Unbalanced:
        return


def _matches(tree: Tree, pattern: str) -> list[str]:
    """Return the paths that a pattern matches, sorted."""
    found = [""]
    for part in pattern.split("/")[1:]:
        if _PATTERN.isdisjoint(part):
            found = [f"{folder}/{part}" for folder in found]
            continue
        hidden = part.startswith(".")
        found = [
            f"{folder}/{name}"
            for folder in found
            for name in tree.names(folder or "/")
            if fnmatch.fnmatchcase(name, part) and name.startswith(".") == hidden
        ]
    return found
