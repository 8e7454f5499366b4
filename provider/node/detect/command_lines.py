"""ExecStart= as systemd runs it: prefixes, words, and variables (systemd.service(5), "Command Lines")."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from provider.node.detect.found import NotUnderstood
from provider.node.detect.systemd_units import Unit, expand_specifiers
from provider.node.detect.unit_files import Setting
from provider.node.detect.words import WHITESPACE, Unbalanced, split, word_at
from provider.node.files import Tree

PREFIXES = "-@:+!"
SHELL_PREFIX = "|"
SEARCH_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where systemd looks for a program that is named without a folder."""

_REFERENCE = re.compile(r"\$\$|\$\{([^}]*)\}")
_OTHER_ROOT = ("RootDirectory", "RootImage")


@dataclass(frozen=True, slots=True)
class Command:
    """What a unit starts: `words` is its argument vector, variables not replaced yet."""

    executable: str
    words: tuple[str, ...]
    replaces: bool
    """Whether variables are replaced at all."""
    setting: Setting

    def variables(self) -> list[str]:
        """Return the variables that stand unbraced as words of their own, so that their value is split into words."""
        if not self.replaces:
            return []
        return list(dict.fromkeys(word[1:] for word in self.words if _is_split(word) and len(word) > 1))

    def expanded(self, environment: Mapping[str, str]) -> tuple[str, ...]:
        """Return the argument vector as the program gets it."""
        return tuple(_expanded(self.words, environment)) if self.replaces else self.words


def command_of(unit: Unit) -> Command:
    """Return what a unit starts. Raises NotUnderstood where that is not one command."""
    for name in _OTHER_ROOT:
        if unit.effective(name):
            raise NotUnderstood(f"{unit.name} runs in a root of its own ({name}=), whose files are not looked at")
    starts = unit.effective("ExecStart")
    if len(starts) != 1:
        raise NotUnderstood(
            f"{unit.name} has {len(starts)} ExecStart= in force, where one is expected: see `systemctl cat {unit.name}`"
        )
    return _parse(starts[0], unit.name)


def find_executable(tree: Tree, name: str) -> str:
    """Return the path of a program named without a folder, found as systemd does; the name where it is not there."""
    if "/" in name:
        return name
    for folder in SEARCH_PATH:
        if name in tree.names(folder):
            return f"{folder}/{name}"
    return name


def _parse(setting: Setting, unit: str) -> Command:
    value = setting.value
    broken = NotUnderstood(f"{setting.path}: ExecStart= of {unit} is not one whole command: mend it first")
    try:
        first = word_at(value, 0)
        if first is None:
            raise broken
        program = first.text.lstrip(PREFIXES)
        prefixes = first.text[: len(first.text) - len(program)]
        if program.startswith(SHELL_PREFIX):
            raise NotUnderstood(
                f"{setting.path}: ExecStart= of {unit} runs through a shell ({SHELL_PREFIX}): take it out"
            )
        executable = expand_specifiers(program, unit)
        words = [] if "@" in prefixes else [executable]
        words += [expand_specifiers(word, unit) for word in _arguments(value, first.end, broken)]
    except Unbalanced:
        raise broken from None
    if not executable or not words:
        raise broken
    return Command(executable, tuple(words), ":" not in prefixes, setting)


def _arguments(value: str, position: int, broken: NotUnderstood) -> Iterator[str]:
    """Yield the words behind the program's. A semicolon by itself would begin a second command."""
    while (word := word_at(value, position)) is not None:
        raw = value[word.start : word.end]
        if raw == ";":
            raise broken
        yield ";" if raw == r"\;" else word.text
        position = word.end


def _expanded(words: Iterable[str], environment: Mapping[str, str]) -> Iterator[str]:
    for word in words:
        if _is_split(word):
            value = environment.get(word[1:], "")
            yield from (part.text for part in split(value, escapes=False, relaxed=True))
        else:
            yield _REFERENCE.sub(lambda match: "$" if match[1] is None else environment.get(match[1], ""), word)


def _is_split(word: str) -> bool:
    return word.startswith("$") and word[1:2] not in ("{", "$")


def quoted(value: str) -> str:
    """Return a value such that it is one word of a unit's setting, whatever is in it."""
    for character, written in (("\\", r"\\"), ('"', r"\""), ("\n", r"\n"), ("%", "%%")):
        value = value.replace(character, written)
    return f'"{value.strip(WHITESPACE)}"'
