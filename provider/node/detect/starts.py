"""How a unit starts its kubelet: the kubelet itself, k3s or RKE2, or something else that ends in one."""

from dataclasses import dataclass
from typing import Literal

from provider.node.detect import k3s
from provider.node.detect.command_lines import Command, command_of, find_executable
from provider.node.detect.environment import Variable, environment
from provider.node.detect.found import Flags
from provider.node.detect.kubelet_flags import flags_of
from provider.node.detect.systemd_units import Unit
from provider.node.files import NodeError, Tree

Program = Literal["kubelet", "k3s", "rke2", ""]
PROGRAMS: tuple[Program, ...] = ("kubelet", "k3s", "rke2")
SCRIPT = b"#!"


@dataclass(frozen=True, slots=True)
class Start:
    """What the next start of a unit runs. `program` is empty for a script, or a program that is none of these."""

    program: Program
    executable: str
    command: Command
    variables: dict[str, Variable]
    command_line: tuple[str, ...]
    """The argument vector; of k3s and RKE2 what `k3s.command_line` gives; of a script that script's."""
    flags: Flags

    @property
    def kubelet_arguments(self) -> tuple[str, ...]:
        """Return the arguments that are the kubelet's, as a command line."""
        return k3s.kubelet_arguments(self.command_line) if self.program in k3s.PROGRAMS else self.command_line


def start_of(tree: Tree, unit: Unit) -> Start:
    """Return what the next start of a unit runs. Raises NotUnderstood."""
    command = command_of(unit)
    executable = find_executable(tree, command.executable)
    variables = environment(tree, unit)
    values = {name: variable.value for name, variable in variables.items()}
    words = command.expanded(values)
    program = _program(tree, executable)
    if program in k3s.PROGRAMS:
        words = k3s.command_line(tree, program, words, values)
    flags = k3s.flags(tree, words) if program in k3s.PROGRAMS else flags_of(words) if program else Flags()
    return Start(program, executable, command, variables, words, flags)


def _program(tree: Tree, executable: str) -> Program:
    called = executable.rpartition("/")[2]
    for program in PROGRAMS:
        if called == program:
            return "" if _is_script(tree, executable) else program
    return ""


def _is_script(tree: Tree, path: str) -> bool:
    """Tell whether a file is run by another program. One that is not there (yet) is taken for none."""
    try:
        with open(tree.root + tree.resolve(path), "rb") as file:
            return file.read(len(SCRIPT)) == SCRIPT
    except FileNotFoundError:
        return False
    except OSError as error:
        raise NodeError(f"{path}: {error.strerror}") from None
