"""What is kept of the cluster, and what is sent to change it."""

import json
from typing import Any

import msgspec
import pytest

from provider.kubernetes.names import FIELD_MANAGER, SECRET
from provider.secrets.apply import Body, addition, removal, result_of
from provider.secrets.cache import AccountView, Store, secret_view
from provider.secrets.desired import Content
from provider.secrets.selection import select
from provider.secrets.wire import SecretObject

MINE = {"manager": FIELD_MANAGER, "operation": "Apply"}
INCUMBENT = {"manager": "incumbent", "operation": "Update"}
DATA: dict[str, Any] = {"f:data": {".": {}, "f:.dockerconfigjson": {}}}


def seen(*writers: dict[str, Any], **fields: Any) -> SecretObject:
    secret = {
        "metadata": {"name": SECRET, "namespace": "team", "resourceVersion": "12", "managedFields": writers},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": "e30="},
        **fields,
    }
    return msgspec.json.decode(json.dumps(secret), type=SecretObject)


@pytest.mark.parametrize(
    ("writers", "ours", "other"),
    [
        ([{**MINE, "fieldsV1": DATA}], True, ""),
        ([{**MINE, "fieldsV1": {"f:metadata": {}}}, {**INCUMBENT, "fieldsV1": DATA}], False, "incumbent"),
        ([{**MINE, "fieldsV1": DATA}, {**INCUMBENT, "fieldsV1": DATA}], False, "incumbent"),
        ([{**MINE, "fieldsV1": DATA}, {**INCUMBENT, "fieldsV1": {"f:data": {".": {}, "f:x": {}}}}], True, ""),
        ([{**MINE, "operation": "Update", "fieldsV1": DATA}], False, FIELD_MANAGER),
        ([], False, ""),
    ],
    ids=["alone", "overwritten", "both", "another key", "not applied", "nobody knows"],
)
def test_a_secret_is_ours_where_its_data_is_ours_alone(writers: list[dict[str, Any]], ours: bool, other: str) -> None:
    view = secret_view(seen(*writers))
    assert (view.is_ours, view.other) == (ours, other)


def test_what_a_secret_holds_is_not_kept() -> None:
    view = secret_view(seen(type="Opaque", immutable=True, data={"password": "hush"}))
    assert (view.has_type, view.immutable) == (False, True)
    assert "hush" not in repr(view)


def account(version: int, *pulls: str, name: str = "app") -> AccountView:
    return AccountView("team", name, version, pulls or None)


def test_what_is_older_than_what_is_known_is_dropped() -> None:
    store: Store[AccountView] = Store()
    assert store.put(account(5, SECRET))
    assert not store.put(account(4))
    assert not store.put(account(5, SECRET))
    assert store.of("team") == {"app": account(5, SECRET)}
    assert not store.remove(account(4))
    assert store.remove(account(6))
    assert store.of("team") == {} and len(store) == 0


def test_an_answer_that_comes_after_the_removal_brings_nothing_back() -> None:
    store: Store[AccountView] = Store()
    store.put(account(5))
    store.remove(account(8))
    store.answered(account(7, SECRET))
    assert len(store) == 0
    store.answered(account(9, SECRET))
    assert store.of("team") == {"app": account(9, SECRET)}


def test_a_list_replaces_all_but_what_was_written_since() -> None:
    store: Store[AccountView] = Store()
    for kept in (account(1, name="same"), account(2, name="gone"), account(30, SECRET, name="written")):
        store.put(kept)
    listed = [account(1, name="same"), account(10, name="written"), account(11, name="new")]
    assert store.replace(listed, 20) == {"team"}
    assert {view.name: view.version for view in store.of("team").values()} == {"same": 1, "written": 30, "new": 11}
    assert store.is_synced
    assert store.replace([*store.of("team").values()], 40) == set()


def test_a_list_older_than_the_last_one_replaces_all() -> None:
    """As after a restore of etcd: what is known of versions counts for nothing."""
    store: Store[AccountView] = Store()
    store.replace([account(90, SECRET), account(95, name="lost")], 100)
    store.remove(account(99, name="removed"))
    assert store.replace([account(40)], 50) == {"team"}
    assert store.of("team") == {"app": account(40)}
    assert store.put(account(51, SECRET))
    store.answered(account(52, name="new"))
    assert store.of("team") == {"app": account(51, SECRET), "new": account(52, name="new")}


ADDITIONS = {
    "no list": (None, [{"op": "add", "path": "/imagePullSecrets", "value": [{"name": SECRET}]}]),
    "empty list": ((), [{"op": "add", "path": "/imagePullSecrets/-", "value": {"name": SECRET}}]),
    "others'": (("a", "b"), [{"op": "add", "path": "/imagePullSecrets/-", "value": {"name": SECRET}}]),
}
REMOVALS = {
    "alone": ((SECRET,), [{"op": "remove", "path": "/imagePullSecrets"}]),
    "twice and alone": ((SECRET, SECRET), [{"op": "remove", "path": "/imagePullSecrets"}]),
    "among others'": (("a", SECRET, "b"), [{"op": "remove", "path": "/imagePullSecrets/1"}]),
    "twice": (
        (SECRET, "a", SECRET),
        [{"op": "remove", "path": "/imagePullSecrets/2"}, {"op": "remove", "path": "/imagePullSecrets/0"}],
    ),
}
GUARD = {"op": "replace", "path": "/metadata/resourceVersion", "value": "9"}


@pytest.mark.parametrize(("pulls", "expected"), ADDITIONS.values(), ids=ADDITIONS)
def test_our_entry_is_appended_to_what_was_seen(pulls: tuple[str, ...] | None, expected: list[object]) -> None:
    assert list(addition(AccountView("team", "app", 9, pulls))) == [GUARD, *expected]


@pytest.mark.parametrize(("pulls", "expected"), REMOVALS.values(), ids=REMOVALS)
def test_our_entry_alone_is_taken_out(pulls: tuple[str, ...], expected: list[object]) -> None:
    assert list(removal(AccountView("team", "app", 9, pulls))) == [GUARD, *expected]


def test_the_secret_that_is_applied() -> None:
    body = Body()
    content, accounts = Content(b'{"auths":{}}', "key", 10, 20), select(("b", "a"), "*")
    whole = json.loads(bytes(body.of(content, accounts, None)))
    metadata = whole.pop("metadata")
    assert whole == {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": "eyJhdXRocyI6e319"},
    }
    assert metadata["annotations"].pop("aliyun-acr-credential-provider/content")
    assert metadata == {
        "name": SECRET,
        "labels": {"app.kubernetes.io/managed-by": "aliyun-acr-credential-provider"},
        "annotations": {
            "aliyun-acr-credential-provider/key": "key",
            "aliyun-acr-credential-provider/renew": "10",
            "aliyun-acr-credential-provider/end": "20",
            "aliyun-acr-credential-provider/service-accounts": "a,b",
        },
    }
    assert json.loads(bytes(body.of(content, accounts, 33)))["metadata"]["resourceVersion"] == "33"
    renewed = json.loads(bytes(body.of(Content(b"{}", "key", 30, 40), accounts, None)))
    assert renewed["metadata"]["annotations"]["aliyun-acr-credential-provider/end"] == "40"


def test_no_content_is_shown() -> None:
    assert "hush" not in repr(Content(b"hush", "key", 1, 2))


@pytest.mark.parametrize(
    ("status", "result"), [(409, "conflict"), (403, "refused"), (422, "refused"), (500, "failed"), (0, "failed")]
)
def test_results_that_are_counted(status: int, result: str) -> None:
    assert result_of(status) == result
