"""Two folders change places, in one step where the system can."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from provider.node.bundle.exchange import exchange, exchange_in_one_step


@pytest.mark.parametrize("in_one_step", [exchange_in_one_step, lambda first, second: False])
def test_two_folders_change_places(tmp_path: Path, in_one_step: Callable[[str, str], bool]) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"was-{name}").write_text("")
    exchange(str(tmp_path / "first"), str(tmp_path / "second"), str(tmp_path / "aside"), in_one_step)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("*/*")) == [
        "first/was-second",
        "second/was-first",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]


def test_folders_that_are_not_there_do_not_change_places(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    with pytest.raises(FileNotFoundError) as caught:
        exchange(str(tmp_path / "first"), str(tmp_path / "second"), str(tmp_path / "aside"))
    assert caught.value.errno == errno.ENOENT
    assert (tmp_path / "first").exists()
