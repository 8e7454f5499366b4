import json
from datetime import date
from pathlib import Path

import pytest

from provider.cluster import created_on
from provider.errors import ConfigurationError
from provider.places import DEFAULTS, Places, parse_options

OPTIONS: dict[str, tuple[list[str], dict[str, str] | None]] = {
    "none": ([], DEFAULTS),
    "with an equals sign": (["--config=/a"], DEFAULTS | {"--config": "/a"}),
    "as two": (["--state-dir", "/b", "--local=/c"], DEFAULTS | {"--state-dir": "/b", "--local": "/c"}),
    "the last counts": (["--config=/a", "--config=/b"], DEFAULTS | {"--config": "/b"}),
    "an equals sign in the path": (["--config=/a=b"], DEFAULTS | {"--config": "/a=b"}),
    "a command": (["get", "image"], None),
    "unknown": (["--nonsense"], None),
    "abbreviated": (["--conf=/a"], None),
    "without a path": (["--config"], None),
    "with an empty path": (["--config="], None),
}


@pytest.mark.parametrize(("arguments", "expected"), OPTIONS.values(), ids=OPTIONS.keys())
def test_options_of_the_protocol(arguments: list[str], expected: dict[str, str] | None) -> None:
    assert parse_options(arguments) == expected


def test_the_fingerprint_covers_all_that_decides_the_answer(tmp_path: Path) -> None:
    names = {"--config": "config", "--local": "local", "--data-dir": "data", "--state-dir": "state"}
    places = Places({option: str(tmp_path / name) for option, name in names.items()})
    seen = [places.fingerprint()]
    (tmp_path / "data/cluster").mkdir(parents=True)
    for path in (places.config, places.local, places.cluster):
        Path(path).write_text("")
        seen.append(places.fingerprint())
    assert len(set(seen)) == 4


DATES = {
    "UTC": ("2023-04-02T23:59:59Z", date(2023, 4, 2)),
    "another zone": ("2023-04-03T07:00:00+08:00", date(2023, 4, 2)),
    "no zone": ("2023-04-03T00:00:00", date(2023, 4, 3)),
}


@pytest.mark.parametrize(("created", "expected"), DATES.values(), ids=DATES.keys())
def test_the_clusters_day_is_of_utc(created: str, expected: date, tmp_path: Path) -> None:
    path = tmp_path / "cluster.json"
    path.write_text(json.dumps({"created": created}))
    assert created_on(str(path)) == expected


def test_a_cluster_that_nobody_dated_has_no_day(tmp_path: Path) -> None:
    assert created_on(str(tmp_path / "missing.json")) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"created": 5}', '{"created": "soon"}', "[" * 100_000, "\udcff"])
def test_a_spoilt_date_is_an_error_and_not_another_identity(content: str, tmp_path: Path) -> None:
    path = tmp_path / "cluster.json"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ConfigurationError, match=r"cluster\.json"):
        created_on(str(path))
