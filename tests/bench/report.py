"""The measurement as a page for people, and as JSON. Pure."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from textwrap import fill
from typing import Any

from tests.bench.figures import ratio
from tests.bench.imports import Import, Package, packages
from tests.bench.measure import Measured

HEAVIEST = 10
LEGEND = (
    "bare interpreter: python -I -S -E -c pass; ratio: of p50 to its p50; spread: half of all runs lie so close;\n"
    "cold: nothing remembered; configuration known: read before, the rest forgotten"
)


def as_json(measured: Measured) -> dict[str, Any]:
    """Return all figures as JSON values: seconds and bytes."""
    base = measured.times[measured.base]
    return {
        "times": {name: {**asdict(each), "ratio": ratio(each, base)} for name, each in measured.times.items()},
        "memory": {name: asdict(each) for name, each in measured.memory.items()},
        "imports": {
            name: {"modules": len(imports), "packages": [asdict(package) for package in packages(imports)]}
            for name, imports in measured.imports.items()
        },
        "crowd": asdict(measured.crowd) if measured.crowd else None,
        "bundle": dict(zip(("files", "bytes"), measured.bundle, strict=True)) if measured.bundle else None,
        "statuses": measured.statuses,
    }


def as_text(measured: Measured) -> str:
    """Return all figures as tables."""
    parts = [_times(measured), _memory(measured)]
    if measured.crowd is not None:
        crowd = measured.crowd
        parts.append(
            f"{crowd.processes} at once on a cold node: {milliseconds(crowd.seconds)} ms until the last has answered, "
            f"{crowd.calls} ACR call{'' if crowd.calls == 1 else 's'}, at most {mebibytes(crowd.proportional)} MiB "
            "for all together (Pss)"
        )
    parts += [_imports(name, measured.imports[name]) for name in measured.imports if name != measured.base]
    if measured.bundle is not None:
        files, size = measured.bundle
        parts.append(f"bundle: {mebibytes(size)} MiB in {files} files")
    parts += [
        f"{name}: {len(statuses)} runs ended with exit status {', '.join(map(str, sorted(set(statuses))))}"
        for name, statuses in measured.statuses.items()
    ]
    return "\n\n".join(parts) + "\n"


def _times(measured: Measured) -> str:
    base = measured.times[measured.base]
    rows = [
        (
            name,
            *(milliseconds(seconds) for seconds in (each.p50, each.least, each.spread)),
            f"{ratio(each, base):.2f}",
        )
        for name, each in sorted(measured.times.items(), key=lambda item: item[1].p50)
    ]
    head = (f"start to exit, {base.runs} runs each, ms", "p50", "min", "spread", "ratio")
    return f"{table(head, rows)}\n{LEGEND}"


def _memory(measured: Measured) -> str:
    rows = [(name, mebibytes(each.peak), mebibytes(each.proportional)) for name, each in measured.memory.items()]
    return table(("memory of one that is about to answer, MiB", "peak RSS", "Pss"), rows)


def _imports(name: str, imports: Sequence[Import]) -> str:
    all_packages = packages(imports)
    head = (f"{name} imports {len(imports)} modules; the heaviest packages", "modules", "ms")
    rows = [(each.name, str(each.modules), milliseconds(each.seconds)) for each in all_packages[:HEAVIEST]]
    return f"{table(head, rows)}\n{others(all_packages[HEAVIEST:])}"


def others(rest: Sequence[Package]) -> str:
    """Return lines on packages that no table has: the standard library's are counted, all others named.

    Among them are names that were sought in vain, and the empty stand-ins of provider/cloud/left_out.py.
    """
    foreign = sorted(package.name for package in rest if package.name not in sys.stdlib_module_names)
    standard = f"{len(rest) - len(foreign)} packages of the standard library"
    return fill(f"and {', '.join([*foreign, standard])}", 110)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return lines with the first column to the left and the others to the right, under a head."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = []
    for first, *numbers in (head, *rows):
        cells = [cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]))
    return "\n".join(lines)


def milliseconds(seconds: float) -> str:
    """Return milliseconds with one digit after the point."""
    return f"{seconds * 1000:.1f}"


def mebibytes(size: int) -> str:
    """Return MiB with one digit after the point."""
    return f"{size / (1 << 20):.1f}"
