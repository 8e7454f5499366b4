"""The node's identities in step with what is mounted."""

import base64
import contextlib
import json
import os
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from provider.agent.identities import (
    IDENTITIES,
    MANAGED_ROLE,
    RRSA,
    Identities,
    Identity,
    end_of_managed_role,
    end_of_token,
    put_identity,
    take_identities_back,
)
from provider.agent.node_volume import read_key
from provider.node.files import NodeError, Tree
from tests.unit.kubelet_volume import Volume

END = 1_700_003_600
SESSION = json.dumps({"access.key.id": "x", "keyring": "y", "expiration": "2023-11-14T23:13:20Z"})


def jwt(payload: object) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'RS256'})}.{part(payload)}.c2lnbmF0dXJl"


VALUES = {
    MANAGED_ROLE.name: (SESSION, SESSION.replace('"y"', '"z"')),
    RRSA.name: (jwt({"exp": END}), jwt({"exp": END, "a": 1})),
}
each_identity = pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: identity.name)


class Node:
    def __init__(self, folder: Path, identity: Identity) -> None:
        self.mounts, self.identities = folder / "mnt", folder / "run/identities"
        self.volume = Volume(self.mounts / identity.folder)
        self.identity = identity
        self.target = self.identities / identity.target

    def put(self, value: str | bytes | None) -> float | None:
        self.volume.put({} if value is None else {self.identity.key: value})
        return put_identity(self.identity, str(self.mounts), str(self.identities))


@each_identity
def test_it_is_copied_into_the_tree_whose_links_stay_in_it(identity: Identity, tmp_path: Path) -> None:
    node = Node(tmp_path, identity)
    value = VALUES[identity.name][0]
    node.put(value)
    host = tmp_path / "host"
    (host / "real").mkdir(parents=True)
    (host / "run").symlink_to("/real")
    put_identity(identity, str(node.mounts), "/run/identities", Tree(str(host)))
    assert (host / "real/identities" / identity.target).read_text() == value
    assert stat.S_IMODE((host / "real/identities").stat().st_mode) == 0o700
    node.volume.put({})
    put_identity(identity, str(node.mounts), "/run/identities", Tree(str(host)))
    assert os.listdir(host / "real/identities") == []


@each_identity
def test_it_is_copied_for_root_alone_and_its_end_is_known(identity: Identity, tmp_path: Path) -> None:
    node = Node(tmp_path, identity)
    value, other = VALUES[identity.name]
    assert node.put(value) == END
    assert node.target.read_text() == value
    assert node.target.stat().st_mode & 0o777 == 0o600
    assert node.identities.stat().st_mode & 0o777 == 0o700
    assert node.put(other) == END
    assert node.target.read_text() == other
    assert os.listdir(node.identities) == [identity.target]


@each_identity
def test_the_same_value_is_not_written_again(identity: Identity, tmp_path: Path) -> None:
    node = Node(tmp_path, identity)
    node.put(VALUES[identity.name][0])
    before = node.target.stat()
    node.put(VALUES[identity.name][0])
    assert node.target.stat().st_ctime_ns == before.st_ctime_ns


@each_identity
def test_what_is_no_longer_mounted_is_taken_away(identity: Identity, tmp_path: Path) -> None:
    node = Node(tmp_path, identity)
    assert node.put(None) is None
    node.put(VALUES[identity.name][0])
    assert node.put(None) is None
    assert not node.target.exists()


@each_identity
def test_what_is_not_mounted_at_all_is_taken_away_too(identity: Identity, tmp_path: Path) -> None:
    node = Node(tmp_path, identity)
    node.put(VALUES[identity.name][0])
    assert put_identity(identity, "/nowhere", str(node.identities)) is None
    assert not node.target.exists()


