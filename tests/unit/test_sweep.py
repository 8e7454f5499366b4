import os
import time
from pathlib import Path

import pytest

from provider.answers import Answer
from provider.errors import Refused
from provider.refusals import refusal_of
from provider.store import Store
from provider.sweep import KEEP_SECONDS, MOST_REFUSALS, sweep, sweep_if_crowded


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "answers"))
    assert made.prepare()
    return made


def test_files_of_killed_writers_are_swept_when_nobody_can_be_writing_them(store: Store) -> None:
    old, young = (Path(store.directory) / f"a.json.{number}.new" for number in (1, 2))
    for path in (old, young):
        path.write_text("")
    os.utime(old, (1000, 1000))
    os.utime(young, (2000, 2000))
    sweep(store, 2030)
    assert [entry.name for entry in Path(store.directory).iterdir()] == [young.name]


def refuse(store: Store, host: str, age: float) -> None:
    assert store.write_refusal(refusal_of(Refused("no"), host, "f", time.time() - age))
    path = Path(store.directory) / f"{host}.refused"
    os.utime(path, (time.time() - age, time.time() - age))
    with store.locked(host, wait=False) as held:
        assert held
    lock = path.with_suffix(".lock")
    os.utime(lock, (time.time() - age, time.time() - age))


def keep(store: Store, host: str, end: float) -> None:
    now = int(time.time())
    answer = Answer(host, "u", "p", written=now - 10**6, renew=int(end) - 1, end=int(end), fingerprint="f")
    assert store.write_answer(answer)


def test_what_ended_long_ago_is_swept_with_its_lock(store: Store) -> None:
    keep(store, "ended.io", time.time() - KEEP_SECONDS - 60)
    keep(store, "due.io", time.time() - 60)
    refuse(store, "old.io", KEEP_SECONDS + 60)
    refuse(store, "new.io", 120)
    sweep(store, time.time())
    assert store.hosts() == ["due.io"]
    assert store.named(".refused") == ["new.io"]
    assert store.named(".lock") == ["new.io"]


def test_refusals_of_invented_hosts_do_not_pile_up(store: Store) -> None:
    for number in range(MOST_REFUSALS + 50):
        refuse(store, f"a{number}.io", 3600 - number)
    sweep_if_crowded(store, time.time())
    kept = store.named(".refused")
    assert len(kept) == MOST_REFUSALS
    assert "a0.io" not in kept
    assert f"a{MOST_REFUSALS + 49}.io" in kept
    assert len(store.named(".lock")) == MOST_REFUSALS


def test_a_lock_that_is_held_is_not_swept_and_one_that_was_is_taken_anew(store: Store) -> None:
    with store.locked("a.io", wait=False) as held:
        assert held
        os.utime(Path(store.directory) / "a.io.lock", (0, 0))
        sweep(store, time.time())
        assert store.named(".lock") == ["a.io"]
        store.remove("a.io.lock")
        with store.locked("a.io", wait=False) as again:
            assert again
            assert store.named(".lock") == ["a.io"]
