"""In which order targets are asked, and for how long, where many of them answer nothing."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from provider.config.values import Configuration, Instance, Local
from provider.errors import Refused, Unreachable
from provider.places import Places
from provider.secrets.asking import BEGIN_SECONDS, GRACE_SECONDS, SECONDS, Asking
from provider.secrets.content import Token
from provider.secrets.token_file import read_tokens, write_tokens
from provider.secrets.token_report import Report, failure_of
from provider.secrets.token_wishes import Wish, wishes_of
from provider.secrets.tokens import CHILD_SECONDS
from provider.settings import Settings

NOW = 1_800_000_000
DEAD = SECONDS + GRACE_SECONDS
NAMES = [f"cri-{number:02}" for number in range(30)]
CONFIGURATION = Configuration(tuple(Instance(name, domains=(f"{name}.example.com",)) for name in NAMES))


@dataclass
class Seen:
    """What a run did, and the test's clock."""

    dead: set[str]
    asked: list[str] = field(default_factory=list)
    now: float = 0.0


class Cloud(Asking):
    """Targets of which some are dead: each takes all of its time."""

    seen: Seen

    def __init__(self, places: Places, dead: set[str]) -> None:
        seen = Seen(dead)
        settings = cast(Settings, type("Found", (), {"configuration": CONFIGURATION, "local": Local()}))
        unused = cast(Any, None)
        super().__init__(
            places, settings, unused, unused, unused, lambda: float(NOW), monotonic=lambda: seen.now
        )  # fmt: skip
        object.__setattr__(self, "seen", seen)

    def _within_time(self, wish: Wish) -> Token:
        name = wish.instance.instance_id
        self.seen.asked.append(name)
        if name in self.seen.dead:
            self.seen.now += DEAD
            raise Unreachable("no answer")
        return token(wish)

    def _failure(self, wish: Wish, error: Any, kept: Token | None) -> Any:
        return failure_of(wish.target, "", error, is_default=False, kept_until=kept.end if kept else 0)


def token(wish: Wish, end: int = NOW + 3600, **fields: int) -> Token:
    times = {"threshold": 900, "written": NOW, "renew": end - 900, "end": end, **fields}
    return Token(wish.key, wish.target, wish.hosts, "user", "pass", "source", **times)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    tmp_path.chmod(0o700)
    options = {"--config": "config.yaml", "--local": "local.yaml", "--state-dir": ".", "--data-dir": "data"}
    return Places({name: str(tmp_path / path) for name, path in options.items()})


def run(places: Places, dead: set[str]) -> tuple[Report, Cloud]:
    cloud = Cloud(places, dead)
    return cloud.run(every=False), cloud


def test_whose_token_ends_first_is_asked_first_and_who_has_none_last(places: Places) -> None:
    wishes = wishes_of(CONFIGURATION, Local(), "")
    held = [token(wish, NOW + 600 - number, written=NOW - 9) for number, wish in enumerate(wishes[:5])]
    write_tokens(places, held)
    _, cloud = run(places, set())
    assert cloud.seen.asked[:5] == NAMES[4::-1]
    assert sorted(cloud.seen.asked[5:]) == NAMES[5:]


def test_it_ends_in_time_and_tells_what_it_had(places: Places) -> None:
    assert BEGIN_SECONDS + DEAD + 10 < CHILD_SECONDS
    report, cloud = run(places, set(NAMES[:20]))
    assert cloud.seen.now < BEGIN_SECONDS + DEAD
    assert report.renewed == len(read_tokens(places)) == len(set(cloud.seen.asked) - cloud.seen.dead)
    assert len(report.failed) + report.renewed == len(NAMES)
    assert not report.says_all
    late = Counter(failure.message for failure in report.failed)["others took so long that it was not asked"]
    assert late == len(NAMES) - len(cloud.seen.asked) > 0


def test_many_that_never_answer_keep_none_waiting_for_ever(places: Places) -> None:
    dead = set(NAMES[:20])
    for _ in range(30):
        if len(read_tokens(places)) == 10:
            break
        run(places, dead)
    assert {each.hosts[0].split(".")[0] for each in read_tokens(places)} == set(NAMES) - dead


def test_what_one_refuses_is_told_with_its_end(places: Places) -> None:
    class Refusing(Cloud):
        def _within_time(self, wish: Wish) -> Token:
            if wish.instance.instance_id == NAMES[0]:
                raise Refused("no", code="NoPermission")
            return token(wish)

    report = Refusing(places, set()).run(every=False)
    ends = dict(report.ends)
    assert ends[f"instance {NAMES[0]}"] == 0
    assert ends[f"instance {NAMES[1]}"] == NOW + 3600
