"""The requests of the writer: when they are sent, and when they are not."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from lightkube.types import PatchType

from provider.kubernetes.client import ApiFailure, open_async_client
from provider.secrets import api as requests
from provider.secrets.api import Api, Withheld
from provider.secrets.rate import Pace
from provider.secrets.wire import ServiceAccountObject
from tests.unit.scripted_api_server import Asked, Said, ScriptedApi, refusal, says

ACCOUNT = {
    "metadata": {"name": "app", "namespace": "team", "resourceVersion": "8"},
    "imagePullSecrets": [{"name": "x"}],
}
counted: Counter[tuple[str, int]] = Counter()


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    counted.clear()


def with_api(
    script: ScriptedApi,
    folder: Path,
    work: Callable[[Api], Awaitable[None]],
    may_write: Callable[[], bool] = lambda: True,
) -> None:
    async def run(kubeconfig: str) -> None:
        client = open_async_client(kubeconfig)
        await work(Api(client, Pace(time.monotonic), may_write, lambda *asked: counted.update([asked])))
        await client.close()

    with script.running(folder) as kubeconfig:
        asyncio.run(run(kubeconfig))


async def write(api: Api) -> ServiceAccountObject:
    return await api.patch(ServiceAccountObject, "app", "team", [], PatchType.JSON)


def test_everybody_waits_as_long_as_the_api_server_asks_and_then_goes_on(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Said:
        return refusal(429, "TooManyRequests", Retry_After="1") if asked is script.asked[0] else says(200, ACCOUNT)

    async def work(api: Api) -> None:
        first = asyncio.create_task(write(api))
        while not counted:
            await asyncio.sleep(0.01)
        await asyncio.gather(first, *(write(api) for _ in range(5)))
        assert (await first).metadata.resourceVersion == "8"

    script = ScriptedApi(answer)
    with_api(script, tmp_path, work)
    refused, *others = script.asked
    assert len(others) == 6
    assert all(asked.moment - refused.moment >= 0.95 for asked in others)
    assert counted == {("PATCH", 429): 1, ("PATCH", 200): 6}


def test_who_is_refused_for_ever_gives_up_for_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "PAUSE_SECONDS", 0.01)

    async def work(api: Api) -> None:
        with pytest.raises(ApiFailure) as raised:
            await write(api)
        assert raised.value.status == 429

    script = ScriptedApi(lambda asked: refusal(429))
    with_api(script, tmp_path, work)
    assert len(script.asked) == requests.TRIES


@pytest.mark.parametrize("status", [500, 503, 403, 409])
def test_other_refusals_are_the_callers_at_once(tmp_path: Path, status: int) -> None:
    async def work(api: Api) -> None:
        with pytest.raises(ApiFailure, match="cannot write ServiceAccount team/app") as raised:
            await write(api)
        assert raised.value.status == status

    script = ScriptedApi(lambda asked: refusal(status, "Because"))
    with_api(script, tmp_path, work)
    assert len(script.asked) == 1 and counted == {("PATCH", status): 1}


def test_nothing_is_sent_that_may_not_be_written(tmp_path: Path) -> None:
    async def work(api: Api) -> None:
        with pytest.raises(Withheld):
            await write(api)
        with pytest.raises(Withheld):
            await api.delete(ServiceAccountObject, "app", "team", 1)
        assert not script.asked
        await api.get(ServiceAccountObject, "app", "team")
        await api.patch(ServiceAccountObject, "app", "team", [], PatchType.JSON, always=True)

    script = ScriptedApi(lambda asked: says(200, ACCOUNT))
    with_api(script, tmp_path, work, lambda: False)
    assert [asked.method for asked in script.asked] == ["GET", "PATCH"]


def test_a_write_that_is_not_answered_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every part in time, and all of them too late."""
    monkeypatch.setattr(requests, "REQUEST_SECONDS", 0.5)

    def drips(asked: Asked) -> Said:
        return Said(200, (b" " for _ in iter(lambda: script.over.wait(0.1), True)))

    async def work(api: Api) -> None:
        begun = time.monotonic()
        with pytest.raises(ApiFailure, match="the API server did not answer in time") as raised:
            await write(api)
        assert raised.value.status == 0
        assert time.monotonic() - begun < 10

    script = ScriptedApi(drips)
    with_api(script, tmp_path, work)
    assert counted == {("PATCH", 0): 1}
