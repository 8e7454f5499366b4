"""The real API server's watches and guards: that they are what the writer takes them for."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from threading import Timer

import pytest
from lightkube.resources.core_v1 import ServiceAccount
from lightkube.types import PatchType

from provider.kubernetes.client import ApiFailure, open_async_client
from provider.kubernetes.names import SECRET
from provider.secrets import patience
from provider.secrets.api import Api
from provider.secrets.apply import Apply, addition
from provider.secrets.cache import AccountView, Cache
from provider.secrets.plan import AddEntry, DeleteSecret, RemoveEntry, WriteSecret
from provider.secrets.rate import Pace
from provider.secrets.selection import wanted_of
from provider.secrets.wire import NamespaceObject, ServiceAccountObject
from tests.cluster.api import OwnApi
from tests.cluster.secrets_writer import NOTHING, Cluster, Writer, content, desired
from tests.systems.system import wait_for

VERSION_OF_OLD = 1


def with_api(cluster: Cluster, work: Callable[[Api], Awaitable[None]]) -> None:
    async def run() -> None:
        client = open_async_client(str(cluster.kubeconfig))
        await work(Api(client, Pace(time.monotonic), lambda: True, lambda *_: None))
        await client.close()

    asyncio.run(run())


def test_a_watch_has_bookmarks_and_ends_by_itself(secrets_cluster: Cluster) -> None:
    async def work(api: Api) -> None:
        _, version = await api.list(NamespaceObject, None)
        begun, kinds = time.monotonic(), []
        async for event in api.watch(NamespaceObject, None, version, 8):
            kinds.append(event.type)
        assert 6 <= time.monotonic() - begun < 20
        assert kinds[0] == "ADDED" and set(kinds[1:]) == {"BOOKMARK"}

    # A bookmark says only what is new.
    making = Timer(2, secrets_cluster.namespace, ["marked"])
    making.start()
    with_api(secrets_cluster, work)
    making.join()


def test_more_than_a_page_is_listed(secrets_cluster: Cluster) -> None:
    secrets_cluster.namespace("pages")
    for number in range(502):
        secrets_cluster.account("pages", f"app-{number}")

    async def work(api: Api) -> None:
        found, version = await api.list(ServiceAccountObject, None)
        names = [account.metadata.name for account in found if account.metadata.namespace == "pages"]
        assert len(names) == len(set(names)) == 502
        assert version >= max(int(account.metadata.resourceVersion) for account in found)

    with_api(secrets_cluster, work)


def test_a_secret_that_has_changed_is_neither_deleted_nor_overwritten(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    cluster.namespace("guard", default=None)
    with Writer(cluster.kubeconfig, desired("guard")) as writer:
        writer.settles()

    async def work(api: Api) -> None:
        apply, accounts = Apply(api, Cache(), lambda result: None), wanted_of(desired("guard")).service_accounts
        seen = await apply.look("guard")
        assert seen is not None and seen.is_ours
        cluster.incumbent_writes("guard")
        over, first = (WriteSecret("guard", content("new"), accounts, below) for below in (seen, None))
        for step in (DeleteSecret(seen), over, first):
            with pytest.raises(ApiFailure) as raised:
                await apply.step(step)
            assert raised.value.status == 409
        with pytest.raises(ApiFailure) as raised:
            await apply.create("guard", content("new"), accounts)
        assert raised.value.status == 409

    with_api(cluster, work)
    assert cluster.password("guard") == "theirs"


def test_a_service_account_that_has_changed_is_looked_at_again(secrets_cluster: Cluster) -> None:
    cluster = secrets_cluster
    cluster.namespace("changes", default=["x"])
    stale = AccountView("changes", "default", VERSION_OF_OLD, None)

    async def work(api: Api) -> None:
        with pytest.raises(ApiFailure) as raised:
            await api.patch(ServiceAccountObject, "default", "changes", addition(stale), PatchType.JSON)
        assert raised.value.status == 409
        apply = Apply(api, Cache(), lambda result: None)
        await apply.step(AddEntry(stale))
        assert cluster.pulls("changes", "default") == ["x", SECRET]
        await apply.step(RemoveEntry(stale))
        assert cluster.pulls("changes", "default") == ["x"]
        # One that has gone is nobody's trouble.
        await apply.step(AddEntry(AccountView("changes", "missing", VERSION_OF_OLD, None)))

    with_api(cluster, work)


def test_others_that_change_it_at_the_same_time_lose_nothing(secrets_cluster: Cluster) -> None:
    """A controller appends to the same lists while the writer does."""
    cluster = secrets_cluster
    names = [f"app-{number}" for number in range(40)]
    cluster.namespace("busy", **dict.fromkeys(names))
    with Writer(cluster.kubeconfig, desired("busy", accounts=("*",))) as writer:
        for name in names:
            append = [{"op": "add", "path": "/metadata/labels", "value": {"seen": "yes"}}]
            cluster.client.patch(ServiceAccount, name, append, namespace="busy", patch_type=PatchType.JSON)
        writer.settles()
        cluster.until(lambda: all(cluster.pulls("busy", name) == [SECRET] for name in names), "all entries")


def test_an_api_server_that_stands_still_for_a_while_is_caught_up_with(own_api: OwnApi) -> None:
    with own_api.client() as client, Writer(own_api.kubeconfig, desired("all", accounts=("*",))) as writer:
        cluster = Cluster(own_api, client)
        cluster.namespace("before", default=None)
        writer.settles()
        own_api.stop_answering()
        writer.want(writer.wanted, content=content("second", key="second"))
        wait_for(lambda: writer.writes["failed"] > 0, 30, "writes to fail")
        own_api.answer()
        wait_for(lambda: cluster.password("before") == "second", 60, "the renewal")
        cluster.namespace("after", default=None)
        wait_for(lambda: cluster.pulls("after", "default") == [SECRET], 60, "the new namespace")
        assert any("did not answer in time" in line or "cannot be reached" in line for line in writer.lines)
        assert not writer.events


def test_a_service_account_that_a_policy_keeps_does_not_keep_the_others(
    secrets_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "REFUSED_SECONDS", 7.0)
    cluster = secrets_cluster
    unless = "object.metadata.name != 'kept'"
    cluster.refuse("serviceaccounts", unless)
    cluster.namespace("policy", first=None, last=None, kept=None)
    asked = ("label", "serviceaccount", "kept", "--namespace=policy", "--overwrite")
    numbers = iter(range(1000))
    cluster.until(lambda: cluster.api.attempt(*asked, f"n={next(numbers)}").returncode != 0, "the policy")
    with Writer(cluster.kubeconfig, desired("policy", accounts=("*",))) as writer:
        cluster.until(lambda: writer.events, "an Event")
        assert cluster.pulls("policy", "first") == cluster.pulls("policy", "last") == [SECRET]
        assert writer.reasons() == ["EntryRefused"]
        event = writer.events[0]
        assert event.message is not None and "ServiceAccount policy/kept" in event.message
        assert (event.involvedObject.kind, event.involvedObject.name) == ("ServiceAccount", "kept")
        begun = time.monotonic()
        cluster.account("policy", "young")
        cluster.until(lambda: cluster.pulls("policy", "young"), "the new ServiceAccount's entry")
        assert time.monotonic() - begun < 5
        # Nor does one whose entry cannot be taken out keep the Secret from its renewal.
        cluster.allow("serviceaccounts")
        cluster.until(lambda: cluster.api.attempt(*asked, f"n={next(numbers)}").returncode == 0, "no policy")
        writer.want(desired("policy", accounts=("*",), holds=content("early")))
        cluster.until(lambda: cluster.pulls("policy", "kept"), "its entry")
        cluster.refuse("serviceaccounts", unless)
        cluster.until(lambda: cluster.api.attempt(*asked, f"n={next(numbers)}").returncode != 0, "the policy")
        begun = time.monotonic()
        writer.want(desired("policy", accounts=("first",), holds=content("second", key="second")))
        cluster.until(lambda: cluster.password("policy") == "second", "the renewal")
        assert time.monotonic() - begun < 5
        cluster.until(lambda: cluster.pulls("policy", "last") is None, "the other's entry to go")
        assert cluster.pulls("policy", "kept") == [SECRET] and writer.progress().pending == 1
        writer.want(NOTHING)
        cluster.until(lambda: cluster.pulls("policy", "first") is None, "the entries to go")
        assert cluster.secret("policy") is not None
        cluster.allow("serviceaccounts")
        cluster.until(lambda: cluster.secret("policy") is None, "all to go")
        assert cluster.pulls("policy", "kept") is None
