"""What is in force of the ConfigMap: what is good, and what was good before while it is wrong."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

import pytest

from provider.agent.configuration import Checks, put_configuration, put_data
from provider.agent.node_config_file import ConfigFile
from provider.own_program import Done, run_own
from provider.places import Places
from provider.secrets.configuration import InForce, LiveConfiguration, Watched
from provider.secrets.token_child import run_child

GOOD = {"watch-namespace": "team-a"}
WRONG = {"watch-namespace": "team-b", "expiring-threshold": "soon"}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    return Places(
        {
            "--config": f"{state}/config.yaml",
            "--local": f"{state}/local.yaml",
            "--state-dir": str(state),
            "--data-dir": f"{state}/data",
        }
    )


class Told:
    """A ConfigMap that a test changes, and what is made of it."""

    def __init__(self, places: Places, data: Mapping[str, str] | None) -> None:
        self.places = places
        self.known: list[InForce] = []
        self.lines: list[str] = []
        self.prepared = 0
        self.pages: asyncio.Queue[Mapping[str, str] | None] = asyncio.Queue()
        self.pages.put_nowait(data)

    async def next(self, seconds: float) -> Mapping[str, str] | None:
        return await self.pages.get()

    async def changed(self, now: InForce) -> None:
        self.known.append(now)

    async def prepare(self, seconds: float) -> Done:
        self.prepared += 1
        options = [f"--config={self.places.config}", f"--local={self.places.local}", f"--state-dir={self.places.state}"]
        return await run_child(["agent", "tokens", *options, "--no-tokens"], seconds)

    async def until(self, count: int) -> InForce:
        async with asyncio.timeout(30):
            while len(self.known) < count:
                await asyncio.sleep(0.01)
        return self.known[-1]


def live(places: Places, data: Mapping[str, str] | None, story: Callable[[Told], object], mode: str = "") -> None:
    async def run() -> None:
        told = Told(places, data)
        configuration = LiveConfiguration(
            cast(Watched, told), places, mode, prepare=told.prepare, changed=told.changed, log=told.lines.append
        )
        task = asyncio.ensure_future(configuration.run())
        try:
            await cast("asyncio.Future[None]", story(told))
        finally:
            task.cancel()

    asyncio.run(run())


def test_a_good_config_map_is_in_force(places: Places) -> None:
    async def story(told: Told) -> None:
        now = await told.until(1)
        assert now.outcome.state == "in step"
        assert now.configuration is not None
        assert now.configuration.watch_namespaces == ("team-a",)

    live(places, GOOD, story)


def test_without_one_the_defaults_count_with_the_charts_token_mode(places: Places) -> None:
    async def story(told: Told) -> None:
        now = await told.until(1)
        assert now.outcome.state == "absent"
        assert now.configuration is not None
        assert now.configuration.watch_namespaces == ("default",)
        assert now.configuration.token_mode == "workerRole"

    live(places, None, story, "workerRole")


def test_a_wrong_one_leaves_in_force_what_was_good(places: Places) -> None:
    async def story(told: Told) -> None:
        await told.until(1)
        told.pages.put_nowait(WRONG)
        now = await told.until(2)
        assert (now.outcome.state, now.outcome.fault) == ("wrong", "configuration")
        assert "expiring-threshold" in now.outcome.detail
        assert now.configuration is not None
        assert now.configuration.watch_namespaces == ("team-a",)
        assert "team-a" in Path(places.config).read_text()
        told.pages.put_nowait({**WRONG, "expiring-threshold": "20m"})
        now = await told.until(3)
        assert now.configuration is not None
        assert now.configuration.watch_namespaces == ("team-b",)

    live(places, GOOD, story)


def test_a_wrong_one_from_the_beginning_is_not_replaced_by_defaults(places: Places) -> None:
    async def story(told: Told) -> None:
        now = await told.until(1)
        assert now.outcome.state == "wrong"
        assert now.configuration is None

    live(places, WRONG, story)


def test_a_config_map_that_is_deleted_leaves_the_defaults(places: Places) -> None:
    async def story(told: Told) -> None:
        await told.until(1)
        told.pages.put_nowait(None)
        now = await told.until(2)
        assert now.outcome.state == "absent"
        assert now.configuration is not None
        assert now.configuration.watch_namespaces == ("default",)
        assert not Path(places.config).exists()

    live(places, GOOD, story)


def test_the_same_again_is_told_once_and_no_child_is_started(places: Places) -> None:
    async def story(told: Told) -> None:
        await told.until(1)
        told.pages.put_nowait(GOOD)
        told.pages.put_nowait(WRONG)
        await told.until(2)
        assert [each.outcome.state for each in told.known] == ["in step", "wrong"]
        assert told.prepared == 1

    live(places, GOOD, story)


def test_a_key_pair_is_read_and_copied_nowhere(places: Places) -> None:
    items = "- instanceId: cri-x\n  customAccessKey: LTAI5tSomething\n  customAccessKeySecret: verysecret\n"

    async def story(told: Told) -> None:
        now = await told.until(1)
        assert now.configuration is not None
        pair = now.configuration.instances[0].access_key
        assert pair is not None and pair.access_key_secret == "verysecret"
        holding = [path for path in Path(places.state).rglob("*") if path.is_file() and b"very" in path.read_bytes()]
        assert holding == [Path(places.config)]
        assert "verysecret" not in repr(now) + "".join(told.lines)

    live(places, {"acr-registry-info": items}, story)


def test_what_is_wrong_is_said_in_the_same_words_as_on_a_node(places: Places, tmp_path: Path) -> None:
    """So that the Events of all are one."""
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    for key, value in WRONG.items():
        (mounted / key).write_text(value)
    node = tmp_path / "node"
    node.mkdir()
    said_there = put_configuration(str(mounted), ConfigFile(f"{node}/config.yaml"), "", Checks(run_own))
    said_here = put_data(WRONG, ConfigFile(places.config), "", Checks(run_own))
    assert said_here.state == said_there.state == "wrong"
    assert said_here.detail == said_there.detail


def test_what_hangs_or_cannot_be_checked_is_the_machines_fault(places: Places) -> None:
    def never(arguments: Sequence[str], seconds: float) -> Done:
        return Done(-1, b"", "no answer within 30 s")

    outcome = put_data(GOOD, ConfigFile(places.config), "", Checks(never))
    assert (outcome.state, outcome.fault) == ("wrong", "node")
