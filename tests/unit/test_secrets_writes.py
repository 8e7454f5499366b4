"""Each write of a Secret is counted by what became of it, whoever asked for it."""

import asyncio
import time
from pathlib import Path

import pytest

from provider.kubernetes.client import ApiFailure, open_async_client
from provider.kubernetes.names import SECRET
from provider.secrets.api import Api
from provider.secrets.apply import Apply
from provider.secrets.cache import Cache
from provider.secrets.desired import Content
from provider.secrets.plan import WriteSecret
from provider.secrets.rate import Pace
from provider.secrets.selection import select
from tests.unit.scripted_api_server import Said, ScriptedApi, refusal, says

CONTENT, NAMES = Content(b"{}", "key", 1, 2), select(("default",), "*")
WRITTEN = {"metadata": {"name": SECRET, "namespace": "team", "resourceVersion": "3"}}
SAID = {
    "written": says(200, WRITTEN),
    "conflict": refusal(409),
    "refused": refusal(403),
    "failed": refusal(500),
}


@pytest.mark.parametrize(("result", "said"), SAID.items(), ids=SAID)
@pytest.mark.parametrize("is_asked_by_the_webhook", [True, False], ids=["webhook", "leader"])
def test_what_became_of_it(result: str, said: Said, is_asked_by_the_webhook: bool, tmp_path: Path) -> None:
    writes: list[str] = []

    async def run(kubeconfig: str) -> None:
        client = open_async_client(kubeconfig)
        api = Api(client, Pace(time.monotonic), lambda: not is_asked_by_the_webhook, lambda *_: None)
        apply = Apply(api, Cache(), writes.append)
        try:
            if is_asked_by_the_webhook:
                await apply.create("team", CONTENT, NAMES)
            else:
                await apply.step(WriteSecret("team", CONTENT, NAMES))
        except ApiFailure:
            assert result != "written"
        await client.close()

    with ScriptedApi(lambda asked: said).running(tmp_path) as kubeconfig:
        asyncio.run(run(kubeconfig))
    assert writes == [result]
