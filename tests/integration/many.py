"""Many nodes at once, each in a cloud of its own: most of a failing request's time is waiting."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tests.cloud import SimulatedCloud
from tests.integration.node import Node

T = TypeVar("T")


def at_once(
    directory: Path, rows: Mapping[str, T], check: Callable[[Node, T], None], *, together: int = 10
) -> dict[str, str]:
    """Run `check` for each row with a node of its own; return what went wrong, by row."""

    def one(number: int, row: T) -> str:
        place = directory / str(number)
        (place / "node").mkdir(parents=True)
        with SimulatedCloud(place / "cloud") as cloud:
            try:
                check(Node(cloud, place / "node"), row)
            except AssertionError as failed:
                return str(failed) or "failed"
        return ""

    with ThreadPoolExecutor(together) as pool:
        found = dict(zip(rows, pool.map(one, range(len(rows)), rows.values()), strict=True))
    return {name: failure for name, failure in found.items() if failure}
