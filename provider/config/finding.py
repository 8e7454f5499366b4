"""What is wrong in a file: one finding, one line. Findings are gathered, so that all are told at once."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from provider.errors import ConfigurationError

Kind = Literal["wrong", "unknown", "warning"]

MAXIMUM = 100
"""Findings of one kind kept of one file; the rest are only counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, never with the value that is.

    `line` counts from 1; 0 stands for the whole file. `key` is spelt as in the file, such as
    `acr-registry-info[0].regionId`, and empty where no key is concerned.
    `wrong` stops every command, `unknown` (a key) only `config check` and the agent, `warning` nothing.
    """

    path: str
    line: int
    key: str
    message: str
    kind: Kind = "wrong"

    def __str__(self) -> str:
        """Return `PATH:LINE: KEY: what is wrong; right form`."""
        place = f"{self.path}:{self.line}" if self.line else self.path
        return " ".join(": ".join(part for part in (place, self.key, self.message) if part).split())


@dataclass(slots=True)
class Findings:
    """The findings of one file as they come up, bounded for each kind."""

    path: str
    found: list[Finding] = field(default_factory=list)
    count: Counter[Kind] = field(default_factory=Counter)

    def add(self, line: int, key: str, message: str, kind: Kind = "wrong") -> None:
        """Add a finding; after `MAXIMUM` of its kind only count it."""
        if not self.full(kind):
            self.found.append(Finding(self.path, line, key, message, kind))
        self.count[kind] += 1

    def full(self, kind: Kind) -> bool:
        """Tell whether no more findings of that kind are kept."""
        return self.count[kind] >= MAXIMUM

    def sorted(self) -> tuple[Finding, ...]:
        """Return the findings in the order of their lines, and one more for each kind of which some were left out."""
        found = sorted(self.found, key=lambda finding: finding.line)
        for kind, count in self.count.items():
            if count > MAXIMUM:
                found.append(Finding(self.path, 0, "", f"{count - MAXIMUM} more findings, not shown", kind))
        return tuple(found)


def of_kind(findings: Iterable[Finding], kind: Kind) -> tuple[Finding, ...]:
    """Return the findings of one kind."""
    return tuple(finding for finding in findings if finding.kind == kind)


def refuse_wrong(findings: Sequence[Finding]) -> None:
    """Raise ConfigurationError with one line a finding, if any of them is wrong."""
    wrong = of_kind(findings, "wrong")
    if wrong:
        raise ConfigurationError("\n".join(map(str, wrong)))