@each_identity
def test_one_round_that_finds_nothing_takes_nothing_away(identity: Identity, tmp_path: Path) -> None:
    node, value = Node(tmp_path, identity), VALUES[identity.name][0]
    rounds = Identities(str(node.mounts), str(node.identities))

    def found(mounted: str | None) -> bool:
        node.volume.put({} if mounted is None else {identity.key: mounted})
        rounds.put(identity)
        return node.target.exists()

    assert [found(each) for each in (value, None, value, None, None)] == [True, True, True, True, False]


def test_a_change_while_it_is_read_is_never_taken_for_nothing(tmp_path: Path) -> None:
    volume = Volume(tmp_path / "volume")
    volume.put({"token": "0"})

    def change() -> None:
        for number in range(400):
            volume.put({"token": str(number)})

    changing = threading.Thread(target=change)
    changing.start()
    found: list[bytes | None] = []
    while changing.is_alive():
        # More changes than it tries are an error: the target stays then, too.
        with contextlib.suppress(FileNotFoundError):
            found.append(read_key(str(volume.folder), "token"))
    changing.join()
    assert len(found) > 100
    assert None not in found


@pytest.mark.parametrize("mode", [0o755, 0o777])
def test_a_folder_that_the_kubelet_made_is_closed(mode: int, tmp_path: Path) -> None:
    node = Node(tmp_path, RRSA)
    node.identities.mkdir(parents=True)
    node.identities.chmod(mode)
    node.put(jwt({"exp": END}))
    assert node.identities.stat().st_mode & 0o777 == 0o700


def test_a_target_that_others_may_read_and_a_link_are_replaced(tmp_path: Path) -> None:
    node = Node(tmp_path, RRSA)
    token = jwt({"exp": END})
    node.put(token)
    node.target.chmod(0o644)
    node.put(token)
    assert node.target.stat().st_mode & 0o777 == 0o600
    node.target.unlink()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("untouched")
    node.target.symlink_to(elsewhere)
    node.put(token)
    assert not node.target.is_symlink()
    assert elsewhere.read_text() == "untouched"


def test_what_cannot_be_written_is_told_without_the_value(tmp_path: Path) -> None:
    node = Node(tmp_path, RRSA)
    node.identities.mkdir(parents=True)
    node.target.mkdir()
    token = jwt({"exp": END})
    with pytest.raises(NodeError, match="rrsa-token") as caught:
        node.put(token)
    assert token not in str(caught.value)


def test_what_cannot_be_read_leaves_the_target(tmp_path: Path) -> None:
    node = Node(tmp_path, RRSA)
    token = jwt({"exp": END})
    node.put(token)
    with pytest.raises(NodeError, match="the token for RRSA is not in step"):
        put_identity(replace(RRSA, key="."), str(node.mounts), str(node.identities))
    assert node.target.read_text() == token


def test_all_are_taken_back(tmp_path: Path) -> None:
    take_identities_back(str(tmp_path / "missing"))
    for identity in IDENTITIES:
        (tmp_path / identity.target).write_text("x")
    (tmp_path / "another").write_text("x")
    take_identities_back(str(tmp_path))
    assert os.listdir(tmp_path) == ["another"]


@pytest.mark.parametrize(
    "value",
    ["", "{", "[]", "3", '"x"', "{}", '{"expiration": 3}', '{"expiration": "soon"}', '{"expiration": null}',
     '{"error": {"code": "EntityNotExist.Role"}, "expiration": "2023-11-14T23:13:20Z"}'],
)  # fmt: skip
def test_a_session_that_does_not_say_its_end_has_none(value: str) -> None:
    assert end_of_managed_role(value.encode()) is None


@pytest.mark.parametrize(
    "value",
    ["", "abc", "a.b.c", "a.!.c", jwt({}), jwt([]), jwt({"exp": "soon"}), jwt({"exp": None}), jwt({"exp": True})],
)
def test_a_token_that_does_not_say_its_end_has_none(value: str) -> None:
    assert end_of_token(value.encode()) is None
