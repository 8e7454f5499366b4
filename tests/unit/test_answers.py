import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider import answers
from provider.kubelet import Request
from provider.store import Store

HOST = "alpha-registry.cn-hangzhou.cr.aliyuncs.com"
V1 = "credentialprovider.kubelet.k8s.io/v1"


def make(**changes: object) -> answers.Answer:
    fields: dict[str, object] = {"written": 1000, "renew": 2000, "end": 3000, "fingerprint": "f"}
    return answers.Answer(HOST, "user", "pass", **(fields | changes))  # type: ignore[arg-type]


def as_fields(answer: answers.Answer | None) -> dict[str, object] | None:
    return None if answer is None else {name: getattr(answer, name) for name in answers.Answer.__slots__}


@given(st.text(), st.text(), st.integers(), st.integers(), st.text(), st.text())
def test_an_answer_is_read_as_it_was_written(
    username: str, password: str, renew: int, end: int, service_account: str, left_alone: str
) -> None:
    answer = answers.Answer(HOST, username, password, written=5, renew=renew, end=end, fingerprint="é",
                            service_account=service_account, left_alone=left_alone)  # fmt: skip
    assert as_fields(answers.decode(answer.encode(), HOST)) == as_fields(answer)


@given(st.binary(max_size=400))
def test_any_bytes_are_no_answer(data: bytes) -> None:
    assert answers.decode(data, HOST) is None


@given(st.integers(0, len(make().encode()) - 3))
def test_a_torn_answer_is_none(length: int) -> None:
    assert answers.decode(make().encode()[:length], HOST) is None


VALUES: tuple[object, ...] = (None, [], {}, 1.5, "other", True, -1)
WRONG_KINDS = [
    (name, value)
    for name, right in json.loads(make().encode()).items()
    for value in VALUES
    if type(value) is not type(right) or name in ("version", "host")
]


@pytest.mark.parametrize(("name", "value"), WRONG_KINDS, ids=str)
def test_a_field_of_a_wrong_kind_makes_no_answer(name: str, value: object) -> None:
    fields = json.loads(make().encode())
    assert answers.decode(json.dumps(fields | {name: value}).encode(), HOST) is None
    del fields[name]
    assert answers.decode(json.dumps(fields).encode(), HOST) is None


@pytest.mark.parametrize(
    ("now", "fresh", "valid", "seconds"),
    [
        (999, False, False, 1001),
        (1000, True, True, 1000),
        (1999, True, True, 1),
        (2000, False, True, 60),
        (2950, False, True, 25),
        (2999, False, True, 0),
        (3000, False, False, 0),
    ],
)
def test_times_are_exact(now: int, fresh: bool, valid: bool, seconds: int) -> None:
    answer = make()
    assert (answer.is_fresh(now), answer.is_valid(now), answer.cache_seconds(now)) == (fresh, valid, seconds)


def test_the_time_to_renew_comes_although_half_of_what_is_left_never_would() -> None:
    answer = make(written=0, renew=360, end=720)
    assert [answer.cache_seconds(now) for now in (0, 180, 359)] == [360, 180, 1]


@pytest.mark.parametrize(
    ("left_alone", "service_account", "repository", "annotations", "expected"),
    [
        ("", "", "team/app", {}, True),
        ("acs/", "", "team/app", {}, True),
        ("acs/", "", "acs/pause", {}, False),
        ("", "", "team/app", {"role": "r"}, True),
        ("", "role", "team/app", {"role": "r"}, False),
        ("", "role", "team/app", {"role": ""}, False),
        ("", "role", "team/app", {"other": "r"}, True),
        ("", answers.EVERY_POD, "team/app", {}, False),
        ("", answers.NO_TOKEN, "team/app", {}, False),
    ],
)
def test_an_answer_is_for_the_requests_that_it_says(
    left_alone: str, service_account: str, repository: str, annotations: dict[str, str], expected: bool
) -> None:
    answer = make(left_alone=left_alone, service_account=service_account)
    assert answer.applies_to(Request(V1, f"{HOST}/{repository}", "token", annotations)) is expected


def test_without_a_token_what_is_for_every_pod_is_for_nobody() -> None:
    request = Request(V1, f"{HOST}/team/app")
    assert make(service_account=answers.NO_TOKEN).applies_to(request)
    assert not make(service_account=answers.EVERY_POD).applies_to(request)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "answers"
    assert Store(str(path)).prepare()
    return path


def test_the_kept_answer_is_read(directory: Path) -> None:
    assert Store(str(directory)).write_answer(make())
    assert as_fields(answers.read_answer(str(directory), HOST, "f")) == as_fields(make())
    assert answers.read_answer(str(directory), HOST, "changed") is None


def link_elsewhere(path: Path) -> None:
    path.rename(path.with_suffix(".elsewhere"))
    path.symlink_to(path.with_suffix(".elsewhere"))


def make_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def make_too_large(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" " * answers.MAXIMUM_SIZE)


SPOILERS: dict[str, Callable[[Path], None]] = {
    "world-readable": lambda path: path.chmod(0o644),
    "group-readable": lambda path: path.chmod(0o640),
    "symbolic link": link_elsewhere,
    "second hard link": lambda path: os.link(path, path.with_suffix(".other")),
    "fifo": make_fifo,
    "too large": make_too_large,
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("spoil", SPOILERS.values(), ids=SPOILERS.keys())
def test_a_file_that_others_may_have_touched_is_not_read(spoil: Callable[[Path], None], directory: Path) -> None:
    assert Store(str(directory)).write_answer(make())
    spoil(directory / f"{HOST}.json")
    assert answers.read_answer(str(directory), HOST, "f") is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_foreign_file_is_not_read(directory: Path) -> None:
    assert Store(str(directory)).write_answer(make())
    os.chown(directory / f"{HOST}.json", 12345, 12345)
    assert answers.read_answer(str(directory), HOST, "f") is None


def test_a_directory_that_others_may_enter_is_not_private(tmp_path: Path) -> None:
    private, public, link = tmp_path / "private", tmp_path / "public", tmp_path / "link"
    private.mkdir(mode=0o700)
    public.mkdir(mode=0o755)
    link.symlink_to(private)
    assert answers.directory_is_private(str(private))
    assert not answers.directory_is_private(str(public))
    assert not answers.directory_is_private(str(link))
    assert not answers.directory_is_private(str(tmp_path / "missing"))


def test_the_fingerprint_follows_every_change(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    seen = [answers.fingerprint_of((str(first), str(second)))]
    changes: list[Callable[[], object]] = [
        lambda: first.write_text("a"),
        lambda: first.write_text("ab"),
        lambda: os.utime(first, (1, 1)),
        lambda: second.write_text("a"),
        lambda: first.unlink(),
    ]
    for change in changes:
        change()
        seen.append(answers.fingerprint_of((str(first), str(second))))
    assert len(set(seen)) == len(seen)
    assert seen[0] == "-/-"
