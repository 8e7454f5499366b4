"""The identities of the writer's pod, in step with what is mounted there."""

from pathlib import Path

import pytest

from provider.agent.identities import IDENTITIES, Identities, Identity
from provider.secrets.run_cluster import put_identities
from tests.unit.kubelet_volume import Volume


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: identity.name)
def test_an_identity_goes_only_when_two_looks_find_nothing(identity: Identity, tmp_path: Path) -> None:
    mounts, folder, lines = tmp_path / "mnt", tmp_path / "identities", list[str]()
    volume, target = Volume(mounts / identity.folder), folder / identity.target
    identities = Identities(str(mounts), str(folder))
    for value in ("first", None, "second", None):
        volume.put({} if value is None else {identity.key: value})
        put_identities(identities, lines.append)
        assert target.exists()
    put_identities(identities, lines.append)
    assert not target.exists() and not lines
