"""The benchmark's reading of `-X importtime`, its tables and its JSON."""

import json
import subprocess
import sys

from tests.bench.crowd import Crowd
from tests.bench.figures import Figures
from tests.bench.imports import Import, Package, packages, parse
from tests.bench.measure import Measured
from tests.bench.process import Memory
from tests.bench.report import as_json, as_text, table

TOLD = """\
import time: self [us] | cumulative | imported package
import time:       100 |        100 |   _io
import time:      2000 |       2100 |   heavy.part
import time:       500 |       2600 | heavy
a line of somebody else's
import time: 1234567 |    1234567 |       json.decoder
"""
IMPORTS = [
    Import("_io", 0.0001),
    Import("heavy.part", 0.002),
    Import("heavy", 0.0005),
    Import("json.decoder", 1.234567),
]
TIMES = {
    "cold": Figures(4, 0.2, 0.19, 0.02),
    "warm": Figures(4, 0.012, 0.011, 0.001),
    "bare interpreter": Figures(4, 0.01, 0.009, 0.001),
}
MEMORY = {"warm": Memory(9 << 20, 5 << 20), "cold": Memory(45 << 20, (34 << 20) + (1 << 19))}
FROM_SOURCE = Measured(
    times=TIMES,
    base="bare interpreter",
    memory=MEMORY,
    imports={"bare interpreter": IMPORTS[:1], "cold": IMPORTS},
    crowd=Crowd(50, 1.2, 1, 340 << 20),
    bundle=None,
    statuses={},
)
FROZEN = Measured(TIMES, "bare interpreter", MEMORY, {}, None, (55, 23 << 20), {"peer other": [1, 1]})


def lines(measured: Measured) -> list[str]:
    return [" ".join(line.split()) for line in as_text(measured).splitlines()]


def test_importtime_is_read_and_other_lines_are_passed_over() -> None:
    assert parse(TOLD) == IMPORTS


def test_importtime_of_this_interpreter_is_read() -> None:
    arguments = [sys.executable, "-I", "-X", "importtime", "-c", "import json"]
    told = subprocess.run(arguments, capture_output=True, check=True, text=True, timeout=60).stderr
    found = parse(told)
    assert {"json", "json.decoder"} <= {each.module for each in found}
    assert len(found) == told.count("\n") - 1
    assert all(each.seconds >= 0 for each in found)


def test_packages_are_added_up_and_the_heaviest_come_first() -> None:
    assert packages(parse(TOLD)) == [
        Package("json", 1, 1.234567),
        Package("heavy", 2, 0.0025),
        Package("_io", 1, 0.0001),
    ]


def test_a_table_has_straight_columns() -> None:
    assert table(("what", "ms"), [("long name", "1.0"), ("x", "1000.0")]) == (
        "what           ms\nlong name     1.0\nx          1000.0"
    )


def test_the_page_has_every_figure() -> None:
    found = lines(FROM_SOURCE)
    assert [line for line in found if line.endswith(("1.00", "1.20", "20.00"))] == [
        "bare interpreter 10.0 9.0 1.0 1.00",
        "warm 12.0 11.0 1.0 1.20",
        "cold 200.0 190.0 20.0 20.00",
    ]
    assert "cold 45.0 34.5" in found
    assert (
        "50 at once on a cold node: 1200.0 ms until the last has answered, 1 ACR call, "
        "at most 340.0 MiB for all together (Pss)"
    ) in found
    assert "json 1 1234.6" in found
    assert "heavy 2 2.5" in found
    assert not any(line.startswith("bundle") for line in found)


def test_the_page_of_a_frozen_program_has_its_size_and_a_peers_failures() -> None:
    found = lines(FROZEN)
    assert "bundle: 23.0 MiB in 55 files" in found
    assert "peer other: 2 runs ended with exit status 1" in found
    assert not any("imports" in line or "at once" in line for line in found)


def test_packages_beyond_the_table_are_named_or_counted() -> None:
    names = [*(f"heavy{number:02}" for number in range(10)), "json", "re", "sdk"]
    imports = [Import(name, 1.0 - place / 100) for place, name in enumerate(names)]
    measured = Measured(TIMES, "bare interpreter", {}, {"cold": imports}, None, None, {})
    assert "and sdk, 2 packages of the standard library" in lines(measured)


def test_json_has_every_figure_in_seconds_and_bytes() -> None:
    found = json.loads(json.dumps(as_json(FROM_SOURCE)))
    assert found["times"]["warm"] == {"runs": 4, "p50": 0.012, "least": 0.011, "spread": 0.001, "ratio": 1.2}
    assert found["memory"]["cold"] == {"peak": 45 << 20, "proportional": (34 << 20) + (1 << 19)}
    assert found["imports"]["cold"]["modules"] == 4
    assert found["imports"]["cold"]["packages"][0] == {"name": "json", "modules": 1, "seconds": 1.234567}
    assert found["crowd"] == {"processes": 50, "seconds": 1.2, "calls": 1, "proportional": 340 << 20}
    assert found["bundle"] is None
    assert as_json(FROZEN)["bundle"] == {"files": 55, "bytes": 23 << 20}
    assert as_json(FROZEN)["statuses"] == {"peer other": [1, 1]}
