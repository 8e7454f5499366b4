import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.errors import ConfigurationError, NotForUs, ProviderError, Refused, RequestError, Unreachable
from provider.locks import Busy
from provider.refusals import decode, refusal_of
from provider.store import Store, write_private

HOST = "registry.cn-hangzhou.aliyuncs.com"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "state" / "answers"))
    assert made.prepare()
    return made


def test_directories_are_made_for_their_owner_alone(store: Store) -> None:
    for path in (Path(store.directory), Path(store.directory).parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o750, 0o720])
@pytest.mark.parametrize("level", ["state", "answers"])
def test_a_directory_that_is_too_open_is_not_used_and_left_as_it_is(level: str, mode: int, store: Store) -> None:
    path = Path(store.directory) if level == "answers" else Path(store.directory).parent
    path.chmod(mode)
    assert store.prepare() is (level == "state" and mode == 0o750)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_shared_directory_as_state_directory_is_left_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    assert not Store(str(tmp_path / "answers")).prepare()
    assert list(tmp_path.iterdir()) == []
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777


def test_without_a_directory_nothing_is_read_written_or_removed() -> None:
    store = Store("")
    store.remember("a.io", "found", {"a": 1}, 0, 60)
    assert store.recall("a.io", "found", 0) is None
    assert store.read_refusal("a.io") is None
    assert not store.remove("etc/hostname")
    assert store.hosts() == []
    with store.locked("a.io", wait=True) as held:
        assert held is False


def test_nothing_is_kept_behind_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "answers").symlink_to(tmp_path / "elsewhere")
    store = Store(str(tmp_path / "answers"))
    store.remember("a.io", "found", {"a": 1}, 0, 60)
    assert not store.prepare()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_where_no_directory_can_be_made_the_lock_says_that_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(str(tmp_path / "file" / "answers"))
    with store.locked(HOST, wait=True) as kept:
        assert kept is False


def test_a_file_is_there_whole_or_not_at_all(store: Store) -> None:
    path = Path(store.directory) / "x.json"
    assert write_private(str(path), b"first")

    def disk_is_full(descriptor: int, data: bytes) -> int:
        os.write(descriptor, data[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    def written_in_part(descriptor: int, data: bytes) -> int:
        return os.write(descriptor, data[:3])

    for write in (disk_is_full, written_in_part):
        assert not write_private(str(path), b"second", write)
        assert path.read_bytes() == b"first"
        assert [entry.name for entry in path.parent.iterdir()] == ["x.json"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_failed_rename_is_told_and_leaves_nothing(store: Store) -> None:
    target = Path(store.directory) / "x.json"
    target.mkdir()
    assert not write_private(str(target), b"data")
    assert [entry.name for entry in target.parent.iterdir()] == ["x.json"]


ERRORS: dict[str, tuple[ProviderError, str, int]] = {
    "refused": (Refused("no", code="NoPermission", request_id="R"), "refused", 30),
    "not for us": (NotForUs("no"), "refused", 600),
    "outage": (Unreachable("gone"), "unreachable", 5),
    "configuration": (ConfigurationError("a\nb"), "configuration", 30),
}


@pytest.mark.parametrize(("error", "cause", "seconds"), ERRORS.values(), ids=ERRORS.keys())
def test_a_refusal_is_remembered_for_its_time(error: ProviderError, cause: str, seconds: int, store: Store) -> None:
    refusal = refusal_of(error, HOST, "f", 1000.7)
    assert store.write_refusal(refusal)
    kept = store.read_refusal(HOST)
    assert kept is not None
    assert kept.encode() == refusal.encode()
    assert (kept.cause, kept.message, kept.code, kept.request_id) == (
        cause,
        error.message,
        error.code,
        error.request_id,
    )
    assert [kept.holds(now) for now in (999, 1000, 1000 + seconds - 1, 1000 + seconds)] == [False, True, True, False]
    assert store.named(".refused") == [HOST]


def test_a_malformed_request_is_not_remembered() -> None:
    assert not refusal_of(RequestError("x"), HOST, "f", 1000).holds(1000)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b'{"version":1}',
        b'{"version":1,"host":"' + HOST.encode() + b'"}',
        b"[" * 100_000,
        b'{"version":2}',
    ],
)
def test_a_spoilt_refusal_is_none(content: bytes, store: Store) -> None:
    assert write_private(f"{store.directory}/{HOST}.refused", content)
    assert store.read_refusal(HOST) is None


@given(st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.text())))
def test_a_refusal_of_other_fields_is_none_or_of_the_right_kinds(fields: dict[str, object]) -> None:
    right = json.loads(refusal_of(Refused("no"), HOST, "f", 1000).encode())
    refusal = decode(json.dumps(right | fields).encode(), HOST)
    assert refusal is None or refusal.holds(0) in (True, False)
    assert decode(json.dumps({"host": HOST, **fields}).encode(), HOST) is None


@given(st.text(), st.text(), st.text())
def test_a_refusal_is_read_as_it_was_written(message: str, code: str, request_id: str) -> None:
    refusal = refusal_of(Refused(message, code=code, request_id=request_id), HOST, "f", 1000)
    read = decode(refusal.encode(), HOST)
    assert read is not None
    assert (read.message, read.code, read.request_id) == (message, code, request_id)
    assert read.encode() == refusal.encode()


def test_what_was_remembered_is_forgotten_in_time(store: Store) -> None:
    store.remember("a.io", "found", {"instanceId": "cri-1"}, 1000, 60)
    assert store.recall("a.io", "found", 1059) == {"instanceId": "cri-1"}
    assert store.recall("a.io", "found", 1060) is None
    assert store.recall("a.io", "found", 999) is None
    assert store.recall("a.io", "other", 1000) is None
    store.forget("a.io", "found")
    assert store.recall("a.io", "found", 1000) is None


def test_the_lock_is_one_process_at_a_time_and_ends_with_it(store: Store) -> None:
    program = (
        "import sys; from provider.store import Store\n"
        f"with Store({store.directory!r}).locked({HOST!r}, wait=True) as kept:\n"
        "    print(kept, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        with pytest.raises(Busy), store.locked(HOST, wait=False):
            pass
        with store.locked("other.io", wait=False) as kept:
            assert kept is True
        holder.kill()
        holder.wait(10)
    with store.locked(HOST, wait=False) as kept:
        assert kept is True


def test_an_error_within_the_lock_goes_through_as_it_is(store: Store) -> None:
    with pytest.raises(BlockingIOError), store.locked(HOST, wait=False):
        raise BlockingIOError
