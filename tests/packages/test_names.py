"""No script that builds or installs is for one architecture."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ONE_ARCHITECTURE = re.compile("x86|i[3-6]86|amd64|arm64|aarch64", re.IGNORECASE)
ALLOWED = {"packaging/image/layout.py": "says how OCI spells both", "packaging/packages/tools/go.sum": "checksums"}
SOURCES = sorted(
    str(path.relative_to(ROOT))
    for folder in ("packaging", "systemd")
    for path in (ROOT / folder).rglob("*")
    if path.is_file() and not {"__pycache__", "requirements"} & set(path.parts)
)


def test_there_is_something_to_look_at() -> None:
    assert {"packaging/build.py", "packaging/packages/build.sh", *ALLOWED} <= set(SOURCES)


@pytest.mark.parametrize("path", [path for path in SOURCES if path not in ALLOWED])
def test_no_name_of_one_architecture(path: str) -> None:
    assert ONE_ARCHITECTURE.findall((ROOT / path).read_text()) == []
