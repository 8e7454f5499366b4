"""What a run imports, as the interpreter's own `-X importtime` tells it."""

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from tests.bench.process import Command

LINE = re.compile(r"import time: +(\d+) \| +(\d+) \| +(\S+)")


@dataclass(frozen=True, slots=True)
class Import:
    """One module: its full name, and the seconds that itself took, without what it imports in turn."""

    module: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Package:
    """A top-level package, with all of its modules."""

    name: str
    modules: int
    seconds: float


def parse(text: str) -> list[Import]:
    """Return the imports that `-X importtime` told, in the order in which they ended; other lines are passed over."""
    found = (LINE.fullmatch(line) for line in text.splitlines())
    return [Import(match[3], int(match[1]) / 1e6) for match in found if match is not None]


def packages(imports: Iterable[Import]) -> list[Package]:
    """Return the top-level packages, the heaviest first."""
    times = defaultdict[str, list[float]](list)
    for each in imports:
        times[each.module.partition(".")[0]].append(each.seconds)
    made = [Package(name, len(seconds), sum(seconds)) for name, seconds in times.items()]
    return sorted(made, key=lambda package: (-package.seconds, package.name))


def imports_of(command: Command) -> list[Import]:
    """Run a command whose first argument is the interpreter, and return what it imported."""
    traced = command.with_interpreter_options("-X", "importtime")
    done = subprocess.run(
        traced.arguments, env=dict(traced.environment), input=traced.given, capture_output=True, timeout=60, check=True
    )
    return parse(done.stderr.decode())
